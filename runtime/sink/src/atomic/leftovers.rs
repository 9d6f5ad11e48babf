//! Removes temporary files and folders of processes that were killed.

use super::part::{PREFIX, SUFFIX};
use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Folders that were cleared already. Reading a folder for each of many files would take long.
static CLEARED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// Most folders to remember; a process that writes to more clears some twice.
const MAX_FOLDERS: usize = 1024;

/// Removes what killed processes left in `folder`, once a process. Problems are left alone: another
/// user's files, for example.
pub(super) fn remove_leftovers(folder: &Path) {
    if let (Ok(mut cleared), Ok(folder)) = (CLEARED.lock(), fs::canonicalize(folder)) {
        if cleared.len() >= MAX_FOLDERS {
            cleared.clear();
        }
        if !cleared.insert(folder) {
            return;
        }
    }
    remove(folder);
}

/// The same, every time.
pub(super) fn remove(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(is_part) {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // A live process holds the lock. Locks need a file open for writing on NFS.
        let Ok(file) = File::options().read(is_folder).write(!is_folder).open(&path) else {
            continue;
        };
        let remove =
            |path| if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if file.try_lock().is_ok() && remove(&path).is_ok() {
            log::info!("removed {}, left by a run that was killed", path.display());
        }
    }
}

fn is_part(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let named = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
    // Not following links: whatever they lead to is not a temporary file.
    named && entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir())
}
