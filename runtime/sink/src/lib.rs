//! Writes results atomically: mask PNG, overlay, logits as `.npy`.
//!
//! Every output goes through [`write_atomically`], so a file is complete or absent, whatever
//! happens. [`read_mask_prompt`] reads what [`write_logits`] wrote.

mod atomic;
mod error;
mod mask_png;
mod npy;
mod overlay;

pub use atomic::{check_writable, write_atomically};
pub use error::SinkError;
pub use mask_png::write_mask_png;
pub use npy::{MAX_MASK_PROMPT_SIDE, read_mask_prompt, write_logits};
pub use overlay::{Alternative, Overlay, write_overlay_png};
