//! Measures tracking: how well a [live session](uniultra_live) follows objects through sequences of frames whose
//! masks are known.
//!
//! ```text
//! folder with cine.json, or a run of numbered frames ─> Sequence
//!                                                          │
//!                 first frame: one tap in each object      │ every frame: image, true mask
//!                                                          v
//!           Method: live session, or a baseline ─> mask of each frame ─> Dice ─> Figures ─> report
//! ```
//!
//! Baselines show what following is worth: the first mask, frozen; the taps held in place; template matching.

mod error;
mod figures;
mod method;
mod report;
mod run;
mod sequence;
mod template;

pub use error::TrackError;
pub use figures::Figures;
pub use method::Method;
pub use report::{MethodReport, SequenceReport, TrackReport, track_document, write_track};
pub use run::{FrameScore, follow};
pub use sequence::{FrameFiles, Sequence, find_sequences, numbered_run};
