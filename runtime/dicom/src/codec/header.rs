//! What the header of a JPEG or JPEG-LS stream says, before it is decoded.

use crate::error::Mismatch;
use crate::pixels::PixelFormat;

/// The kind of coding, as the second byte of the frame header's marker tells it.
pub(super) const SOF_BASELINE: u8 = 0xC0;
pub(super) const SOF_EXTENDED: u8 = 0xC1;
pub(super) const SOF_PROGRESSIVE: u8 = 0xC2;
pub(super) const SOF_LOSSLESS: u8 = 0xC3;
pub(super) const SOF_JPEG_LS: u8 = 0xF7;

/// Markers without content.
const STANDALONE: std::ops::RangeInclusive<u8> = 0xD0..=0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

/// A marker and its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) content: &'a [u8],
    /// Everything behind the content.
    pub(super) rest: &'a [u8],
}

/// Takes the next marker with its content; `None` at the end of the image.
pub(super) fn next_segment(bytes: &[u8]) -> Result<Option<Segment<'_>>, Mismatch> {
    let mut rest = bytes;
    loop {
        let Some((0xFF, after)) = rest.split_first() else {
            return Err(Mismatch::new(
                "JPEG",
                "a marker",
                format!("\"{}\"", rest.get(..4).unwrap_or(rest).escape_ascii()),
            ));
        };
        rest = after;
        // A marker may begin with more than one 0xFF.
        let Some((marker, after)) = rest.split_first() else {
            return Err(Mismatch::new("JPEG", "a marker", "the end"));
        };
        match *marker {
            0xFF => {}
            END => return Ok(None),
            marker if STANDALONE.contains(&marker) => rest = after,
            marker => {
                let length = after
                    .first_chunk()
                    .map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                let content = after.get(2..length);
                let (Some(content), Some(rest)) = (content, after.get(length..)) else {
                    let found = format!("a length of {length}, {} left", after.len());
                    return Err(Mismatch::new("JPEG segment", "a length of 2 or more", found));
                };
                return Ok(Some(Segment { marker, content, rest }));
            }
        }
    }
}

/// A component of a frame: its number and its sampling factors, horizontal in the upper four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) sampling: u8,
}

/// The frame header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) kind: u8,
    pub(super) bits: u8,
    pub(super) components: Vec<Component>,
}

impl FrameHeader {
    /// The header in a segment; `None` if the segment is of another kind.
    pub(super) fn read(
        segment: Segment<'_>,
        format: &PixelFormat,
    ) -> Result<Option<Self>, Mismatch> {
        // Without the tables and extensions that lie between the kinds of frames.
        let is_header = matches!(segment.marker, 0xC0..=0xCF | SOF_JPEG_LS)
            && !matches!(segment.marker, 0xC4 | 0xC8 | 0xCC);
        if !is_header {
            return Ok(None);
        }
        let [bits, h1, h0, w1, w0, count, components @ ..] = segment.content else {
            return Err(Mismatch::new(
                "JPEG frame header",
                "6 bytes or more",
                segment.content.len(),
            ));
        };
        let size =
            [u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0])].map(usize::from);
        if size != [format.width_px, format.height_px] {
            let expected = format!("{}x{}", format.width_px, format.height_px);
            return Err(Mismatch::new("JPEG size", expected, format!("{}x{}", size[0], size[1])));
        }
        if usize::from(*count) != format.samples() || components.len() != 3 * usize::from(*count) {
            return Err(Mismatch::new("JPEG components", format.samples(), count));
        }
        let component = |&[id, sampling, _]: &[u8; 3]| Component { id, sampling };
        let components = components.as_chunks().0.iter().map(component).collect();
        Ok(Some(Self { kind: segment.marker, bits: *bits, components }))
    }
}

/// What stands in front of the first scan.
pub(super) struct Start {
    pub(super) header: FrameHeader,
    /// The colour transform that an Adobe segment states.
    pub(super) adobe_transform: Option<u8>,
    pub(super) has_jfif: bool,
}

impl Start {
    pub(super) fn read(bytes: &[u8], format: &PixelFormat) -> Result<Self, Mismatch> {
        let mut rest = bytes;
        let (mut header, mut adobe_transform, mut has_jfif) = (None, None, false);
        while let Some(segment) = next_segment(rest)? {
            rest = segment.rest;
            match (segment.marker, segment.content) {
                (SCAN, _) => {
                    let Some(header) = header else { break };
                    return Ok(Self { header, adobe_transform, has_jfif });
                }
                (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => has_jfif = true,
                (0xEE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                    adobe_transform = Some(*transform);
                }
                _ => header = FrameHeader::read(segment, format)?.or(header),
            }
        }
        Err(Mismatch::new("JPEG", "a frame header and a scan", "none"))
    }
}
