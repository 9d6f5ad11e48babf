//! Errors of reading and writing files.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be written, or an array could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// An output could not be written. No partial file was left behind.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file to write.
        path: PathBuf,
        /// The reason of the operating system or the encoder.
        source: io::Error,
    },
    /// The name of an output ends in another format than the one that is written.
    #[error(
        "{}: expected a name that ends in .{expected}, the format that is written, found .{found}",
        path.display()
    )]
    Name {
        /// The file to write.
        path: PathBuf,
        /// The usual ending of the format.
        expected: &'static str,
        /// The ending of the name.
        found: String,
    },
    /// An input could not be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not the expected kind of `.npy` array.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What the reader expects.
        expected: String,
        /// What the file has.
        found: String,
    },
}

impl SinkError {
    /// Whether writing an output failed, rather than reading an input.
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
