//! Why a comparison ended without a result.

use std::io;
use std::path::PathBuf;
use uniultra_core::{FrameError, SegmentError};
use uniultra_engine::EngineError;
use uniultra_evaluate::EvaluateError;
use uniultra_manifest::ManifestError;
use uniultra_onnx::OnnxError;
use uniultra_phantom::PhantomError;
use uniultra_report::ReportError;
use uniultra_sink::SinkError;

/// Why a comparison ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A pack cannot be opened, or the data folder not be used.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A pack's files cannot be read.
    #[error("model {}", folder.display())]
    Pack {
        /// The pack's folder.
        folder: PathBuf,
        /// The reason.
        source: ManifestError,
    },
    /// A pack's graph cannot be read.
    #[error("model {}: {file}", folder.display())]
    Graph {
        /// The pack's folder.
        folder: PathBuf,
        /// The network's file.
        file: String,
        /// The reason.
        source: OnnxError,
    },
    /// A pack does not run on the frame that speed is measured with.
    #[error("model {side}, while its speed was measured")]
    Run {
        /// `A` or `B`.
        side: &'static str,
        /// The runtime's reason.
        source: Box<SegmentError<EngineError>>,
    },
    /// There is no frame to measure speed with.
    #[error("the frame that speed is measured with")]
    Frame(#[from] FrameError),
    /// The phantoms cannot be simulated.
    #[error("phantoms")]
    Phantom(#[from] PhantomError),
    /// There is no scratch folder for the phantoms.
    #[error("cannot make a scratch folder for the phantoms")]
    Scratch(#[source] io::Error),
    /// The report's files cannot be written.
    #[error(transparent)]
    Files(#[from] ReportError),
    /// Another output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
}

impl CompareError {
    /// Whether an output failed, as opposed to an input.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Evaluate(error) => error.is_output(),
            Self::Phantom(error) => error.is_output(),
            Self::Files(error) => error.is_output(),
            Self::Output(error) => error.is_output(),
            Self::Scratch(_) => true,
            _ => false,
        }
    }

    /// Whether a model pack is at fault.
    #[must_use]
    pub fn is_model(&self) -> bool {
        match self {
            Self::Evaluate(error) => error.is_model(),
            Self::Pack { .. } | Self::Graph { .. } | Self::Run { .. } => true,
            _ => false,
        }
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Evaluate(error) => error.hint(),
            Self::Files(error) => error.hint(),
            Self::Pack { .. } => {
                Some("a model pack is a folder exactly as `uniultra-tools export` writes it")
            }
            _ => None,
        }
    }
}
