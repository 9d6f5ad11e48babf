//! Atomic writes: a file appears complete or not at all.

use crate::SinkError;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes to a temporary file in the same folder, then syncs and renames it once `content` has
/// succeeded. On any failure an older file stays unchanged.
///
/// Follows symbolic links. Writes directly to a target that is not a regular file (a pipe,
/// `/dev/null`), because a rename would replace it.
///
/// # Errors
/// [`SinkError::Write`], naming `path`.
pub fn write_atomically(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SinkError> {
    attempt(path, content).map_err(|source| SinkError::write(path, source))
}

/// Checks that [`write_atomically`] could write to `path` now: that its folder exists and accepts
/// files. Call it before a long computation. It leaves nothing behind.
///
/// # Errors
/// [`SinkError::Write`], naming `path`.
pub fn check_writable(path: &Path) -> Result<(), SinkError> {
    let check = || match target(path)? {
        Target::File { folder, .. } => temporary(&folder).map(drop),
        Target::Device => File::options().write(true).open(path).map(drop),
    };
    check().map_err(|source| SinkError::write(path, source))
}

enum Target {
    /// A regular file, existing or not: the target of the rename, and its folder.
    File { path: PathBuf, folder: PathBuf },
    /// Something that exists and is neither a file nor a folder.
    Device,
}

fn target(path: &Path) -> io::Result<Target> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
    }
    let path = match fs::metadata(path) {
        Ok(data) if data.is_dir() => {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
        }
        Ok(data) if !data.is_file() => return Ok(Target::Device),
        // Resolved, so that the rename replaces the file of a symbolic link and not the link.
        Ok(_) => fs::canonicalize(path)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(e) => return Err(e),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Ok(Target::File { path, folder })
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".uniultra-").suffix(".part");
    #[cfg(unix)]
    {
        // Temporary files are private by default; an output gets the usual mode, before the umask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|e| {
        if e.kind() == io::ErrorKind::NotFound {
            let message = format!("there is no folder {}", folder.display());
            return io::Error::new(io::ErrorKind::NotFound, message);
        }
        e
    })
}

fn attempt(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match target(path)? {
        Target::Device => fill(&File::options().write(true).open(path)?, content),
        Target::File { path, folder } => {
            let file = temporary(&folder)?;
            fill(file.as_file(), content)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            // The rename is durable only once the folder is synced. Not every file system
            // can, and the file is complete by now either way.
            if let Ok(folder) = File::open(&folder) {
                let _ = folder.sync_all();
            }
            Ok(())
        }
    }
}

fn fill(file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    content(&mut writer)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn replaces_the_old_file_only_on_success() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        write_atomically(&path, |w| w.write_all(b"first")).unwrap();
        let failed = write_atomically(&path, |w| {
            w.write_all(b"second, but then")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("out.json"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["out.json"]);
    }

    #[test]
    fn a_path_below_a_file_or_in_no_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        for bad in ["file/out.png", "absent/out.png", ".", "..", ""] {
            let path = folder.path().join(bad);
            let error = check_writable(&path).unwrap_err();
            assert!(error.is_output() && error.to_string().contains(bad), "{error}");
            assert!(write_atomically(&path, |w| w.write_all(b"x")).is_err(), "{bad}");
        }
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_an_error_and_stays_a_device() {
        use std::os::unix::fs::FileTypeExt;
        let full = Path::new("/dev/full");
        let error = write_atomically(full, |w| w.write_all(b"x")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /dev/full"), "{error}");
        assert!(fs::metadata(full).unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_pointing_at_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn checking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(&folder.path().join("out.png")).unwrap();
        assert!(names(folder.path()).is_empty());
    }
}
