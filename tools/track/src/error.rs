//! Why sequences could not be followed.

use std::path::PathBuf;
use uniultra_core::{FrameError, PromptError};
use uniultra_dataset::SampleError;
use uniultra_engine::EngineError;

/// Why sequences could not be found, read or followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// A file of sequences cannot be read.
    #[error("{}: expected sequences as `uniultra-tools phantom --cine` writes them: {reason}", path.display())]
    Sequences {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to follow.
    #[error("{}: expected at least 2 frames in order, found {found}", path.display())]
    TooShort {
        /// The folder.
        path: PathBuf,
        /// Frames found.
        found: usize,
    },
    /// The mask of a first frame has no object to tap.
    #[error("{}: expected an object in the mask of the first frame, found none", path.display())]
    NoObject {
        /// The mask.
        path: PathBuf,
    },
    /// A sequence is of one video, and a video's frames have one size.
    #[error(
        "{}: expected {}x{} pixels, as the first frame of the sequence has, found {}x{}",
        path.display(), expected[0], expected[1], found[0], found[1]
    )]
    SizeChanged {
        /// The image.
        path: PathBuf,
        /// Width and height of the first frame.
        expected: [usize; 2],
        /// Width and height of this one.
        found: [usize; 2],
    },
    /// A frame or mask cannot be used.
    #[error("{}", path.display())]
    Sample {
        /// The image.
        path: PathBuf,
        /// The reason.
        source: SampleError,
    },
    /// A frame was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A tap was refused.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The session failed.
    #[error(transparent)]
    Live(#[from] uniultra_live::LiveError<EngineError>),
    /// The model cannot be opened, or failed.
    #[error(transparent)]
    Segment(#[from] uniultra_core::SegmentError<EngineError>),
}

impl TrackError {
    /// Whether the model is the cause, rather than the frames.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self, Self::Live(_) | Self::Segment(_))
    }
}
