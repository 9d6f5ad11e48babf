//! The files under version control, as the checks see them.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use uniultra_checkout::workspace::{self, Workspace};

/// Largest file whose text is read, in bytes; nothing but models may be larger.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// One file.
struct File {
    bytes: u64,
    /// The content, where it is short and UTF-8.
    text: Option<String>,
}

/// Files by path from the root, with `/` between folders.
#[derive(Default)]
pub(super) struct Tree {
    files: BTreeMap<String, File>,
}

impl Tree {
    /// What git tracks, and what it would add: an untracked file is tomorrow's commit.
    pub(super) fn read_checkout(workspace: &Workspace) -> Result<Self> {
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = workspace::output(workspace.command("git").args(args))
            .context("the file checks need a git checkout")?;
        let mut tree = Self::default();
        for path in listed.split_terminator('\0') {
            let full = workspace.root.join(path);
            // Deleted but not yet committed: no longer there to be checked.
            let Ok(metadata) = full.symlink_metadata() else { continue };
            let text = if metadata.is_file() && metadata.len() <= MAX_TEXT_BYTES {
                let content =
                    std::fs::read(&full).with_context(|| format!("cannot read {path}"))?;
                String::from_utf8(content).ok()
            } else {
                None
            };
            tree.files.insert(path.to_string(), File { bytes: metadata.len(), text });
        }
        Ok(tree)
    }

    /// Every path, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Path and size in bytes of every file.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file.bytes))
    }

    /// Path and text of every text file.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, file)| file.text.as_deref().map(|text| (path.as_str(), text)))
    }

    /// Path and text of every text file whose path ends so.
    pub(super) fn texts_ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    /// Whether there is such a file, or a folder with files in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| {
            let file = File { bytes: text.len() as u64, text: Some(text.to_string()) };
            (path.to_string(), file)
        });
        Self { files: files.into() }
    }
}

#[cfg(test)]
impl Tree {
    /// Adds a file that is too large or not text.
    pub(super) fn with_binary(mut self, path: &str, bytes: u64) -> Self {
        self.files.insert(path.to_string(), File { bytes, text: None });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_files_and_folders() {
        let tree = Tree::from([("a/b.md", ""), ("a.md", "")]);
        assert!(["", "a", "a/b.md", "a.md"].iter().all(|path| tree.has(path)));
        assert!(["b.md", "a/", "a/b", "a/c.md"].iter().all(|path| !tree.has(path)));
    }
}
