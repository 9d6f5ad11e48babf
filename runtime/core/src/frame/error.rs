//! Errors of frames.

use crate::{MAX_SIDE_PX, MIN_SIDE_PX};

/// Why a frame was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A side is out of range. Found in the header, before any pixel is decoded.
    #[error("frame: expected {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels a side, found {width}x{height}")]
    Size {
        /// Width found, in pixels.
        width: usize,
        /// Height found, in pixels.
        height: usize,
    },
    /// The number of samples does not follow from the size.
    #[error("frame: expected {expected} samples for {width}x{height} pixels, found {found}")]
    Samples {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Number of samples that the size requires.
        expected: usize,
        /// Number of samples found.
        found: usize,
    },
    /// The bytes are not an image of a supported format.
    #[error("frame: expected a PNG, JPEG, BMP, TIFF or PNM image, found {found}; {advice}")]
    Format {
        /// What was found instead.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The image is of a kind that the format allows but the decoder lacks.
    #[error("frame: expected a usual kind of {format}, found {found}; convert the image to PNG")]
    Kind {
        /// Format of the file.
        format: &'static str,
        /// The kind found.
        found: String,
    },
    /// A stated bit depth is out of range or does not fit the samples.
    #[error("frame: expected a bit depth of 8 to 16 that all samples fit in, found {found}")]
    BitDepth {
        /// The depth, and the sample that does not fit it.
        found: String,
    },
    /// The image is well formed, but its kind of samples is not supported.
    #[error("frame: expected gray or RGB samples of 8 or 16 bit, found {found}")]
    SampleKind {
        /// The kind found.
        found: String,
    },
    /// The file ends before the image does.
    #[error("frame: expected the whole {format} image, found a truncated file")]
    Truncated {
        /// Format of the file.
        format: &'static str,
    },
    /// The image is damaged, or uses a feature that the decoder lacks.
    #[error("frame: the {format} image cannot be decoded: {reason}")]
    Decode {
        /// Format of the file.
        format: &'static str,
        /// The decoder's reason.
        reason: String,
    },
}
