//! A still image: its size and its decoded samples.

mod decode;
mod depth;
mod error;
mod format;
mod jpeg;
mod options;
mod orientation;
mod tiff;

pub use error::FrameError;
pub use options::{DecodeOptions, DecodedFrame};

use std::ops::RangeInclusive;

/// Smallest side of a frame, in pixels.
pub const MIN_SIDE_PX: usize = 16;

/// Largest side of a frame, in pixels.
pub const MAX_SIDE_PX: usize = 8192;

const SIDES_PX: RangeInclusive<usize> = MIN_SIDE_PX..=MAX_SIDE_PX;

/// Samples of a frame, row by row; the channels of a pixel lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// `[height, width]`, black 0 to white 255.
    Gray8(Vec<u8>),
    /// `[height, width]`, black 0 to white 65535.
    Gray16(Vec<u16>),
    /// `[height, width, 3]`, red, green, blue, 0 to 255.
    Rgb8(Vec<u8>),
    /// `[height, width, 3]`, red, green, blue, 0 to 65535.
    Rgb16(Vec<u16>),
}

impl Pixels {
    /// Channels of a pixel: 1 or 3.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self {
            Self::Gray8(_) | Self::Gray16(_) => 1,
            Self::Rgb8(_) | Self::Rgb16(_) => 3,
        }
    }

    /// Number of samples; each channel of a pixel counts.
    fn samples(&self) -> usize {
        match self {
            Self::Gray8(samples) | Self::Rgb8(samples) => samples.len(),
            Self::Gray16(samples) | Self::Rgb16(samples) => samples.len(),
        }
    }
}

/// A still image of [`MIN_SIDE_PX`] to [`MAX_SIDE_PX`] pixels a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    pixels: Pixels,
}

impl Frame {
    /// A frame from samples already in memory.
    ///
    /// # Errors
    /// [`FrameError::Size`] if a side is out of range, [`FrameError::Samples`] if the number of
    /// samples does not match the size.
    pub fn new(width: usize, height: usize, pixels: Pixels) -> Result<Self, FrameError> {
        check_size(width, height)?;
        let (expected, found) = (width * height * pixels.channels(), pixels.samples());
        if found != expected {
            return Err(FrameError::Samples { width, height, expected, found });
        }
        Ok(Self { width, height, pixels })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The samples.
    #[must_use]
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// Red, green and blue of the pixel in column `x` and row `y`, each in 0..=1; `None` outside
    /// the frame. A gray frame gives the same value three times.
    #[must_use]
    pub fn rgb(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = y * self.width + x;
        match &self.pixels {
            Pixels::Gray8(s) => s.get(at).map(|&v| [f32::from(v) / 255.0; 3]),
            Pixels::Gray16(s) => s.get(at).map(|&v| [f32::from(v) / 65535.0; 3]),
            Pixels::Rgb8(s) => {
                s.as_chunks().0.get(at).map(|rgb: &[u8; 3]| rgb.map(|v| f32::from(v) / 255.0))
            }
            Pixels::Rgb16(s) => {
                s.as_chunks().0.get(at).map(|rgb: &[u16; 3]| rgb.map(|v| f32::from(v) / 65535.0))
            }
        }
    }

    /// Gray value in 0..=1 of the pixel in column `x` and row `y`; `None` outside the frame. For a
    /// colour pixel it is the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, and exactly the
    /// common value if the three are equal.
    #[must_use]
    pub fn gray(&self, x: usize, y: usize) -> Option<f32> {
        self.rgb(x, y).map(luma)
    }
}

/// Luma of ITU-R BT.601, in the unit of its argument. The form of the sum makes equal channels give
/// exactly their value.
#[inline]
pub(crate) fn luma([r, g, b]: [f32; 3]) -> f32 {
    g + 0.299 * (r - g) + 0.114 * (b - g)
}

fn check_size(width: usize, height: usize) -> Result<(), FrameError> {
    if SIDES_PX.contains(&width) && SIDES_PX.contains(&height) {
        Ok(())
    } else {
        Err(FrameError::Size { width, height })
    }
}
