//! What can go wrong between a model and a mask.

use crate::{PreprocessError, PromptError};
use std::error::Error;
use std::fmt;

/// A run of one of the two networks.
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

/// Why there is no prediction. `E` is the engine's own error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError<E: Error + 'static> {
    /// The model could not be opened.
    #[error("the model cannot be opened")]
    Open(#[source] E),
    /// The frame could not be brought to the encoder's input.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// The prompts were refused.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The engine failed while it ran a network.
    #[error("the {stage} failed")]
    Network {
        /// Which network.
        stage: Stage,
        /// The engine's reason.
        #[source]
        source: E,
    },
    /// A network returned NaN or infinity, so there is nothing that could be called a mask.
    #[error("mask decoder: `{tensor}`: expected finite numbers, found {found}")]
    NotFinite {
        /// Name of the tensor.
        tensor: &'static str,
        /// The value.
        found: f32,
    },
    /// A network returned another number of values than the contract says.
    #[error("mask decoder: `{tensor}`: expected {expected} values, found {found}")]
    Output {
        /// Name of the tensor.
        tensor: &'static str,
        /// Values that the contract calls for.
        expected: usize,
        /// Values returned.
        found: usize,
    },
}
