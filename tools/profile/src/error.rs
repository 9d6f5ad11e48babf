//! Why there is no profile.

use std::io;
use std::path::PathBuf;
use uniultra_core::{FrameError, SegmentError};
use uniultra_engine::EngineError;
use uniultra_evaluate::EvaluateError;
use uniultra_kernels::KernelError;
use uniultra_manifest::ManifestError;
use uniultra_sink::SinkError;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The pack cannot be read.
    #[error("model {}", folder.display())]
    Pack {
        /// The pack's folder.
        folder: PathBuf,
        /// The reason.
        source: ManifestError,
    },
    /// The pack does not load or run.
    #[error("model {}", folder.display())]
    Run {
        /// The pack's folder.
        folder: PathBuf,
        /// The runtime's reason.
        source: Box<SegmentError<EngineError>>,
    },
    /// The operations of one run were not those of the run before, so that there is no median.
    #[error("model {}: expected the same operations in every run, found others in run {run}", folder.display())]
    Changed {
        /// The pack's folder.
        folder: PathBuf,
        /// The run, counted from 0.
        run: u32,
    },
    /// The frame's file cannot be read.
    #[error("cannot read the frame {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The frame cannot be decoded.
    #[error("frame {}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FrameError,
    },
    /// The sample frame could not be made.
    #[error("the sample frame")]
    Sample(#[source] FrameError),
    /// The kernels that the machine's peaks are measured with refused their sizes.
    #[error("the machine's peaks")]
    Peaks(#[from] KernelError),
    /// The report to compare with is not one.
    #[error("{}: expected a report.json of `uniultra-tools profile`: {reason}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A report is in the way, or its folder cannot be made.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
}

impl ProfileError {
    /// Whether an output failed, as opposed to an input.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Evaluate(error) => error.is_output(),
            Self::Output(_) => true,
            _ => false,
        }
    }

    /// Whether a model pack is at fault.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self, Self::Pack { .. } | Self::Run { .. } | Self::Changed { .. })
    }

    /// Whether the fault is our own.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Sample(_) | Self::Peaks(_))
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Evaluate(error) => error.hint(),
            Self::Pack { .. } => {
                Some("a model pack is a folder exactly as `uniultra-tools export` writes it")
            }
            Self::Report { .. } => Some("--compare takes a model pack's folder or a report.json"),
            _ => None,
        }
    }
}
