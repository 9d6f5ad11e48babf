//! Writes files whole or not at all, as a careful user set them up.
//!
//! A file is written under another name in the same folder (`part`), then renamed. What a path
//! leads to, and what must be written in place instead, is decided in `place`. Where a rename is
//! impossible, an existing file is overwritten (`overwrite`).

#[cfg(target_os = "linux")]
mod attributes;
mod leftovers;
mod overwrite;
mod part;
mod place;
mod staged;
#[cfg(test)]
mod tests;

use crate::SinkError;
use overwrite::overwrite;
use part::{Part, take_after};
use place::Place;
pub use staged::StagedFolder;
use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

/// Writes to a temporary file in the same folder, then syncs and renames it once `content` has
/// succeeded. On any failure an older file stays unchanged, and nothing else is left behind.
///
/// - An existing file keeps its mode, its access control list and the attributes that users set
///   (`user.*`), and its owner and group where the system permits that. One that is read-only is
///   refused.
/// - Of several names of one file (hard links), `path` alone gets the new content, and a warning in
///   the log says so: a copy that a backup holds stays as it was.
/// - Symbolic links are followed, also one whose target does not exist yet.
/// - What is not a regular file (a pipe, `/dev/null`), and a descriptor of this process
///   (`/dev/stdout`, `/dev/fd/3`), is written in place, from where the descriptor stands.
/// - A file that cannot be replaced, because it is a mount of its own or its folder is read-only, is
///   overwritten, with a warning in the log. The bytes that need more room are written first, so
///   that a full disk leaves the older content.
///
/// # Errors
/// [`SinkError::Write`], naming `path`.
pub fn write_atomically(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SinkError> {
    attempt(path, content).map_err(|source| SinkError::write(path, source))
}

/// Checks that [`write_atomically`] could write to `path` now: that a file is not read-only, and
/// that a new one can be made. Call it before a long computation. It leaves nothing behind, and
/// opens no pipe.
///
/// # Errors
/// [`SinkError::Write`], naming `path`.
pub fn check_writable(path: &Path) -> Result<(), SinkError> {
    let check = || match Place::find(path)? {
        Place::Stream(stream) => stream.check(),
        Place::New(path) => Part::create(folder_of(&path), None).map(drop),
        Place::File(path) => {
            let old = open_existing(&path)?;
            match Part::create(folder_of(&path), Some(&old)) {
                Err(error) if !folder_refuses(&error) => Err(error),
                _ => Ok(()),
            }
        }
    };
    check().map_err(|source| SinkError::write(path, source))
}

/// The file or descriptor that a write to `path` changes, the same for all its names; `None` for a
/// device or pipe, which can take several results.
#[must_use]
pub fn write_target(path: &Path) -> Option<PathBuf> {
    match Place::find(path) {
        Ok(Place::Stream(stream)) => stream.descriptor(),
        Ok(Place::New(path) | Place::File(path)) => {
            let folder = fs::canonicalize(folder_of(&path));
            Some(match (folder, path.file_name()) {
                (Ok(folder), Some(name)) => folder.join(name),
                _ => path,
            })
        }
        Err(_) => Some(path.to_path_buf()),
    }
}

fn attempt(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match Place::find(path)? {
        Place::Stream(stream) => fill(&stream.open()?, content),
        Place::New(path) => {
            let part = Part::create(folder_of(&path), None)?;
            fill(part.file(), content)?;
            part.rename_to(&path).map_err(|(error, _)| error)
        }
        Place::File(path) => replace(&path, content),
    }
}

/// Replaces a file, or overwrites it where that is impossible.
fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let old = open_existing(path)?;
    let in_place = |reason: &io::Error| {
        let path = path.display();
        log::warn!("{path} is written in place, because it cannot be replaced: {reason}");
    };
    match Part::create(folder_of(path), Some(&old)) {
        Ok(part) => {
            fill(part.file(), content)?;
            take_after(part.file(), &old)?;
            match part.rename_to(path) {
                Err((error, part)) if file_refuses(&error) => {
                    in_place(&error);
                    overwrite(&old, &mut part.file())
                }
                Err((error, _)) => Err(error),
                Ok(()) => {
                    warn_of_other_names(path, &old);
                    Ok(())
                }
            }
        }
        Err(error) if folder_refuses(&error) => {
            in_place(&error);
            let mut bytes = Vec::new();
            content(&mut bytes)?;
            overwrite(&old, &mut Cursor::new(bytes))
        }
        Err(error) => Err(error),
    }
}

/// Says how many names the file before still has.
#[cfg(unix)]
fn warn_of_other_names(path: &Path, old: &File) {
    let others = part::name_count(old);
    if others > 0 {
        let path = path.display();
        log::warn!(
            "{path} is a new file now; the older one keeps its content under {others} other name(s) (hard links)"
        );
    }
}

#[cfg(not(unix))]
fn warn_of_other_names(_: &Path, _: &File) {}

/// Opens a file for writing as a check that this is allowed; it stays as it was.
fn open_existing(path: &Path) -> io::Result<File> {
    // Root may write everything. A file that nobody may write was protected on purpose.
    if fs::metadata(path)?.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    File::options().write(true).open(path)
}

/// Whether a folder takes no new files, although a file in it may be writable.
fn folder_refuses(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Whether a file cannot be replaced although a new one can be made beside it: it is a mount point,
/// or another user's in a folder with the sticky bit.
fn file_refuses(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy || folder_refuses(error)
}

fn fill(file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    content(&mut writer)?;
    writer.flush()
}

/// The folder that a path's last part lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
