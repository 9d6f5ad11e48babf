//! Finds the bytes of one frame.

use super::PixelFormat;
use crate::ReadError;
use crate::data_set::{DataSet, PixelData};
use crate::error::Mismatch;
use crate::tag;
use std::borrow::Cow;
use std::ops::Range;

/// Where each frame is, in bytes of the data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Frames of equal size, one behind the other.
    Native { start: usize, frame_bytes: usize },
    /// Fragments, and for each frame its first fragment.
    Encapsulated { fragments: Vec<Range<usize>>, firsts: Vec<usize> },
}

impl Frames {
    /// Checks that the pixel data has as many bytes, or fragments, as the format asks for.
    pub(crate) fn find(
        bytes: &[u8],
        set: &DataSet,
        pixel_data: PixelData,
        format: &PixelFormat,
    ) -> Result<Self, ReadError> {
        match pixel_data {
            PixelData::Native(range) => {
                let frame_bytes = format.native_frame_bytes()?;
                let expected = frame_bytes.saturating_mul(format.frames);
                // One byte of padding makes the length even.
                if range.len() != expected && range.len() != expected.saturating_add(expected % 2) {
                    let expected =
                        format!("{expected} bytes for {} frames of {frame_bytes}", format.frames);
                    return Err(wrong("pixel data", expected, format!("{} bytes", range.len())));
                }
                Ok(Self::Native { start: range.start, frame_bytes })
            }
            PixelData::Encapsulated { offsets, fragments } => {
                let firsts = firsts(bytes, set, offsets, &fragments, format.frames)?;
                Ok(Self::Encapsulated { fragments, firsts })
            }
        }
    }

    /// Bytes of all fragments; `None` if there are none.
    pub(crate) fn compressed_bytes(&self) -> Option<usize> {
        match self {
            Self::Native { .. } => None,
            Self::Encapsulated { fragments, .. } => Some(fragments.iter().map(Range::len).sum()),
        }
    }

    /// The bytes of frame `index`; `None` if there is no such frame.
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8], index: usize) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Native { start, frame_bytes } => {
                let at = start.checked_add(frame_bytes.checked_mul(index)?)?;
                bytes.get(at..at.checked_add(*frame_bytes)?).map(Cow::Borrowed)
            }
            Self::Encapsulated { fragments, firsts } => {
                let first = *firsts.get(index)?;
                let end = firsts.get(index + 1).copied().unwrap_or(fragments.len());
                match fragments.get(first..end)? {
                    [one] => bytes.get(one.clone()).map(Cow::Borrowed),
                    several => {
                        let mut all = Vec::new();
                        for range in several {
                            all.extend_from_slice(bytes.get(range.clone())?);
                        }
                        Some(Cow::Owned(all))
                    }
                }
            }
        }
    }
}

/// The first fragment of each frame.
fn firsts(
    bytes: &[u8],
    set: &DataSet,
    offsets: Range<usize>,
    fragments: &[Range<usize>],
    frames: usize,
) -> Result<Vec<usize>, ReadError> {
    if fragments.len() < frames {
        return Err(wrong(
            "pixel data",
            format!("{frames} frames"),
            format!("{} fragments", fragments.len()),
        ));
    }
    if frames == 1 {
        return Ok(vec![0]);
    }
    if fragments.len() == frames {
        return Ok((0..frames).collect());
    }
    let basic = bytes.get(offsets).unwrap_or_default();
    let basic = basic.as_chunks().0.iter().map(|offset| u64::from(u32::from_le_bytes(*offset)));
    let extended = set.bytes(tag::EXTENDED_OFFSET_TABLE).unwrap_or_default();
    let extended = extended.as_chunks().0.iter().map(|offset| u64::from_le_bytes(*offset));
    let tables: [Vec<u64>; 2] = [basic.collect(), extended.collect()];
    let Some(table) = tables.iter().find(|table| table.len() == frames) else {
        let expected =
            format!("an offset table for {frames} frames in {} fragments", fragments.len());
        return Err(wrong(
            "pixel data",
            expected,
            format!("{} offsets", tables.iter().map(Vec::len).max().unwrap_or(0)),
        ));
    };
    // Offsets count from the first fragment's item, whose content begins 8 bytes later. So do all contents.
    let origin = fragments.first().map_or(0, |first| first.start) as u64;
    let place = |offset: &u64| {
        let start = usize::try_from(origin.saturating_add(*offset)).ok()?;
        fragments.binary_search_by_key(&start, |fragment| fragment.start).ok()
    };
    let firsts: Vec<usize> = table.iter().filter_map(place).collect();
    let ascending =
        firsts.first() == Some(&0) && firsts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    if firsts.len() != frames || !ascending {
        return Err(wrong("pixel data", "offsets of fragments, ascending", "others"));
    }
    Ok(firsts)
}

fn wrong(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Element(Mismatch::new(name, expected, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four fragments of 10 bytes for three frames. The items' headers have 8 bytes.
    const FRAGMENTS: [Range<usize>; 4] = [100..110, 118..128, 136..146, 154..164];

    fn place(basic: &[u32], extended: &[u64], frames: usize) -> Result<Vec<usize>, String> {
        let bytes: Vec<u8> = basic.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        let mut set = DataSet::default();
        let extended = extended.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        set.set_bytes(tag::EXTENDED_OFFSET_TABLE, extended);
        firsts(&bytes, &set, 0..bytes.len(), &FRAGMENTS, frames).map_err(|error| error.to_string())
    }

    #[test]
    fn either_table_tells_where_frames_start() {
        assert_eq!(place(&[0, 36, 54], &[], 3), Ok(vec![0, 2, 3]));
        assert_eq!(place(&[], &[0, 18, 36], 3), Ok(vec![0, 1, 2]));
        // Without a table, all fragments are of one frame, or each is of its own.
        assert_eq!(place(&[], &[], 1), Ok(vec![0]));
        assert_eq!(place(&[], &[], 4), Ok(vec![0, 1, 2, 3]));
    }

    #[test]
    fn wrong_tables_are_refused() {
        let expected = "DICOM: pixel data: expected an offset table for 3 frames in 4 fragments, found 0 offsets";
        assert_eq!(place(&[], &[], 3), Err(expected.to_owned()));
        for wrong in [[0, 36, 55], [0, 54, 36], [18, 36, 54], [0, 0, 36], [0, 36, u32::MAX]] {
            assert!(place(&wrong, &[], 3).is_err(), "{wrong:?}");
        }
        let expected = "DICOM: pixel data: expected 5 frames, found 4 fragments";
        assert_eq!(place(&[], &[], 5), Err(expected.to_owned()));
    }
}
