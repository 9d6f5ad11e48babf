//! The hidden folder that a dataset is written to, and what killed runs left of theirs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PREFIX: &str = ".phantom-";

/// Name of an older dataset that is about to be replaced, inside the hidden folder.
const REPLACED: &str = "replaced";

/// A folder that is deleted when it is dropped. Its lock tells other processes that it is in use.
#[derive(Debug)]
pub(crate) struct HiddenFolder {
    folder: TempDir,
    _lock: Option<File>,
}

impl HiddenFolder {
    /// A new one in `out`. Deletes those of runs that were killed.
    pub(crate) fn inside(out: &Path) -> io::Result<Self> {
        remove_leftovers(out);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(out)?;
        let lock = File::open(folder.path()).ok().filter(|folder| folder.try_lock().is_ok());
        Ok(Self { folder, _lock: lock })
    }

    /// Where the new dataset is written.
    pub(crate) fn set(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    /// Where the older one waits for its end.
    pub(crate) fn replaced(&self) -> PathBuf {
        self.folder.path().join(REPLACED)
    }
}

/// What cannot be deleted stays: it may be another user's.
fn remove_leftovers(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_named || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        // Killed between two renames, a run leaves the only copy of the older dataset.
        let is_free = || File::open(&path).is_ok_and(|folder| folder.try_lock().is_ok());
        if !path.join(REPLACED).exists() && is_free() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_run_left_is_deleted() {
        let out = tempfile::tempdir().unwrap();
        let path = |name: &str| out.path().join(name);
        fs::create_dir_all(path(".phantom-dead/set/image")).unwrap();
        fs::create_dir_all(path(".phantom-between/replaced")).unwrap();
        fs::create_dir(path("phantom")).unwrap();
        fs::write(path(".phantom-notes"), "").unwrap();
        let live = HiddenFolder::inside(out.path()).unwrap();
        let other = HiddenFolder::inside(out.path()).unwrap();
        assert!(!path(".phantom-dead").exists());
        for kept in [&live, &other] {
            assert!(kept.folder.path().is_dir());
        }
        drop((live, other));
        let mut left: Vec<_> =
            fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".phantom-between", ".phantom-notes", "phantom"]);
    }
}
