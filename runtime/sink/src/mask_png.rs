//! Writes a mask as an image.

use crate::{Format, SinkError, write_atomically};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::io::{self, Write};
use std::path::Path;
use uniultra_core::Mask;

/// Writes a mask as an 8-bit gray PNG of the source frame's size: 255 object, 0 background.
///
/// # Errors
/// [`SinkError::Write`]; [`SinkError::Name`] if the name ends in another format.
pub fn write_mask_png(path: &Path, mask: &Mask) -> Result<(), SinkError> {
    Format::Png.check_name(path)?;
    write_atomically(path, |w| encode_mask_png(w, mask))
}

/// As [`write_mask_png`], to a stream.
///
/// # Errors
/// Those of `writer`.
pub fn encode_mask_png(writer: &mut dyn Write, mask: &Mask) -> io::Result<()> {
    let gray: Vec<u8> = mask.data().iter().map(|&v| if v == 0 { 0 } else { 255 }).collect();
    encode_png(writer, &gray, mask.width(), mask.height(), ExtendedColorType::L8)
}

/// Encodes samples as PNG.
pub(crate) fn encode_png(
    writer: &mut dyn Write,
    samples: &[u8],
    width: usize,
    height: usize,
    color: ExtendedColorType,
) -> io::Result<()> {
    let side = |size: usize| u32::try_from(size).map_err(io::Error::other);
    PngEncoder::new(writer).write_image(samples, side(width)?, side(height)?, color).map_err(|e| {
        match e {
            image::ImageError::IoError(e) => e,
            other => io::Error::other(other),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_to_the_same_mask() {
        let data: Vec<u8> = (0..16 * 24).map(|i| u8::from(i % 5 == 0)).collect();
        let mask = Mask::from_binary(24, 16, data.clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        write_mask_png(&path, &mask).unwrap();
        let image = image::open(&path).unwrap();
        assert_eq!(image.color(), image::ColorType::L8);
        let gray = image.into_luma8();
        assert_eq!(gray.dimensions(), (24, 16));
        assert!(gray.as_raw().iter().zip(&data).all(|(&g, &m)| g == m * 255));
    }
}
