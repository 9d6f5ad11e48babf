//! Errors of a live session.

use crate::object::ObjectId;
use std::error::Error;
use uniultra_core::{PromptError, SegmentError};

/// Why a session refused a request, or could not process a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError<E: Error + 'static> {
    /// The session has as many objects as it may have.
    #[error("expected at most {max} objects; remove one first")]
    TooManyObjects {
        /// Most objects of a session.
        max: usize,
    },
    /// The object was removed, or never added.
    #[error("there is no object {0}")]
    NoObject(ObjectId),
    /// The object has as many prompts as it may have.
    #[error("object {id}: expected at most {max} prompts; undo some or add the object anew")]
    TooManyPrompts {
        /// The object.
        id: ObjectId,
        /// Most prompts of an object.
        max: usize,
    },
    /// The prompt does not make sense on any frame.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The prompt is for a frame that has not come yet.
    #[error("expected a prompt on a frame that was processed, found frame {found}")]
    FutureFrame {
        /// The frame of the prompt.
        found: u64,
    },
    /// Only the last frame can be answered again.
    #[error("expected the frame that was processed last, found frame {found}")]
    OtherFrame {
        /// The number of the refused frame.
        found: u64,
    },
    /// Frame numbers must rise.
    #[error("expected a frame after number {last}, found number {found}")]
    FrameOrder {
        /// The newest frame.
        last: u64,
        /// The number of the refused frame.
        found: u64,
    },
    /// The model failed.
    #[error(transparent)]
    Segment(#[from] SegmentError<E>),
}
