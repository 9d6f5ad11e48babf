//! How to decode a file, and what was found beside its pixels.

use super::depth;
use crate::{Frame, FrameError};

/// How to decode an image file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DecodeOptions {
    pub(super) bit_depth: Option<u8>,
    pub(super) keep_orientation: bool,
}

impl DecodeOptions {
    /// The default: all bits of a sample count, and the orientation is applied.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Samples use only the lowest `bits` bits of the 8 or 16 that they are stored in: 4095 is white
    /// at 12 bit.
    ///
    /// # Errors
    /// [`FrameError::BitDepth`] if `bits` is not in 8..=16.
    pub fn with_bit_depth(mut self, bits: u8) -> Result<Self, FrameError> {
        depth::check(bits)?;
        self.bit_depth = Some(bits);
        Ok(self)
    }

    /// Leaves the pixels as they are stored, whatever orientation the file states: masks of turned
    /// images are often stored upright but carry the tag of the image.
    #[must_use]
    pub fn with_stored_orientation(mut self) -> Self {
        self.keep_orientation = true;
        self
    }
}

/// A frame, and what the file says beside its pixels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DecodedFrame {
    /// The frame, upright.
    pub frame: Frame,
    /// The EXIF orientation that was applied to make the frame upright, 2 to 8; `None` if the pixels
    /// are stored upright or were left as stored.
    pub orientation_applied: Option<u8>,
    /// Whether the file has more pages (TIFF); the frame is the first.
    pub has_more_pages: bool,
    /// The largest sample of a 16-bit file that uses less than half of its range, so that it may
    /// hold fewer bits and be seen too dark; `None` for other files and if a bit depth was given.
    pub low_peak: Option<u16>,
}
