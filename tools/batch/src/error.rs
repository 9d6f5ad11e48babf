//! Why a batch ends without a result.

use std::io;
use std::path::{Path, PathBuf};
use uniultra_core::SegmentError;
use uniultra_engine::EngineError;
use uniultra_report::ReportError;
use uniultra_sink::SinkError;

/// Why a batch or a merge cannot start or go on. What is wrong with one file is in its lines of the results instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A folder or a list cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A line of a list, of prompts or of results is not as it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// A file as a whole is not as it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// Options that contradict each other or the folders.
    #[error("{0}")]
    Usage(String),
    /// The folder belongs to a run with other options.
    #[error("{}: {what}: expected {expected}, as the run in this folder has, found {found}", folder.display())]
    Changed {
        /// The run's folder.
        folder: PathBuf,
        /// Which option or fact differs.
        what: &'static str,
        /// What the folder's run has.
        expected: String,
        /// What this run has.
        found: String,
    },
    /// The model failed in a way that is no frame's fault.
    #[error(transparent)]
    Model(#[from] SegmentError<EngineError>),
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
    /// A report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Folders do not belong together.
    #[error("merge: {0}")]
    Merge(String),
    /// Everything was done, but some prompts have no answer.
    #[error("expected an answer to every prompt, found {count} without; the first: {first}")]
    Failed {
        /// Prompts and files without an answer.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A thread of this program cannot be started, or ended before its time.
    #[error("internal error: {0}")]
    Internal(String),
}

impl BatchError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn line(path: &Path, line: u64, reason: impl ToString) -> Self {
        Self::Line { path: path.to_path_buf(), line, reason: reason.to_string() }
    }

    pub(crate) fn file(path: &Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_path_buf(), reason: reason.to_string() }
    }

    /// Whether an output is at fault.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Output(error) => error.is_output(),
            Self::Report(error) => error.is_output(),
            _ => false,
        }
    }

    /// Whether the command line is at fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_) | Self::Changed { .. })
    }

    /// Whether the model is at fault.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self, Self::Model(_))
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Changed { .. } => Some(
                "give the options of the first start to go on with that run, or choose another --out for a new one",
            ),
            Self::Failed { .. } => Some(
                "the lines of results.jsonl whose status is `failed` name each of them; all other answers are there",
            ),
            Self::Report(error) => error.hint(),
            _ => None,
        }
    }
}
