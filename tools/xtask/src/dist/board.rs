//! The board that a package is for, as its profile in `boards/` says.

use crate::cross::TARGET;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// What packages take from a profile.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) id: String,
    /// As people call it.
    pub(super) name: String,
    /// Memory that the service may have, MiB.
    pub(super) memory_limit_mib: u32,
    /// Largest resident set that the self-test accepts, MiB.
    pub(super) rss_mib: u32,
    /// The profile as it is.
    pub(super) bytes: Vec<u8>,
}

/// Folder of all profiles.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("boards")
}

impl Board {
    /// Reads `boards/ID.toml`.
    pub(super) fn read(workspace: &Workspace, id: &str) -> Result<Self> {
        let file = folder(workspace).join(id).with_extension("toml");
        let known = || {
            let ids = ids(workspace);
            let ids = if ids.is_empty() { "none".to_string() } else { ids.join(", ") };
            format!("{} (boards that have one: {ids})", workspace.shown(&file))
        };
        let bytes = std::fs::read(&file)
            .with_context(|| format!("cannot read the board's profile {}", known()))?;
        Self::parse(id, bytes).with_context(|| workspace.shown(&file).to_string())
    }

    /// A profile that is of this board, and of the processor that is built for.
    pub(super) fn parse(id: &str, bytes: Vec<u8>) -> Result<Self> {
        let text = std::str::from_utf8(&bytes).context("expected UTF-8 text")?;
        let profile: toml::Table = toml::from_str(text).context("expected TOML")?;
        let word = |key: &str| profile.get(key).and_then(toml::Value::as_str);
        for (key, expected) in [("id", id), ("target", TARGET)] {
            let found = word(key).with_context(|| format!("expected `{key}`, found none"))?;
            ensure!(found == expected, "`{key}`: expected `{expected}`, found `{found}`");
        }
        let mib = |section: &str, key: &str| {
            let value = profile.get(section).and_then(|section| section.get(key)?.as_integer());
            let mib = value.and_then(|mib| u32::try_from(mib).ok()).filter(|mib| *mib > 0);
            mib.with_context(|| format!("expected `{section}.{key}` in MiB, found none"))
        };
        Ok(Self {
            id: id.to_string(),
            name: word("name").context("expected `name`, found none")?.to_string(),
            memory_limit_mib: mib("memory", "limit_mib")?,
            rss_mib: mib("budget", "rss_mib")?,
            bytes,
        })
    }

    /// What distributions call a package for it.
    pub(super) fn package(&self) -> String {
        format!("uniultra-{}", self.id)
    }
}

/// The first board, by name, that has the target's processor.
pub(super) fn first(workspace: &Workspace) -> Option<String> {
    ids(workspace).into_iter().find(|id| Board::read(workspace, id).is_ok())
}

/// Names of the profiles.
fn ids(workspace: &Workspace) -> Vec<String> {
    let entries = std::fs::read_dir(folder(workspace)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// A profile with what packages need of one.
#[cfg(test)]
pub(super) fn example() -> Board {
    Board::parse("some-board", EXAMPLE.into()).unwrap_or_else(|error| unreachable!("{error:#}"))
}

#[cfg(test)]
const EXAMPLE: &str = "id = \"some-board\"\nname = \"Some Board\"\ntarget = \"aarch64-unknown-linux-gnu\"\n\
                       [memory]\nlimit_mib = 128\n[budget]\nrss_mib = 48\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_of_its_board_and_of_the_target() {
        let board = example();
        assert_eq!(
            (board.package().as_str(), board.name.as_str()),
            ("uniultra-some-board", "Some Board")
        );
        assert_eq!((board.memory_limit_mib, board.rss_mib), (128, 48));
        for (from, to, words) in [
            ("some-board", "other", "`id`: expected `some-board`, found `other`"),
            ("aarch64", "x86_64", "found `x86_64-unknown-linux-gnu`"),
            ("limit_mib = 128", "", "`memory.limit_mib`"),
            ("rss_mib = 48", "rss_mib = 0", "`budget.rss_mib`"),
            ("name =", "name", "expected TOML"),
        ] {
            let bytes = EXAMPLE.replacen(from, to, 1).into_bytes();
            let error = format!("{:#}", Board::parse("some-board", bytes).unwrap_err());
            assert!(error.contains(words), "{words} in {error}");
        }
    }
}
