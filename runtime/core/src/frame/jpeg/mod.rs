//! JPEG files.
//!
//! A decoder of JPEG fills what a file lacks with gray and reports success, and zune-jpeg turns a
//! few rare kinds into garbage. A half-gray frame must not reach a model, so each file is walked
//! first: every block that its header promises must be there. The decoder then gets a copy that
//! holds this one image and nothing that it could trip over.

mod bits;
mod halves;
mod header;
mod huffman;
mod progress;
mod scan;
mod standard;
#[cfg(test)]
mod tests;
mod walk;

use super::check_size;
use crate::FrameError;
use header::FrameHeader;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

const FORMAT: &str = "JPEG";

/// Why a JPEG file is refused.
#[derive(Debug)]
enum Fault {
    /// Data is missing.
    Truncated,
    /// The data contradicts itself.
    Damaged(&'static str),
    /// The file is sound as far as it was read, but of a kind that cannot be decoded.
    Kind(String),
    /// The size is out of range.
    Size(FrameError),
}

impl From<Fault> for FrameError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Truncated => Self::Truncated { format: FORMAT },
            Fault::Damaged(reason) => {
                Self::Decode { format: FORMAT, reason: format!("it is damaged: {reason}") }
            }
            Fault::Kind(found) => Self::Kind { format: FORMAT, found },
            Fault::Size(error) => error,
        }
    }
}

/// A decoded file, before its orientation is applied.
pub(super) struct Decoded<'a> {
    pub(super) image: DynamicImage,
    /// The first EXIF block, if there is one.
    pub(super) exif: Option<&'a [u8]>,
}

/// Decodes a JPEG file. If it holds several images, the first is decoded.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, FrameError> {
    let walk::Walked { frame, exif, image, .. } = walk::walk(bytes, check_size)?;
    Ok(Decoded { image: pixels(&image, &frame)?, exif })
}

/// Checks the JPEG data of a strip or tile of a TIFF file, which the TIFF decoder would decode as
/// leniently as any other.
pub(super) fn check(bytes: &[u8]) -> Result<(), FrameError> {
    if walk::walk(bytes, |_, _| Ok(()))?.has_separate_scans {
        return Err(Fault::Kind("separate scans of its colours".to_string()).into());
    }
    Ok(())
}

fn pixels(image: &[u8], frame: &FrameHeader) -> Result<DynamicImage, FrameError> {
    let damaged = |reason: String| FrameError::Decode { format: FORMAT, reason };
    let gray = frame.components.len() == 1;
    let color = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    // The size was checked, and the decoder's own limits are lower than ours.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(color);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(image), options);
    let samples = decoder.decode().map_err(|error| damaged(error.to_string()))?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let image = if gray {
        GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8)
    };
    image.ok_or_else(|| damaged("the decoder returned another number of samples".to_string()))
}
