//! The split of a set into parts, and its file.

use crate::{FolderError, text};
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

/// Names of a part's images as the file has them; `None` if there is no file, which means that every
/// image is used.
pub(crate) fn names_of(path: &Path, part: SplitPart) -> Result<Option<Vec<String>>, FolderError> {
    let Some(text) = text::read(path)? else { return Ok(None) };
    // The parser's messages name line and column.
    let refuse = |reason| FolderError::Split { path: path.to_path_buf(), reason };
    let mut parts: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    match parts.remove(part.name()) {
        Some(names) => Ok(Some(names)),
        None => {
            let found = parts.into_keys().collect::<Vec<_>>().join(", ");
            Err(refuse(format!("expected `{part}`, found {found}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_and_without_a_byte_order_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_split.json");
        assert!(names_of(&path, SplitPart::Val).unwrap().is_none());
        for mark in ["", "\u{feff}"] {
            let text = format!(r#"{mark}{{"train": ["c"], "val": ["b.png", "a", "b"]}}"#);
            std::fs::write(&path, text).unwrap();
            let names = names_of(&path, SplitPart::Val).unwrap().unwrap();
            assert_eq!(names, ["b.png", "a", "b"]);
            let error = names_of(&path, SplitPart::Test).unwrap_err().to_string();
            assert!(error.contains("`test`") && error.contains("train"), "{error}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_split.json");
        for bad in ["", "[]", "{\"val\": 3}", "{\"val\": [1]}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(names_of(&path, SplitPart::Val), Err(FolderError::Split { .. })));
        }
        for (bad, line) in [
            (b"{\"val\": [\n\"a\",\n]}".as_slice(), "line 3"),
            (b"{\"val\": [\n\"caf\xe9\"]}", "line 2"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
        ] {
            std::fs::write(&path, bad).unwrap();
            let error = names_of(&path, SplitPart::Val).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains("data_split.json"), "{error}");
        }
    }
}
