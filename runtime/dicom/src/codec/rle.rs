//! RLE Lossless (PS3.5, annex G): a segment for each byte of each channel, packed as `PackBits` does.

use crate::error::Mismatch;
use crate::pixels::{PixelFormat, Samples};

/// Numbers of 32 bits in front of the segments: how many there are, and where each starts.
const HEADER_NUMBERS: usize = 16;

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Samples, Mismatch> {
    let header: Vec<usize> = bytes
        .as_chunks()
        .0
        .iter()
        .take(HEADER_NUMBERS)
        .map(|number| u32::from_le_bytes(*number) as usize)
        .collect();
    let (count, starts) = match header.split_first() {
        Some((count, starts)) if header.len() == HEADER_NUMBERS => (*count, starts),
        _ => return Err(Mismatch::new("RLE header", "64 bytes", bytes.len())),
    };
    let expected = format.samples() * format.bytes_per_sample;
    if count != expected {
        return Err(Mismatch::new("RLE segments", expected, count));
    }
    // Each segment is a plane; the higher byte of a sample comes first.
    let mut words = vec![0_u16; format.pixels() * format.samples()];
    for segment in 0..count {
        let start = starts.get(segment).copied().unwrap_or(0);
        let end =
            starts.get(segment + 1).filter(|_| segment + 1 < count).copied().unwrap_or(bytes.len());
        let packed = bytes.get(start..end).ok_or_else(|| {
            Mismatch::new(
                "RLE segment",
                format!("a part of {} bytes", bytes.len()),
                format!("{start} to {end}"),
            )
        })?;
        let channel = segment / format.bytes_per_sample;
        let places = words.iter_mut().skip(channel).step_by(format.samples());
        let filled = unpack(packed, places);
        if filled != format.pixels() {
            return Err(Mismatch::new(
                "RLE segment",
                format!("{} pixels", format.pixels()),
                filled,
            ));
        }
    }
    Ok(super::samples(words, format))
}

/// Shifts one byte into each of `places`, and returns how many got one. What is packed beyond them is padding.
fn unpack<'a>(packed: &[u8], mut places: impl Iterator<Item = &'a mut u16>) -> usize {
    let mut rest = packed;
    let mut filled = 0;
    let mut put = |byte: u8| match places.next() {
        Some(place) => {
            *place = (*place << 8) | u16::from(byte);
            filled += 1;
            true
        }
        None => false,
    };
    while let Some((control, after)) = rest.split_first() {
        rest = after;
        let length = usize::from(*control);
        let complete = match *control {
            0..128 => {
                let (literal, after) = rest.split_at((length + 1).min(rest.len()));
                rest = after;
                literal.iter().all(|byte| put(*byte))
            }
            128 => true,
            129.. => match rest.split_first() {
                Some((byte, after)) => {
                    rest = after;
                    (0..257 - length).all(|_| put(*byte))
                }
                None => true,
            },
        };
        if !complete {
            break;
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_packbits() {
        // Apple's technical note 1023.
        let packed = b"\xFE\xAA\x02\x80\x00\x2A\xFD\xAA\x03\x80\x00\x2A\x22\xF7\xAA";
        let mut words = [0_u16; 24];
        assert_eq!(unpack(packed, words.iter_mut()), 24);
        let start = b"\xAA\xAA\xAA\x80\x00\x2A\xAA\xAA\xAA\xAA\x80\x00\x2A\x22".as_slice();
        let expected = [start, &[0xAA; 10]].concat();
        assert!(words.iter().zip(expected).all(|(word, byte)| *word == u16::from(byte)));
        assert_eq!(unpack(&packed[..4], [0; 24].iter_mut()), 4);
    }
}
