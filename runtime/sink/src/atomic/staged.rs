//! A folder of files that appears whole or not at all.

use super::folder_of;
use super::leftovers::remove_leftovers;
use super::part::{PREFIX, SUFFIX, take_after};
use crate::SinkError;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder under a temporary name, to be filled and then given its name. It is deleted when dropped.
///
/// What a killed process left is deleted by the next one that makes a folder or file there.
#[derive(Debug)]
pub struct StagedFolder {
    folder: TempDir,
    target: PathBuf,
    /// Says that it is not a leftover.
    lock: Option<File>,
}

impl StagedFolder {
    /// A new, empty folder beside `target`, whose parent must exist.
    ///
    /// # Errors
    /// [`SinkError::Write`], naming `target`.
    pub fn beside(target: &Path) -> Result<Self, SinkError> {
        let create = || {
            // The last part may be `..` or a link; the true folder is the one to be replaced.
            let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_path_buf());
            let parent = folder_of(&target);
            remove_leftovers(parent);
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX).suffix(SUFFIX);
            #[cfg(unix)]
            {
                // The usual mode, before the umask; temporary folders are private by default.
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(fs::Permissions::from_mode(0o777));
            }
            let folder = builder.tempdir_in(parent)?;
            let lock = File::open(folder.path()).ok().filter(|file| file.try_lock().is_ok());
            Ok(Self { folder, target, lock })
        };
        create().map_err(|source| SinkError::write(target, source))
    }

    /// Where to put the files.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its name. A folder of this name is replaced; the new one keeps its mode, owner
    /// and group.
    ///
    /// # Errors
    /// [`SinkError::Write`]; the older folder is then still there.
    pub fn finish(self) -> Result<(), SinkError> {
        self.rename().map_err(|source| SinkError::write(&self.target, source))
    }

    fn rename(&self) -> io::Result<()> {
        let (fresh, target) = (self.folder.path(), &self.target);
        if let Some(lock) = &self.lock {
            let _ = lock.sync_all();
        }
        if !target.exists() {
            return fs::rename(fresh, target);
        }
        if let (Some(new), Ok(old)) = (&self.lock, File::open(target)) {
            take_after(new, &old)?;
        }
        // In one step, so that there is a folder at every moment.
        if exchange(fresh, target)? {
            return Ok(());
        }
        // In two. If the process is killed in between, the older folder has this name, which nothing
        // deletes.
        let aside = fresh.with_extension("replaced");
        fs::rename(target, &aside)?;
        if let Err(error) = fs::rename(fresh, target) {
            fs::rename(&aside, target)?;
            return Err(error);
        }
        fs::remove_dir_all(&aside)
    }
}

/// Exchanges two folders; false where the system cannot.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic::leftovers;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_one() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("pack");
        for text in ["first", "second"] {
            let staged = StagedFolder::beside(&target).unwrap();
            fs::write(staged.path().join("a"), text).unwrap();
            fs::write(staged.path().join(text), "").unwrap();
            staged.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), text);
            assert_eq!(names(&target).len(), 2);
            assert_eq!(names(scratch.path()), ["pack"]);
        }
        drop(StagedFolder::beside(&target).unwrap());
        assert_eq!(names(scratch.path()), ["pack"]);
        assert!(StagedFolder::beside(&scratch.path().join("absent/pack")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_is_the_usual_one_or_that_of_the_folder_before() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let (target, plain) = (scratch.path().join("pack"), scratch.path().join("plain"));
        fs::create_dir(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        StagedFolder::beside(&target).unwrap().finish().unwrap();
        assert_eq!(mode(&target), mode(&plain));
        fs::set_permissions(&target, fs::Permissions::from_mode(0o750)).unwrap();
        StagedFolder::beside(&target).unwrap().finish().unwrap();
        assert_eq!(mode(&target), 0o750);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_being_filled_is_no_leftover() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join(".uniultra-dead.part/inside")).unwrap();
        let live = StagedFolder::beside(&scratch.path().join("pack")).unwrap();
        leftovers::remove(scratch.path());
        assert_eq!(names(scratch.path()).len(), 1);
        live.finish().unwrap();
        assert_eq!(names(scratch.path()), ["pack"]);
    }
}
