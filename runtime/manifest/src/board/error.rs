//! What can be wrong with a board profile.

use std::path::PathBuf;

/// Why a board profile was refused. Every message names the file or field, what was expected and what
/// was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The file could not be read.
    #[error("cannot read the board profile {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Not text, no TOML, an unknown or missing key, or a value of the wrong type.
    #[error("board profile: {0}")]
    Toml(String),
    /// A field's value is not allowed, or contradicts another.
    #[error("board profile: `{field}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path of the field.
        field: String,
        /// What the field may hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}

impl BoardError {
    pub(super) fn field(
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Field { field: field.into(), expected: expected.into(), found: found.to_string() }
    }
}
