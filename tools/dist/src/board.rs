//! The board that a package is for, as its profile in `boards/` says.

use anyhow::{Context, Result};
use std::path::Path;
use uniultra_checkout::workspace::Workspace;
use uniultra_cross as cross;
use uniultra_manifest::{Board as Profile, BoardFile};

/// A board, and its profile's bytes.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) profile: Profile,
    /// The bytes of the file.
    pub(super) bytes: Vec<u8>,
}

impl Board {
    /// Reads `boards/ID.toml`, which has to be of the target.
    pub(super) fn read(workspace: &Workspace, id: &str) -> Result<Self> {
        let path = cross::board_file(&workspace.root, id)?;
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read {}", workspace.shown(&path)))?;
        let file = BoardFile::from_bytes(&bytes).context(path.display().to_string())?;
        Ok(Self { profile: file.board, bytes })
    }

    pub(super) fn id(&self) -> &str {
        &self.profile.id
    }

    /// What distributions call a package for it.
    pub(super) fn package(&self) -> String {
        format!("uniultra-{}", self.id())
    }

    /// Its profile's place below the prefix.
    pub(super) fn installed(&self) -> String {
        format!("share/uniultra/boards/{}.toml", self.id())
    }

    /// The kind of core to emulate: the smallest that has what the profile requires.
    pub(super) fn emulated_core(&self) -> &'static str {
        // Both without what is newer: what runs there runs on later cores.
        let required = &self.profile.cpu.required_features;
        if required.iter().all(|feature| feature == "neon") { "cortex-a53" } else { "cortex-a76" }
    }

    /// Whether a machine with so many CPUs has those that the profile binds threads to.
    pub(super) fn fits(&self, cpus: usize) -> bool {
        self.profile.pins().iter().all(|pin| *pin < cpus)
    }
}

/// The first board, by name, that has the target's processor.
pub(super) fn first(workspace: &Workspace) -> Option<String> {
    let entries = std::fs::read_dir(workspace.root.join("boards")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let id = |path: &Path| Some(path.file_stem()?.to_str()?.to_string());
    files.iter().filter_map(|path| id(path)).find(|id| Board::read(workspace, id).is_ok())
}

/// The Raspberry Pi 4 of this checkout.
#[cfg(test)]
pub(super) fn example() -> Board {
    let workspace = Workspace::find().unwrap_or_else(|error| unreachable!("{error:#}"));
    Board::read(&workspace, "raspberry-pi-4").unwrap_or_else(|error| unreachable!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_found_by_its_id() {
        let workspace = Workspace::find().unwrap();
        let board = example();
        assert_eq!(board.package(), "uniultra-raspberry-pi-4");
        assert_eq!((board.emulated_core(), board.fits(1)), ("cortex-a53", true));
        let board = Board::read(&workspace, "rk3588").unwrap();
        assert_eq!(
            (board.emulated_core(), board.fits(7), board.fits(8)),
            ("cortex-a76", false, true)
        );
        for (id, words) in [("host", "found one for x86_64"), ("absent", "found `absent`")] {
            let error = format!("{:#}", Board::read(&workspace, id).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
        assert!(first(&workspace).is_some_and(|id| Board::read(&workspace, &id).is_ok()));
    }
}
