//! Decodes image files.

use super::{check_size, jpeg};
use crate::{Frame, FrameError, Pixels};
use image::error::UnsupportedErrorKind;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits,
};
use std::io::{Cursor, ErrorKind};

/// Memory that a decoder may use beyond the samples it returns, for metadata and buffers.
const DECODER_SLACK_BYTES: u64 = 64 << 20;

impl Frame {
    /// Decodes a PNG, JPEG, BMP, TIFF or PNM image. If a file holds several images, the first is
    /// decoded.
    ///
    /// The header is checked before any pixel is decoded, so a file of a few bytes cannot claim
    /// gigabytes. Palettes and CMYK become RGB, samples of fewer than 8 bit become 8 bit, alpha is
    /// dropped. Colour profiles and orientation tags are ignored.
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are not such an image, if a side is out of range, if the samples
    /// have neither 8 nor 16 bit (floating-point TIFF), or if the file is truncated or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let format = supported(bytes)?;
        let name = name(format);
        let refuse = |error| refusal(error, name);
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(DECODER_SLACK_BYTES);
        reader.limits(limits.clone());
        let mut decoder = reader.into_decoder().map_err(refuse)?;

        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        check_size(width, height)?;
        if is_float(decoder.color_type()) {
            let found = "32-bit floating point; scale it to 16-bit integers".to_string();
            return Err(FrameError::SampleKind { found });
        }
        let holds_all = || jpeg::is_complete(bytes) && jpeg::can_hold(bytes.len(), width, height);
        if format == ImageFormat::Jpeg && !holds_all() {
            return Err(FrameError::Truncated { format: name });
        }
        // TIFF may need a whole strip besides the samples, and strips of CMYK are a third larger.
        let samples = decoder.total_bytes();
        limits.max_alloc = Some(samples.saturating_mul(3).saturating_add(DECODER_SLACK_BYTES));
        decoder.set_limits(limits).map_err(refuse)?;
        let image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
        Self::new(width, height, pixels(image)?)
    }
}

fn supported(bytes: &[u8]) -> Result<ImageFormat, FrameError> {
    let found = match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::Bmp
            | ImageFormat::Tiff
            | ImageFormat::Pnm),
        ) => return Ok(format),
        Ok(other) => format!("{other:?}"),
        Err(_) if bytes.is_empty() => "no data".to_string(),
        Err(_) => "something else".to_string(),
    };
    Err(FrameError::Format { found })
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        _ => "PNM",
    }
}

fn is_float(kind: ColorType) -> bool {
    matches!(kind, ColorType::Rgb32F | ColorType::Rgba32F)
}

fn refusal(error: ImageError, format: &'static str) -> FrameError {
    if let ImageError::IoError(io) = &error
        && io.kind() == ErrorKind::UnexpectedEof
    {
        return FrameError::Truncated { format };
    }
    if let ImageError::Unsupported(what) = &error
        && let UnsupportedErrorKind::Color(kind) = what.kind()
    {
        let found = match kind {
            ExtendedColorType::Unknown(bits) => format!("{bits} bit a pixel in this {format}"),
            other => format!("{other:?}"),
        };
        return FrameError::SampleKind { found };
    }
    FrameError::Decode { format, reason: error.to_string() }
}

fn pixels(image: DynamicImage) -> Result<Pixels, FrameError> {
    Ok(match image {
        DynamicImage::ImageLuma8(image) => Pixels::Gray8(image.into_raw()),
        DynamicImage::ImageLuma16(image) => Pixels::Gray16(image.into_raw()),
        DynamicImage::ImageRgb8(image) => Pixels::Rgb8(image.into_raw()),
        DynamicImage::ImageRgb16(image) => Pixels::Rgb16(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => Pixels::Gray8(without_alpha::<_, 2>(image.into_raw())),
        DynamicImage::ImageLumaA16(image) => {
            Pixels::Gray16(without_alpha::<_, 2>(image.into_raw()))
        }
        DynamicImage::ImageRgba8(image) => Pixels::Rgb8(without_alpha::<_, 4>(image.into_raw())),
        DynamicImage::ImageRgba16(image) => Pixels::Rgb16(without_alpha::<_, 4>(image.into_raw())),
        other => return Err(FrameError::SampleKind { found: format!("{:?}", other.color()) }),
    })
}

/// Drops the last of every `CHANNELS` samples. It works in place, because a frame may take half a
/// gigabyte.
fn without_alpha<T, const CHANNELS: usize>(mut samples: Vec<T>) -> Vec<T> {
    let mut at = 0;
    samples.retain(|_| {
        at += 1;
        at % CHANNELS != 0
    });
    samples
}
