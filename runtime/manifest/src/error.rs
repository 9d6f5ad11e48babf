//! Errors of model packs.

use crate::{Dim, Sha256Hex};
use std::path::PathBuf;

/// Why a manifest or a pack was refused. Every message names the field or file, the expected value
/// and the value found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A file of the pack could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The TOML does not parse, a key is unknown or missing, or a value has the wrong type.
    #[error("model.toml: {0}")]
    Toml(String),
    /// A field's value is not allowed.
    #[error("model.toml: `{field}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path of the field.
        field: String,
        /// The values that the field may have.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A tensor's declared shape does not follow from the model's image size and channels.
    #[error("model.toml: `{field}`: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// Dotted path of the field.
        field: String,
        /// The shape in the contract.
        expected: Vec<Dim>,
        /// The shape declared.
        found: Vec<Dim>,
    },
    /// The size of a file differs from the manifest.
    #[error("{path}: expected {expected} bytes as model.toml says, found {found}")]
    FileSize {
        /// The file.
        path: PathBuf,
        /// `bytes` of the manifest.
        expected: u64,
        /// The file's size.
        found: u64,
    },
    /// The hash of a file differs from the manifest.
    #[error("{path}: expected SHA-256 {expected} as model.toml says, found {found}")]
    FileHash {
        /// The file.
        path: PathBuf,
        /// `sha256` of the manifest.
        expected: Sha256Hex,
        /// The file's hash.
        found: Sha256Hex,
    },
}

impl ManifestError {
    pub(crate) fn field(
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Field { field: field.into(), expected: expected.into(), found: found.to_string() }
    }
}
