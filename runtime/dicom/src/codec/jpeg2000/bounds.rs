//! Bounds of a JPEG 2000 stream, checked before the decoder takes memory for tiles, precincts and code blocks.

use crate::error::Mismatch;
use crate::pixels::PixelFormat;

/// Most tiles of a frame: the largest frame in tiles of 256 pixels a side.
const MAX_TILES: u64 = 1024;

/// Most levels of the wavelet transform: the largest frame is a point after as many.
const MAX_LEVELS: u8 = 13;

/// Most precincts of a component.
const MAX_PRECINCTS: u64 = 1 << 16;

/// Fewest samples of a code block, as a power of two. Encoders use 10 to 12.
const MIN_BLOCK_EXPONENT: u8 = 8;

const SIZE: u8 = 0x51;
const CODING_DEFAULT: u8 = 0x52;
const CODING_COMPONENT: u8 = 0x53;
const TILE_PART: u8 = 0x90;
const DATA: u8 = 0x93;
const END: u8 = 0xD9;

/// Checks all headers of a stream: the main one, and those of the tile parts.
pub(super) fn check(bytes: &[u8], format: &PixelFormat) -> Result<(), Mismatch> {
    let Some(mut rest) = bytes.strip_prefix(&[0xFF, 0x4F]) else {
        let start = bytes.get(..4).unwrap_or(bytes).escape_ascii();
        return Err(Mismatch::new("JPEG 2000", "a code stream", format!("\"{start}\"")));
    };
    let mut has_size = false;
    let mut part: Option<&[u8]> = None;
    loop {
        let [0xFF, marker, after @ ..] = rest else { return Err(wrong_marker(rest)) };
        if *marker == END {
            return Ok(());
        }
        if *marker == DATA {
            // The data of a tile part ends where the next part begins.
            rest = part.take().ok_or_else(|| wrong_marker(rest))?;
            continue;
        }
        let length =
            after.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
        let (Some(content), Some(behind)) = (after.get(2..length), after.get(length..)) else {
            return Err(wrong_marker(rest));
        };
        match *marker {
            SIZE => {
                check_size(content, format)?;
                has_size = true;
            }
            CODING_DEFAULT => {
                let style = content.first().copied().unwrap_or(0);
                check_coding(content.get(5..).unwrap_or_default(), style, format)?;
            }
            CODING_COMPONENT => {
                let style = content.get(1).copied().unwrap_or(0);
                check_coding(content.get(2..).unwrap_or_default(), style, format)?;
            }
            TILE_PART => {
                let bytes = content.get(2..6).and_then(|length| length.first_chunk());
                let length = bytes.map_or(0, |length| u32::from_be_bytes(*length) as usize);
                // Without a length, the part reaches to the end of the stream.
                let next = if length == 0 {
                    rest.get(rest.len().saturating_sub(2)..)
                } else {
                    rest.get(length..)
                };
                let next = next.filter(|next| next.len() <= behind.len());
                part = Some(next.ok_or_else(|| wrong_marker(rest))?);
            }
            _ => {}
        }
        if !has_size {
            return Err(Mismatch::new(
                "JPEG 2000",
                "a size at the start",
                format!("marker FF{marker:02X}"),
            ));
        }
        rest = behind;
    }
}

fn wrong_marker(rest: &[u8]) -> Mismatch {
    let start = rest.get(..4).unwrap_or(rest).escape_ascii();
    Mismatch::new(
        "JPEG 2000",
        "a whole marker segment",
        format!("\"{start}\", {} bytes left", rest.len()),
    )
}

