//! Writes results atomically: mask PNG, overlay, logits as `.npy`.
//!
//! Every output but a file of lines ([`AppendedLines`]) goes through [`write_atomically`], so a file is complete or absent, whatever
//! happens, and keeps its mode and owner. The `encode_` functions write to a stream instead.
//! [`read_mask_prompt`] reads what [`write_logits`] wrote.
//!
//! A process whose file size is limited (`RLIMIT_FSIZE`) must ignore the signal `SIGXFSZ`; then it
//! gets an error like that of a full disk. A library cannot do that for it.

mod atomic;
mod coco;
mod destination;
mod error;
mod format;
mod lines;
mod mask_png;
mod npy;
mod overlay;

pub use atomic::{StagedFolder, check_writable, write_atomically, write_target};
pub use coco::coco_counts;
pub use destination::Destination;
pub use error::SinkError;
pub use format::Format;
pub use lines::AppendedLines;
pub use mask_png::{encode_mask_png, write_mask_png};
pub use npy::{MAX_MASK_PROMPT_SIDE, encode_logits, read_mask_prompt, write_logits};
pub use overlay::{Alternative, Overlay, encode_overlay_png, write_overlay_png};
