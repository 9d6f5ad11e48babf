//! JPEG-LS (ITU-T T.87), lossless and near-lossless, 2 to 16 bits, all three kinds of interleaving.

mod parameters;
mod scan;

use super::bits::{BitReader, Stuffing};
use super::header::{Component, SOF_JPEG_LS, Segment, Start, next_segment};
use crate::error::Mismatch;
use crate::pixels::{PixelFormat, Samples};
use parameters::{Parameters, Preset};
use scan::Scan;

const SCAN: u8 = 0xDA;
const PRESET: u8 = 0xF8;
const RESTART_INTERVAL: u8 = 0xDD;

/// Most bits that may lie between the last sample and the next marker: the rest of a byte, and a zero bit after
/// 0xFF.
const MAX_PADDING_BITS: u32 = 15;

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Samples, Mismatch> {
    let Start { header, .. } = Start::read(bytes, format)?;
    if header.kind != SOF_JPEG_LS {
        return Err(Mismatch::new(
            "JPEG-LS",
            "marker FFF7",
            format!("marker FF{:02X}", header.kind),
        ));
    }
    let bits = u32::from(header.bits);
    if !(2..=8 * format.bytes_per_sample as u32).contains(&bits) {
        return Err(Mismatch::new(
            "JPEG-LS bits",
            format!("2 to {}", 8 * format.bytes_per_sample),
            bits,
        ));
    }
    if header.components.iter().any(|component| component.sampling != 0x11) {
        return Err(Mismatch::new("JPEG-LS sampling", "1 of all components", "others"));
    }
    let mut words = vec![0; format.pixels() * format.samples()];
    let mut decoded = vec![false; format.samples()];
    let mut preset = Preset::default();
    let mut rest = bytes;
    while !decoded.iter().all(|done| *done) {
        let Some(segment) = next_segment(rest)? else {
            return Err(Mismatch::new("JPEG-LS", "a scan of each component", "the end"));
        };
        rest = match segment.marker {
            PRESET => {
                preset = Preset::read(segment.content)?;
                segment.rest
            }
            RESTART_INTERVAL if segment.content.iter().any(|byte| *byte != 0) => {
                return Err(Mismatch::new(
                    "JPEG-LS",
                    "no restart interval",
                    segment.content.escape_ascii(),
                ));
            }
            SCAN => {
                let scan = ScanHeader::read(segment, &header.components)?;
                for place in &scan.places {
                    if let Some(done) = decoded.get_mut(*place) {
                        *done = true;
                    }
                }
                let parameters = Parameters::new(bits, scan.near, preset)?;
                let mut reader = BitReader::new(segment.rest, Stuffing::Bit);
                Scan::new(&mut reader, parameters, format, &scan.places)
                    .decode(&mut words, scan.by_sample)?;
                let left = reader.left();
                if left > MAX_PADDING_BITS {
                    return Err(Mismatch::new(
                        "JPEG-LS scan",
                        "its end",
                        format!("{left} bits or more"),
                    ));
                }
                reader.finish()
            }
            _ => segment.rest,
        };
    }
    Ok(super::samples(words, format))
}

struct ScanHeader {
    /// The places of the scan's components in a pixel.
    places: Vec<usize>,
    /// The largest error that a sample may have.
    near: i32,
    /// Whether the samples of a pixel follow each other. Otherwise whole lines of the components do.
    by_sample: bool,
}

impl ScanHeader {
    fn read(segment: Segment<'_>, components: &[Component]) -> Result<Self, Mismatch> {
        let wrong = |expected| {
            Mismatch::new("JPEG-LS scan header", expected, segment.content.escape_ascii())
        };
        let header = segment.content.split_first();
        let parts =
            header.and_then(|(count, content)| content.split_at_checked(2 * usize::from(*count)));
        let Some((parts, [near, interleaving, shift])) = parts else {
            return Err(wrong("components and 3 bytes"));
        };
        let mut places = Vec::new();
        for [id, table] in parts.as_chunks().0 {
            let place = components.iter().position(|component| component.id == *id);
            let Some(place) = place.filter(|place| *table == 0 && !places.contains(place)) else {
                return Err(wrong("components of the frame, without mapping tables"));
            };
            places.push(place);
        }
        let by_sample = match (interleaving, places.len()) {
            (0, 1) | (1, 1..) => false,
            (2, 1..) => true,
            _ => return Err(wrong("one component, or interleaved ones")),
        };
        if *shift != 0 {
            return Err(wrong("no point transform"));
        }
        Ok(Self { places, near: i32::from(*near), by_sample })
    }
}
