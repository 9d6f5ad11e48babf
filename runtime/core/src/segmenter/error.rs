//! Errors on the way from a model to a mask.

use crate::{PreprocessError, PromptError};
use std::error::Error;
use std::fmt;

/// One of the two networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The image encoder.
    Encode,
    /// The mask decoder.
    Decode,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encode => "image encoder",
            Self::Decode => "mask decoder",
        })
    }
}

/// Why there is no prediction. `E` is the engine's error type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError<E: Error + 'static> {
    /// The model could not be opened.
    #[error("the model cannot be opened")]
    Open(#[source] E),
    /// The encoder's input could not be made from the frame.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// The prompts were refused.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The engine failed to run a network.
    #[error("the {stage} failed")]
    Network {
        /// Which network.
        stage: Stage,
        /// The engine's reason.
        #[source]
        source: E,
    },
    /// A network returned NaN or infinity, so there is no valid mask.
    #[error("mask decoder: `{tensor}`: expected finite numbers, found {found}")]
    NotFinite {
        /// Name of the tensor.
        tensor: &'static str,
        /// The value found.
        found: f32,
    },
    /// The number of values that a network returned does not match the tensor contract.
    #[error("mask decoder: `{tensor}`: expected {expected} values, found {found}")]
    Output {
        /// Name of the tensor.
        tensor: &'static str,
        /// Number of values in the contract.
        expected: usize,
        /// Number of values returned.
        found: usize,
    },
}