/// The size, and the components.
fn check_size(content: &[u8], format: &PixelFormat) -> Result<(), Mismatch> {
    // After the capabilities: size and origin of the image, size and origin of the tiles.
    let numbers = content.get(2..34).unwrap_or_default().as_chunks().0.iter();
    let numbers: Vec<u64> = numbers.map(|number| u64::from(u32::from_be_bytes(*number))).collect();
    let [right, bottom, left, top, tile_width, tile_height, tile_left, tile_top] = numbers[..]
    else {
        return Err(Mismatch::new("JPEG 2000 size", "34 bytes or more", content.len()));
    };
    let size = [right.saturating_sub(left), bottom.saturating_sub(top)];
    if size != [format.width_px as u64, format.height_px as u64] {
        let expected = format!("{}x{}", format.width_px, format.height_px);
        return Err(Mismatch::new("JPEG 2000 size", expected, format!("{}x{}", size[0], size[1])));
    }
    let across = right.saturating_sub(tile_left).div_ceil(tile_width.max(1));
    let down = bottom.saturating_sub(tile_top).div_ceil(tile_height.max(1));
    if tile_width == 0 || tile_height == 0 || across.saturating_mul(down) > MAX_TILES {
        return Err(Mismatch::new(
            "JPEG 2000 tiles",
            format!("at most {MAX_TILES}"),
            format!("{across}x{down}"),
        ));
    }
    let components = content.get(34..).unwrap_or_default();
    let count = components.first_chunk().map_or(0, |count| usize::from(u16::from_be_bytes(*count)));
    if count != format.samples() {
        return Err(Mismatch::new("JPEG 2000 components", format.samples(), count));
    }
    let components: &[[u8; 3]] = components.get(2..).unwrap_or_default().as_chunks().0;
    // The depth less one, whose upper bit would mean signed values, and both steps of the sampling.
    let is_plain = components.iter().all(|component| *component == [7, 1, 1]);
    if components.len() != count || !is_plain || format.bits_stored != 8 {
        let found =
            format!("depths and samplings {components:?}, {} bits stored", format.bits_stored);
        return Err(Mismatch::new(
            "JPEG 2000",
            "8 unsigned bits in components of equal size",
            found,
        ));
    }
    Ok(())
}

/// Levels, code blocks and precincts of a coding style.
fn check_coding(content: &[u8], style: u8, format: &PixelFormat) -> Result<(), Mismatch> {
    let [levels, block_width, block_height, _, _, precincts @ ..] = content else {
        return Err(Mismatch::new("JPEG 2000 coding style", "5 bytes or more", content.len()));
    };
    if *levels > MAX_LEVELS {
        return Err(Mismatch::new("JPEG 2000 levels", format!("at most {MAX_LEVELS}"), levels));
    }
    // Both sides are stored as exponents less two.
    let exponent = (block_width & 15) + (block_height & 15) + 4;
    if exponent < MIN_BLOCK_EXPONENT {
        let expected = format!("{} samples or more", 1 << MIN_BLOCK_EXPONENT);
        return Err(Mismatch::new("JPEG 2000 code block", expected, 1 << exponent));
    }
    // Without sizes, a precinct is as large as can be.
    if style & 1 == 0 {
        return Ok(());
    }
    let mut count = 0_u64;
    for (level, sides) in precincts.iter().take(usize::from(*levels) + 1).enumerate() {
        let shrunk = u32::from(*levels).saturating_sub(level as u32);
        let along =
            |size: usize, exponent: u8| (size as u64).div_ceil(1 << shrunk).div_ceil(1 << exponent);
        count += along(format.width_px, sides & 15) * along(format.height_px, sides >> 4);
    }
    if count > MAX_PRECINCTS {
        return Err(Mismatch::new(
            "JPEG 2000 precincts",
            format!("at most {MAX_PRECINCTS}"),
            count,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Photometric;

    fn format() -> PixelFormat {
        PixelFormat {
            width_px: 4096,
            height_px: 4096,
            frames: 1,
            photometric: Photometric::Monochrome2,
            planar: false,
            bytes_per_sample: 1,
            bits_stored: 8,
            shift: 0,
        }
    }

    #[test]
    fn many_small_parts_are_refused() {
        let message = |content: &[u8], style| {
            check_coding(content, style, &format()).map_err(|e| e.to_string())
        };
        assert_eq!(message(&[5, 4, 4, 0, 1], 0), Ok(()));
        let precincts = [5, 4, 4, 0, 1, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77];
        assert_eq!(message(&precincts, 1), Ok(()));
        let tiny = [5, 4, 4, 0, 1, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11];
        let expected = "JPEG 2000 precincts: expected at most 65536, found 5591040";
        assert_eq!(message(&tiny, 1), Err(expected.to_owned()));
        let expected = "JPEG 2000 code block: expected 256 samples or more, found 16";
        assert_eq!(message(&[5, 0, 0, 0, 1], 0), Err(expected.to_owned()));
        let expected = "JPEG 2000 levels: expected at most 13, found 32";
        assert_eq!(message(&[32, 4, 4, 0, 1], 0), Err(expected.to_owned()));
    }
}
