//! A file that is not finished yet: its name, its lock, and its way to the final name.

use super::folder_of;
use super::leftovers::remove_leftovers;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use tempfile::NamedTempFile;

/// Beginning and end of a temporary name. Other programs see a hidden file.
pub(super) const PREFIX: &str = ".uniultra-";
pub(super) const SUFFIX: &str = ".part";

/// Temporary files that may be taken for leftovers, one after the other, before that is an error.
const ATTEMPTS: usize = 16;

/// A file under a temporary name. It is deleted when dropped. Its lock says that it is not a leftover
/// of a process that was killed.
#[derive(Debug)]
pub(super) struct Part(NamedTempFile);

impl Part {
    /// A new empty file in `folder`, to be the successor of the file `old`, if any.
    pub(super) fn create(folder: &Path, old: Option<&File>) -> io::Result<Self> {
        remove_leftovers(folder);
        for _ in 0..ATTEMPTS {
            let file = temporary(folder, old.is_some())?;
            match file.as_file().try_lock() {
                // Between the two calls, another process may have locked it and deleted it.
                Ok(()) if name_count(file.as_file()) == 0 => {}
                Err(TryLockError::WouldBlock) => {}
                // Where there are no locks, nobody removes leftovers.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Self(file)),
            }
        }
        Err(io::Error::other("temporary files disappear as soon as they are made"))
    }

    pub(super) fn file(&self) -> &File {
        self.0.as_file()
    }

    /// Syncs the file and gives it its name. If the name is refused, the file comes back, too.
    pub(super) fn rename_to(self, path: &Path) -> Result<(), (io::Error, Self)> {
        if let Err(error) = self.file().sync_all()
            // Some file systems cannot sync a file, which does not mean that it is lost.
            && !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
        {
            return Err((error, self));
        }
        self.0.persist(path).map_err(|failed| (failed.error, Self(failed.file)))?;
        // The rename is durable only once the folder is synced. Not every file system can, and the
        // file is complete by now either way.
        if let Ok(folder) = File::open(folder_of(path)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

/// A file for its owner alone, or with the usual mode of outputs.
fn temporary(folder: &Path, private: bool) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Before the umask. A successor may have to stay as private as the file before it.
        let mode = if private { 0o600 } else { 0o666 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = private;
    builder.tempfile_in(folder).map_err(|e| match e.kind() {
        kind @ io::ErrorKind::NotFound => {
            io::Error::new(kind, format!("there is no folder {}", folder.display()))
        }
        // Without the temporary name, which the error would quote.
        kind @ (io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::NotADirectory) => {
            io::Error::new(kind, format!("the folder {}: {kind}", folder.display()))
        }
        _ => e,
    })
}

/// Names that a file has; 1 where that is not known.
#[cfg(unix)]
pub(super) fn name_count(file: &File) -> u64 {
    use std::os::unix::fs::MetadataExt;
    file.metadata().map_or(1, |data| data.nlink())
}

#[cfg(not(unix))]
pub(super) fn name_count(_: &File) -> u64 {
    1
}

#[cfg(unix)]
pub(super) use unix::take_after;

#[cfg(not(unix))]
pub(super) fn take_after(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod unix {
    #[cfg(target_os = "linux")]
    use super::super::attributes::{keep_attributes, keep_lists};
    use std::fs::{File, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    const GROUP: u32 = 0o070;
    const OTHERS: u32 = 0o007;
    const SET_IDS: u32 = 0o6000;

    /// Gives a file or folder `new` the mode, owner, group, access control lists and attributes of
    /// `old_file`, as far as the system permits.
    pub(in super::super) fn take_after(new: &File, old_file: &File) -> io::Result<()> {
        let (old, now) = (old_file.metadata()?, new.metadata()?);
        let mut group_is_kept = true;
        let mut mode = old.mode() & 0o7777;
        let same_owner = (old.uid(), old.gid()) == (now.uid(), now.gid());
        if !same_owner && fchown(new, Some(old.uid()), Some(old.gid())).is_err() {
            // Only root gives files away. Everybody may choose among the own groups.
            if old.gid() != now.gid() && fchown(new, None, Some(old.gid())).is_err() {
                // Another group must not get what was meant for this one.
                mode = mode & !GROUP | (mode & (mode & OTHERS) << 3);
                group_is_kept = false;
            }
            mode &= !SET_IDS;
        }
        #[cfg(target_os = "linux")]
        {
            keep_attributes(new, old_file);
            if group_is_kept && !keep_lists(new, old_file) {
                mode &= !GROUP;
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = group_is_kept;
        if mode != new.metadata()?.mode() & 0o7777
            && let Err(error) = new.set_permissions(Permissions::from_mode(mode))
        {
            // On FAT, for example, all files have the same mode.
            log::debug!("the mode {mode:o} is not kept: {error}");
        }
        Ok(())
    }
}
