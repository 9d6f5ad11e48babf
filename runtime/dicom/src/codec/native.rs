//! Uncompressed frames.

use crate::pixels::{Photometric, PixelFormat, Samples};

/// The samples of a frame. The number of bytes was checked when the image was opened.
pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Samples {
    if format.photometric == Photometric::YbrFull422 {
        // Two lumas, then the colour differences that both have.
        let pairs = bytes.as_chunks().0.iter();
        return Samples::Bytes(
            pairs.flat_map(|&[y0, y1, cb, cr]| [y0, cb, cr, y1, cb, cr]).collect(),
        );
    }
    if format.bytes_per_sample == 1 {
        return Samples::Bytes(side_by_side(bytes.to_vec(), format));
    }
    let words = bytes.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
    Samples::Words(side_by_side(words, format))
}

fn side_by_side<T: Copy>(values: Vec<T>, format: &PixelFormat) -> Vec<T> {
    if !format.planar {
        return values;
    }
    let (red, rest) = values.split_at(format.pixels().min(values.len()));
    let (green, blue) = rest.split_at(format.pixels().min(rest.len()));
    red.iter().zip(green).zip(blue).flat_map(|((r, g), b)| [*r, *g, *b]).collect()
}
