//! JPEG with a cosine transform. The runtime's own reader decodes it, because that one finds missing data.

use super::CodecError;
use super::header::{SOF_BASELINE, SOF_EXTENDED, SOF_PROGRESSIVE, Start};
use crate::error::Mismatch;
use crate::pixels::{Photometric, PixelFormat};
use uniultra_core::{DecodeOptions, Frame};

/// The start of every JPEG stream.
const START: [u8; 2] = [0xFF, 0xD8];

/// An Adobe segment that says "red, green and blue, not transformed".
const RGB_SEGMENT: [u8; 16] =
    [0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, 0];

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Frame, CodecError> {
    let start = Start::read(bytes, format)?;
    if !matches!(start.header.kind, SOF_BASELINE | SOF_EXTENDED | SOF_PROGRESSIVE) {
        let found = format!("marker FF{:02X}", start.header.kind);
        return Err(Mismatch::new("JPEG", "a cosine transform with Huffman codes", found).into());
    }
    if start.header.bits != 8 || format.bits_stored != 8 {
        let found = format!("{} bits, {} bits stored", start.header.bits, format.bits_stored);
        return Err(Mismatch::new("JPEG", "8 bits", found).into());
    }
    if matches!(format.photometric, Photometric::Palette(_)) {
        return Err(Mismatch::new("JPEG", "gray or colours", "indices of a palette").into());
    }
    let options = DecodeOptions::new().with_stored_orientation();
    let decoded = if is_rgb_without_saying(&start, format) {
        let stream = bytes.strip_prefix(&START).unwrap_or(bytes);
        Frame::decode_with(&[START.as_slice(), &RGB_SEGMENT, stream].concat(), &options)?
    } else {
        Frame::decode_with(bytes, &options)?
    };
    Ok(decoded.frame)
}

/// Whether the data set says RGB and the stream says nothing. The stream has the last word if it says something:
/// devices that call transformed colours RGB exist, and they write a JFIF segment, which allows no other colours.
fn is_rgb_without_saying(start: &Start, format: &PixelFormat) -> bool {
    format.photometric == Photometric::Rgb && start.adobe_transform.is_none() && !start.has_jfif
}
