//! The split of a set into parts, and its file.

use crate::FolderError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A part of a set, as `data_split.json` names it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SplitPart {
    /// Images that models are trained on.
    Train,
    /// Images that choices are made on.
    #[default]
    Val,
    /// Images for one final figure.
    Test,
    /// Every image of the folder.
    All,
}

impl SplitPart {
    /// The name, as in the file and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::All => "all",
        }
    }
}

impl fmt::Display for SplitPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SplitPart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Train, Self::Val, Self::Test, Self::All]
            .into_iter()
            .find(|part| part.name() == text)
            .ok_or_else(|| format!("expected train, val, test or all, found {text:?}"))
    }
}

/// Stems of a part, sorted and without repeats; `None` if there is no file, which means that every
/// image is used. Names may have an image's extension.
pub(crate) fn stems_of(path: &Path, part: SplitPart) -> Result<Option<Vec<String>>, FolderError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FolderError::Read { path: path.to_path_buf(), source }),
    };
    let refuse = |reason| FolderError::Split { path: path.to_path_buf(), reason };
    let mut parts: BTreeMap<String, Vec<String>> =
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
    let Some(names) = parts.remove(part.name()) else {
        let found = parts.into_keys().collect::<Vec<_>>().join(", ");
        return Err(refuse(format!("expected `{part}`, found {found}")));
    };
    let mut stems: Vec<String> = names.iter().map(|name| stem(name).to_string()).collect();
    stems.sort_unstable();
    stems.dedup();
    Ok(Some(stems))
}

fn stem(name: &str) -> &str {
    let extensions = [".png", ".jpg", ".jpeg"];
    extensions.iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_sorted_and_without_extensions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_split.json");
        assert!(stems_of(&path, SplitPart::Val).unwrap().is_none());
        std::fs::write(&path, r#"{"train": ["c"], "val": ["b.png", "a", "b"]}"#).unwrap();
        let stems = stems_of(&path, SplitPart::Val).unwrap().unwrap();
        assert_eq!(stems, ["a", "b"]);
        let error = stems_of(&path, SplitPart::Test).unwrap_err().to_string();
        assert!(error.contains("`test`") && error.contains("train"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_split.json");
        for bad in ["", "[]", "{\"val\": 3}", "{\"val\": [1]}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(stems_of(&path, SplitPart::Val), Err(FolderError::Split { .. })));
        }
    }
}
