//! What can go wrong between a result and a file.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be written, or an array could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// An output could not be written. Nothing was left behind.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file asked for.
        path: PathBuf,
        /// The operating system's or the encoder's reason.
        source: io::Error,
    },
    /// An input could not be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not the `.npy` array that was asked for.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What the reader accepts.
        expected: String,
        /// What the file holds.
        found: String,
    },
}

impl SinkError {
    /// Whether an output failed, as opposed to an input.
    #[must_use]
    pub fn is_output(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn npy(path: &Path, expected: impl Into<String>, found: impl ToString) -> Self {
        let (expected, found) = (expected.into(), found.to_string());
        Self::Npy { path: path.to_path_buf(), expected, found }
    }
}
