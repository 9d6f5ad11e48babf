//! What can be wrong with a model pack.

use crate::{Dim, Sha256Hex};
use std::path::PathBuf;

/// Why a manifest or a pack was refused. Every message names the field or file, what was expected
/// and what was found.
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
    /// The TOML does not parse, has an unknown key, lacks one, or a value has the wrong type.
    #[error("model.toml: {0}")]
    Toml(String),
    /// A field's value is not allowed.
    #[error("model.toml: `{field}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path of the field.
        field: String,
        /// What the field may hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A tensor's declared shape does not follow from the model's image size and channels.
    #[error("model.toml: `{field}`: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// Dotted path of the field.
        field: String,
        /// The shape that the contract demands.
        expected: Vec<Dim>,
        /// The shape declared.
        found: Vec<Dim>,
    },
    /// A file is not the size that the manifest says.
    #[error("{path}: expected {expected} bytes as model.toml says, found {found}")]
    FileSize {
        /// The file.
        path: PathBuf,
        /// `bytes` of the manifest.
        expected: u64,
        /// Its real size.
        found: u64,
    },
    /// A file's content is not what the manifest says.
    #[error("{path}: expected SHA-256 {expected} as model.toml says, found {found}")]
    FileHash {
        /// The file.
        path: PathBuf,
        /// `sha256` of the manifest.
        expected: Sha256Hex,
        /// Its real digest.
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
