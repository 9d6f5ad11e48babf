//! A live session: frames of a scanner come in, prompts come at any time, and each prompted object is
//! followed from frame to frame.
//!
//! ```text
//! scanner ─> FrameSlot (the latest frame wins, others are counted as dropped)
//!               │
//!               v
//!          LiveSession::process ─> thumbnail ─> motion of the whole picture ─┐
//!               │                                                            v
//!               ├─> image_encoder, once a frame            where each object is expected
//!               │                                                            │
//!   prompts ────┴─> mask_decoder, once an object <── its last mask, moved ───┘
//!                        │
//!                        └─> gate: predicted IoU, object score, overlap, appearance
//!                                 ─> Tracking, Uncertain or Lost; mask, contour, measures
//! ```
//!
//! Nothing here opens a file or a socket, and no list grows: there are at most [`MAX_LIVE_OBJECTS`] objects
//! with [`MAX_PROMPTS`] prompts each. Answers do not depend on time, only on the frames that were processed
//! and on the prompts.

mod captured;
mod error;
mod follow;
mod gate;
mod judge;
mod measures;
mod object;
mod options;
mod overload;
mod session;
mod sight;
mod slot;
mod stats;
mod track;

pub use captured::CapturedFrame;
pub use error::LiveError;
pub use measures::Measures;
pub use object::{
    LiveObject, LivePrompt, MAX_NAME_BYTES, MAX_PROMPTS, ObjectId, ObjectState, PromptKind,
};
pub use options::LiveOptions;
pub use overload::{Overload, Pacer, Step};
pub use session::{LiveSession, MAX_LIVE_OBJECTS};
pub use slot::{FrameSlot, SlotCounts};
pub use stats::{Ages, Stats};
