//! One process at a time in `target/cross`: two that fetch a toolchain there would take it away from each
//! other.

use super::folder;
use anyhow::{Context, Result};
use std::fs::{File, TryLockError};
use std::sync::{Mutex, PoisonError};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

/// Held until the process ends, however it ends.
static LOCK: Mutex<Option<File>> = Mutex::new(None);

/// Waits until no other process works there.
pub(super) fn alone(workspace: &Workspace) -> Result<()> {
    let mut held = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        let folder = folder(workspace);
        let path = folder.join("lock");
        let shown = || format!("cannot lock {}", workspace.shown(&path));
        std::fs::create_dir_all(&folder).with_context(shown)?;
        let file = File::create(&path).with_context(shown)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                screen::line("waiting for another `cargo xtask` that works for ARM");
                file.lock().with_context(shown)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(shown),
        }
        *held = Some(file);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_would_wait() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().to_path_buf();
        let workspace = Workspace { target: root.join("target"), root };
        alone(&workspace).unwrap();
        // Again, as several steps of one process do.
        alone(&workspace).unwrap();
        let other = File::open(folder(&workspace).join("lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    }
}
