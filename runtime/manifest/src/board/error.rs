//! Errors of board profiles.

use std::path::PathBuf;

/// Why a board profile was refused. Every message names the file or field, the expected value and
/// the value found.
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
    /// The file is not UTF-8 text or not TOML, a key is unknown or missing, or a value has the
    /// wrong type.
    #[error("board profile: {0}")]
    Toml(String),
    /// A field's value is not allowed or contradicts another field.
    #[error("board profile: `{field}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path of the field.
        field: String,
        /// The values that the field may have.
        expected: String,
        /// The value found.
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
