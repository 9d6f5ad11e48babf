//! Puts a finished folder in its place.

use std::fs;
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// Renames `fresh`, which lies in `scratch`, to `folder`. A folder that is there goes to `scratch`,
/// and goes away with it.
///
/// Where the system can swap two folders, there is one of them at every moment, whenever the process
/// is killed. Elsewhere the old one is moved first, and moved back if the new one cannot follow.
pub(crate) fn put(fresh: &Path, folder: &Path, scratch: TempDir) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(fresh, folder);
    }
    if swap(fresh, folder) {
        return Ok(());
    }
    let old = scratch.path().join("old");
    fs::rename(folder, &old)?;
    fs::rename(fresh, folder).inspect_err(|_| {
        // The scratch folder goes away: the pack that was there must not go with it.
        if fs::rename(&old, folder).is_err() {
            let _ = scratch.keep();
        }
    })
}

/// Whether the folders have changed places; some file systems cannot do that.
#[cfg(target_os = "linux")]
fn swap(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn swap(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_the_place_of_another() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("pack");
        for content in ["first", "second"] {
            let scratch = tempfile::tempdir_in(parent.path()).unwrap();
            let fresh = scratch.path().join("fresh");
            fs::create_dir(&fresh).unwrap();
            fs::write(fresh.join("file"), content).unwrap();
            put(&fresh, &folder, scratch).unwrap();
            assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), content);
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "something is left");
        }
    }
}
