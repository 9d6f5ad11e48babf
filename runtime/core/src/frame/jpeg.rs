//! Detects truncated JPEG files.
//!
//! JPEG decoders fill the missing part of a truncated file with gray and report success. A
//! half-gray frame must not reach a model, so this module follows the chain of markers to its end.

const SOI: [u8; 2] = [0xFF, 0xD8];
const EOI: u8 = 0xD9;

/// Follows the markers (ITU-T T.81, annex B) and returns whether the end-of-image marker is there.
/// Segments are skipped by their length, so a thumbnail's own end marker does not count.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&SOI) else { return false };
    loop {
        // Bytes outside a marker are entropy-coded data.
        let Some(at) = rest.iter().position(|&byte| byte == 0xFF) else { return false };
        rest = &rest[at + 1..];
        match rest.first() {
            None => return false,
            Some(&EOI) => return true,
            // A fill byte: the marker's 0xFF follows.
            Some(0xFF) => {}
            // A stuffed data byte, TEM and restart markers have no segment to skip.
            Some(0x00 | 0x01 | 0xD0..=0xD8) => rest = &rest[1..],
            Some(_) => {
                let [_, high, low, ..] = rest else { return false };
                // The length includes its own two bytes.
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(after) = rest.get(1 + length.max(2)..) else { return false };
                rest = after;
            }
        }
    }
}

/// Whether a file of `bytes` can hold as many pixels as its header claims: each block of 8x8 pixels
/// takes at least one bit, the shortest Huffman code, in the sequential and the progressive mode.
pub(super) fn can_hold(bytes: usize, width: usize, height: usize) -> bool {
    bytes.saturating_mul(8) >= width.div_ceil(8) * height.div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::{can_hold, is_complete};

    #[test]
    fn a_block_takes_a_bit() {
        assert!(can_hold(128, 256, 256) && !can_hold(127, 256, 256));
        assert!(can_hold(usize::MAX, 8192, 8192));
    }

    #[test]
    fn only_the_images_own_end_marker_counts() {
        let whole = [
            0xFF, 0xD8, // start
            0xFF, 0xE1, 0x00, 0x06, 0xFF, 0xD8, 0xFF, 0xD9, // APP1 with a thumbnail in it
            0xFF, 0xDA, 0x00, 0x03, 0x01, // scan header
            0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD3, 0x56, // data, a stuffed byte, a restart
            0xFF, 0xFF, 0xD9, // fill byte, end
        ];
        assert!(is_complete(&whole));
        for end in 0..whole.len() {
            assert!(!is_complete(&whole[..end]), "{end} of {} bytes", whole.len());
        }
    }

    #[test]
    fn a_segment_longer_than_the_file_is_truncated() {
        assert!(!is_complete(&[0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF, 0xFF, 0xD9]));
    }
}
