//! Stored samples to gray or red, green and blue of full range.

use super::{Palette, Photometric, PixelFormat, Samples};
use uniultra_core::Pixels;

/// Turns samples into pixels. Their number was checked before.
///
/// Stored values are scaled so that the largest that fits the stored bits becomes white. No window and no lookup
/// table of the display is applied.
pub(crate) fn to_pixels(samples: Samples, format: &PixelFormat) -> Pixels {
    match &format.photometric {
        Photometric::Palette(palette) => colours(samples, format, palette),
        Photometric::Monochrome1 => inverted(scaled(samples, format)),
        Photometric::Monochrome2 => scaled(samples, format),
        Photometric::Rgb | Photometric::YbrJpeg2000 => coloured(scaled(samples, format)),
        Photometric::YbrFull | Photometric::YbrFull422 => match samples {
            Samples::Bytes(mut bytes) => {
                for pixel in bytes.as_chunks_mut().0 {
                    *pixel = rgb(*pixel);
                }
                Pixels::Rgb8(bytes)
            }
            // The format allows only 8 bits.
            Samples::Words(words) => Pixels::Rgb16(words),
        },
    }
}

/// Turns black into white.
pub(crate) fn inverted(mut pixels: Pixels) -> Pixels {
    match &mut pixels {
        Pixels::Gray8(values) | Pixels::Rgb8(values) => {
            values.iter_mut().for_each(|value| *value = !*value)
        }
        Pixels::Gray16(values) | Pixels::Rgb16(values) => {
            values.iter_mut().for_each(|value| *value = !*value)
        }
    }
    pixels
}

/// Samples of 1 to 8 bits become 8 bits, others 16.
fn scaled(samples: Samples, format: &PixelFormat) -> Pixels {
    match samples {
        Samples::Bytes(mut bytes) => {
            if format.bits_stored < 8 {
                for value in &mut bytes {
                    *value = scaled_to_u8(stored(u16::from(*value), format), format.bits_stored);
                }
            }
            Pixels::Gray8(bytes)
        }
        Samples::Words(words) if format.bits_stored <= 8 => {
            let scale = |value| scaled_to_u8(stored(value, format), format.bits_stored);
            Pixels::Gray8(words.into_iter().map(scale).collect())
        }
        Samples::Words(mut words) => {
            if format.bits_stored < 16 {
                let most = (1 << format.bits_stored) - 1;
                for value in &mut words {
                    let scaled =
                        (u32::from(stored(*value, format)) * u32::from(u16::MAX) + most / 2) / most;
                    *value = scaled as u16;
                }
            }
            Pixels::Gray16(words)
        }
    }
}

/// The stored bits of a sample. Bits above them may hold an overlay.
fn stored(value: u16, format: &PixelFormat) -> u16 {
    // The format allows 1 to 16 bits.
    (value >> format.shift) & (u16::MAX >> (16 - format.bits_stored))
}

fn scaled_to_u8(value: u16, bits: u16) -> u8 {
    let most = (1 << bits) - 1;
    ((u32::from(value) * u32::from(u8::MAX) + most / 2) / most) as u8
}

/// The same samples, three for a pixel.
fn coloured(pixels: Pixels) -> Pixels {
    match pixels {
        Pixels::Gray8(values) => Pixels::Rgb8(values),
        Pixels::Gray16(values) => Pixels::Rgb16(values),
        others => others,
    }
}

fn colours(samples: Samples, format: &PixelFormat, palette: &Palette) -> Pixels {
    let colour = |sample| palette.colour(stored(sample, format));
    let colours = |samples: Box<dyn Iterator<Item = u16>>| match palette.bits() {
        8 => Pixels::Rgb8(
            samples.flat_map(|sample| colour(sample).map(|value| value as u8)).collect(),
        ),
        _ => Pixels::Rgb16(samples.flat_map(colour).collect()),
    };
    match samples {
        Samples::Bytes(bytes) => colours(Box::new(bytes.into_iter().map(u16::from))),
        Samples::Words(words) => colours(Box::new(words.into_iter())),
    }
}

/// Luma and colour differences of ITU-R BT.601 with full range (PS3.3, C.7.6.3.1.2) to red, green and blue.
fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let [y, cb, cr] = [f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0];
    // The conversion to a byte ends at 0 and at 255.
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|value| value.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(bits_stored: u16, shift: u16) -> PixelFormat {
        PixelFormat {
            width_px: 16,
            height_px: 16,
            frames: 1,
            photometric: Photometric::Monochrome2,
            planar: false,
            bytes_per_sample: 2,
            bits_stored,
            shift,
        }
    }

    #[test]
    fn stored_bits_are_scaled_to_full_range() {
        let words = |values: &[u16]| Samples::Words(values.to_vec());
        assert_eq!(
            to_pixels(words(&[0, 4095, 0xF800]), &gray(12, 0)),
            Pixels::Gray16(vec![0, 65535, 32776])
        );
        assert_eq!(
            to_pixels(words(&[0xFFF0, 0x000F]), &gray(12, 4)),
            Pixels::Gray16(vec![65535, 0])
        );
        assert_eq!(
            to_pixels(words(&[255, 1, 0x0100]), &gray(8, 0)),
            Pixels::Gray8(vec![255, 1, 0])
        );
        assert_eq!(
            to_pixels(Samples::Bytes(vec![15, 8, 0xF1]), &gray(4, 0)),
            Pixels::Gray8(vec![255, 136, 17])
        );
        let negative = PixelFormat { photometric: Photometric::Monochrome1, ..gray(16, 0) };
        assert_eq!(
            to_pixels(words(&[0, 65535, 1]), &negative),
            Pixels::Gray16(vec![65535, 0, 65534])
        );
    }

    #[test]
    fn primary_colours_have_their_known_luma() {
        assert_eq!(rgb([76, 85, 255]), [254, 0, 0]);
        assert_eq!(rgb([150, 44, 21]), [0, 255, 1]);
        for gray in [0, 1, 127, 255] {
            assert_eq!(rgb([gray, 128, 128]), [gray; 3]);
        }
    }
}
