//! What `uniultra segment` and `uniultra-tools batch` share: the bytes of a frame's file, and an answer with its
//! measures and warnings. Both programs say the same about the same frame and prompt.
//!
//! ```text
//! file ─> read_frame_file ─> is_dicom? ─> a decoder
//! Prediction ─> Answer ─> warnings, MeasuresMm
//! ```
//!
//! ```
//! use uniultra_answer::{is_dicom, read_frame_file};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/sample/frame.png");
//! let bytes = read_frame_file(std::fs::File::open(path)?)?;
//! assert!(!is_dicom(&bytes) && bytes.starts_with(b"\x89PNG"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "dicom")]
mod dicom;
mod file;
mod measured;
mod millimetres;
mod warning;

#[cfg(feature = "dicom")]
pub use dicom::{frame_index, prompted_spacing, warnings_of_image};
pub use file::{FileError, is_dicom, read_frame_file};
pub use measured::{Answer, Candidate};
pub use millimetres::MeasuresMm;
pub use warning::{DicomWarning, NoLogits, Warning, Warnings, add, warnings, warnings_of_frame};
