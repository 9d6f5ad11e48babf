//! Decodes image files.

use super::format::{Foreign, Format, recognize};
use super::options::{DecodeOptions, DecodedFrame};
use super::{check_size, depth, jpeg, orientation, tiff};
use crate::{Frame, FrameError, Pixels};
use image::error::UnsupportedErrorKind;
use image::metadata::Orientation;
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
    /// gigabytes. The image is turned upright if it says how (EXIF in JPEG and PNG, a TIFF tag), as
    /// viewers show it. Palettes and CMYK become RGB, samples of fewer than 8 bit become 8 bit,
    /// alpha is dropped. Colour profiles are ignored.
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are not such an image, if a side is out of range, if the samples
    /// have neither 8 nor 16 bit (floating-point TIFF), if the file is truncated or damaged, or if
    /// it is of a kind that cannot be decoded (lossless JPEG, for example).
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        Self::decode_with(bytes, &DecodeOptions::default()).map(|decoded| decoded.frame)
    }

    /// Decodes an image as [`Frame::decode`] does, with options, and returns what was found beside
    /// the pixels.
    ///
    /// # Errors
    /// Those of [`Frame::decode`], and [`FrameError::BitDepth`] if the samples do not have the
    /// stated bit depth.
    pub fn decode_with(bytes: &[u8], options: &DecodeOptions) -> Result<DecodedFrame, FrameError> {
        let format = recognize(bytes).map_err(|Foreign { found, advice }| FrameError::Format {
            found: found.to_string(),
            advice,
        })?;
        let (mut image, stated, has_more_pages) = match format {
            Format::Jpeg => {
                let jpeg::Decoded { image, exif } = jpeg::decode(bytes)?;
                (image, orientation::read_exif(exif), false)
            }
            Format::Tiff => {
                let page = tiff::page(bytes)?;
                check_size(page.width, page.height)?;
                let image = match page.decode(bytes)? {
                    Some(image) => image,
                    None => read(bytes, ImageFormat::Tiff, format.name())?,
                };
                (image, page.orientation, page.has_more_pages)
            }
            Format::Png => {
                let image = read(bytes, ImageFormat::Png, format.name())?;
                (image, orientation::read_exif(orientation::png_exif(bytes)), false)
            }
            Format::Bmp => {
                (read(bytes, ImageFormat::Bmp, format.name())?, Orientation::NoTransforms, false)
            }
            Format::Pnm => {
                (read(bytes, ImageFormat::Pnm, format.name())?, Orientation::NoTransforms, false)
            }
        };
        let applied = stated != Orientation::NoTransforms && !options.keep_orientation;
        if applied {
            image.apply_orientation(stated);
        }
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut pixels = pixels(image)?;
        let low_peak = match options.bit_depth {
            None => depth::low_peak(&pixels),
            Some(bits) => {
                depth::scale(&mut pixels, bits)?;
                None
            }
        };
        Ok(DecodedFrame {
            frame: Self::new(width, height, pixels)?,
            orientation_applied: applied.then(|| stated.to_exif()),
            has_more_pages,
            low_peak,
        })
    }
}

/// Decodes a file with the crate `image`.
fn read(bytes: &[u8], format: ImageFormat, name: &'static str) -> Result<DynamicImage, FrameError> {
    let refuse = |error| refusal(error, name);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_SLACK_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(refuse)?;

    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    if is_float(decoder.color_type()) {
        let found = "32-bit floating point; scale it to 16-bit integers".to_string();
        return Err(FrameError::SampleKind { found });
    }
    // TIFF may need a whole strip besides the samples, and strips of CMYK are a third larger.
    let samples = decoder.total_bytes();
    limits.max_alloc = Some(samples.saturating_mul(3).saturating_add(DECODER_SLACK_BYTES));
    decoder.set_limits(limits).map_err(refuse)?;
    DynamicImage::from_decoder(decoder).map_err(refuse)
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
