//! Files that are either complete or absent.
//!
//! A training may be killed at any moment. Each file is therefore written under a temporary name
//! next to its target, synced to disk, and then renamed in one operation.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Name of unfinished files: `.<target>.partial-<random>`.
const MARK: &str = ".partial-";

/// A file could not be written; an older file is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {cause}{}", path.display(), hint(cause))]
pub struct WriteError {
    /// The target.
    pub path: PathBuf,
    /// The cause.
    pub cause: io::Error,
}

fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (free some space; what was saved before is unchanged)"
        }
        _ => "",
    }
}

/// Writes `path` with `fill`, atomically.
///
/// # Errors
/// Names the path, whether its folder, `fill` or the disk failed.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    write_inner(path, fill).map_err(|cause| WriteError { path: path.to_owned(), cause })
}

fn write_inner(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let prefix = prefix_of(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Temporary files are private by default, results are not; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let partial = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 20, partial.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|failure| failure.error)?;
    // The rename is on disk once the folder is. Not every platform can open one.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Deletes unfinished files that killed processes left next to `path`; returns their number.
///
/// Only for a target that no other process is writing.
///
/// # Errors
/// Names the path when its folder cannot be read or a file in it not be deleted.
pub fn remove_leftovers(path: &Path) -> Result<usize, WriteError> {
    let remove = || {
        let prefix = prefix_of(path)?;
        let mut removed = 0;
        for entry in folder_of(path).read_dir()? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    };
    remove().map_err(|cause| WriteError { path: path.to_owned(), cause })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn prefix_of(path: &Path) -> io::Result<String> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    Ok(format!(".{}{MARK}", name.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_keeps_the_old_file_and_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        write(&path, |out| out.write_all(b"old")).unwrap();
        let full = write(&path, |out| {
            out.write_all(b"new")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        let message = full.unwrap_err().to_string();
        assert!(message.contains("state.safetensors") && message.contains("free some space"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write(Path::new("/nowhere/at/all.csv"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.csv"));
    }

    #[test]
    fn leftovers_of_this_target_only_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        for name in [".a.bin.partial-x1", ".b.bin.partial-x1", "a.bin"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(remove_leftovers(&path).unwrap(), 1);
        assert!(path.exists() && folder.path().join(".b.bin.partial-x1").exists());
    }
}
