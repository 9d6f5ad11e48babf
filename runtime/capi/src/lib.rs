//! The C interface: `libuniultra_c`, as a shared and as a static library. Its header is
//! `include/uniultra.h`, which a test makes anew from this crate and compares.
//!
//! Handles are numbers, not addresses (`handle`): one that was freed, or never was one, is refused.
//! No panic crosses the border (`failure`). A structure says its own size (`sized`), so that a later
//! version can add fields at its end.
// The other crates may not: see the root Cargo.toml. Here pointers come from another language.
#![allow(unsafe_code)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the rules that callers keep are the same for every function: they head the header"
)]

mod failure;
mod frame;
mod handle;
mod prediction;
mod prompts;
mod segmenter;
mod sized;

pub use failure::{
    CError, UNIULTRA_ERROR_ARGUMENT, UNIULTRA_ERROR_BUFFER, UNIULTRA_ERROR_ENGINE,
    UNIULTRA_ERROR_FILE, UNIULTRA_ERROR_FRAME, UNIULTRA_ERROR_HANDLE, UNIULTRA_ERROR_INTERNAL,
    UNIULTRA_ERROR_MODEL, UNIULTRA_ERROR_OPTIONS, UNIULTRA_ERROR_PROMPT, UNIULTRA_MESSAGE_BYTES,
    UNIULTRA_OK,
};
pub use frame::{
    CEncoded, CEncodedInfo, CFrame, UNIULTRA_GRAY8, UNIULTRA_RGB8, uniultra_encode,
    uniultra_encoded_describe, uniultra_encoded_free,
};
pub use prediction::{
    CMeasures, CPrediction, CPredictionInfo, uniultra_prediction_describe,
    uniultra_prediction_free, uniultra_prediction_logits, uniultra_prediction_mask,
    uniultra_prediction_measures, uniultra_prediction_outline, uniultra_prediction_outline_count,
};
pub use prompts::{
    CPrompts, UNIULTRA_MAX_OBJECTS, UNIULTRA_MAX_POINTS, UNIULTRA_NEGATIVE, UNIULTRA_POSITIVE,
    uniultra_predict, uniultra_predict_all,
};
pub use segmenter::{
    CModelInfo, COptions, CSegmenter, UNIULTRA_TEXT_BYTES, uniultra_open_embedded,
    uniultra_open_folder, uniultra_open_memory, uniultra_segmenter_describe,
    uniultra_segmenter_free,
};

use std::ffi::{CStr, c_char};

/// Version of this interface. It grows when something is added; a library serves programs that were
/// built with a header of the same or of a lower version.
pub const UNIULTRA_ABI_VERSION: u32 = 1;

/// Masks of a prediction; tokens go from 0 to one less.
pub const UNIULTRA_MASK_COUNT: u32 = 4;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the interface that the library has. A program compares it with
/// `UNIULTRA_ABI_VERSION`, which is that of its header, and goes on if it is not lower.
#[unsafe(no_mangle)]
pub extern "C" fn uniultra_abi_version() -> u32 {
    UNIULTRA_ABI_VERSION
}

/// The library's release, e.g. "0.1.0". The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn uniultra_version() -> *const c_char {
    VERSION.as_ptr()
}
