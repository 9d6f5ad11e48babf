//! From a file's bytes to its data set and to the place of its pixel data.
//!
//! Every length is compared with the bytes that are there before anything is taken. Only elements of the list in
//! `tag` are kept; the walk ends at the pixel data, because nothing behind it is needed.

use super::{DataSet, Value};
use crate::ReadError;
use crate::error::Mismatch;
use crate::limits::{MAX_DEPTH, MAX_ELEMENTS, MAX_FRAGMENTS, MAX_KEPT_BYTES, MAX_VALUE_BYTES};
use crate::tag::{self, Tag};
use crate::vr::{Vr, has_long_length};
use std::ops::Range;

const ITEM: Tag = Tag(0xFFFE_E000);
const ITEM_END: Tag = Tag(0xFFFE_E00D);
const SEQUENCE_END: Tag = Tag(0xFFFE_E0DD);

/// Stands for a length that is not given: the value ends with a delimiter.
const UNDEFINED: u32 = u32::MAX;

/// Where the pixel data is, in bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PixelData {
    /// One value with all frames.
    Native(Range<usize>),
    /// Fragments, each a part of a compressed frame.
    Encapsulated {
        /// The basic offset table; may be empty.
        offsets: Range<usize>,
        /// The fragments' contents.
        fragments: Vec<Range<usize>>,
    },
}

/// A data set, and its pixel data if it has any.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) data_set: DataSet,
    pub(crate) pixel_data: Option<PixelData>,
    /// Where the walk ended, in bytes.
    pub(crate) end: usize,
}

/// Reads the data set that starts at byte `start`. It ends with the bytes, with the pixel data, or in front of an
/// element of another group if `only_group` is given.
///
/// # Errors
/// [`ReadError::Structure`] if a length reaches beyond its surroundings or an element is malformed,
/// [`ReadError::Limit`] if a bound is passed.
pub(crate) fn parse(
    bytes: &[u8],
    start: usize,
    explicit: bool,
    only_group: Option<u16>,
) -> Result<Parsed, ReadError> {
    let mut walk = Walk { bytes, at: start, elements: 0, kept_bytes: 0, pixel_data: None };
    let until = Until { end: bytes.len(), delimiter: false, only_group };
    let data_set = walk.data_set(until, explicit, 0)?;
    Ok(Parsed { data_set, pixel_data: walk.pixel_data, end: walk.at })
}

/// Where a data set ends.
#[derive(Clone, Copy)]
struct Until {
    /// The byte behind it, or the byte behind what surrounds it if a delimiter ends it.
    end: usize,
    delimiter: bool,
    only_group: Option<u16>,
}

/// The start of a data element.
struct Header {
    offset: usize,
    tag: Tag,
    /// `None` where the representation is implicit, and for items and delimiters.
    letters: Option<[u8; 2]>,
    /// `None` if a delimiter ends the value.
    length: Option<usize>,
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    elements: usize,
    kept_bytes: usize,
    pixel_data: Option<PixelData>,
}

fn structure(
    offset: usize,
    field: impl ToString,
    expected: impl ToString,
    found: impl ToString,
) -> ReadError {
    ReadError::Structure { offset, mismatch: Mismatch::new(field, expected, found) }
}

fn limit(field: &str, most: usize) -> ReadError {
    ReadError::Limit(Mismatch::new(field, format!("at most {most}"), "more"))
}

impl Walk<'_> {
    fn data_set(
        &mut self,
        until: Until,
        explicit: bool,
        depth: usize,
    ) -> Result<DataSet, ReadError> {
        let mut set = DataSet::default();
        loop {
            if self.at == until.end && !until.delimiter {
                return Ok(set);
            }
            if until.only_group.is_some_and(|group| self.next_group() != Some(group)) {
                return Ok(set);
            }
            self.count_element()?;
            let header = self.header(until.end, explicit)?;
            if header.tag == ITEM_END && until.delimiter {
                return Ok(set);
            }
            if header.tag == tag::PIXEL_DATA && depth == 0 {
                self.pixel_data = Some(self.pixel_data(&header)?);
                return Ok(set);
            }
            if let Some((vr, value)) = self.value(&header, until.end, explicit, depth)? {
                set.insert(header.tag, vr, value);
            }
        }
    }

    /// The value of an element, if it is to be kept.
    fn value(
        &mut self,
        header: &Header,
        end: usize,
        explicit: bool,
        depth: usize,
    ) -> Result<Option<(Vr, Value)>, ReadError> {
        let known = header.tag.vr();
        let is_sequence = match &header.letters {
            Some(letters) => letters == b"SQ",
            None => known == Some(Vr::SQ) || header.length.is_none(),
        };
        match (header.length, &header.letters) {
            (Some(length), _) if !is_sequence || known != Some(Vr::SQ) => {
                let value = self.bytes.get(self.at..self.at + length).unwrap_or_default();
                self.at += length;
                // A sequence with an unknown representation is left out.
                let Some(vr) = known.filter(|vr| *vr != Vr::SQ && !is_sequence) else {
                    return Ok(None);
                };
                if length > MAX_VALUE_BYTES {
                    return Ok(None);
                }
                self.kept_bytes += length;
                if self.kept_bytes > MAX_KEPT_BYTES {
                    return Err(limit("bytes of values", MAX_KEPT_BYTES));
                }
                Ok(Some((vr, Value::Bytes(value.to_vec()))))
            }
            (length, _) if is_sequence => {
                let items = self.sequence(header, length, end, explicit, depth)?;
                Ok((known == Some(Vr::SQ)).then_some((Vr::SQ, Value::Items(items))))
            }
            // Of unknown representation and length: items with implicit representations (PS3.5, 6.2.2).
            (_, Some([b'U', b'N'])) => {
                self.sequence(header, None, end, false, depth)?;
                Ok(None)
            }
            // The fragments of an icon.
            (_, Some([b'O', b'B' | b'W'])) => self.fragments(header, end).map(|_| None),
            (_, _) => Err(structure(header.offset, header.tag, "a length", "none")),
        }
    }

    fn sequence(
        &mut self,
        header: &Header,
        length: Option<usize>,
        limit_at: usize,
        explicit: bool,
        depth: usize,
    ) -> Result<Vec<DataSet>, ReadError> {
        if depth >= MAX_DEPTH {
            return Err(limit("nesting of sequences", MAX_DEPTH));
        }
        let end = length.map_or(limit_at, |length| self.at + length);
        let mut items = Vec::new();
        while length.is_none() || self.at < end {
            self.count_element()?;
            let item = self.header(end, explicit)?;
            match item.tag {
                ITEM => {
                    let until = Until {
                        end: item.length.map_or(end, |length| self.at + length),
                        delimiter: item.length.is_none(),
                        only_group: None,
                    };
                    items.push(self.data_set(until, explicit, depth + 1)?);
                }
                SEQUENCE_END if length.is_none() => break,
                other => return Err(structure(item.offset, header.tag, "an item", other)),
            }
        }
        Ok(items)
    }

    fn pixel_data(&mut self, header: &Header) -> Result<PixelData, ReadError> {
        if let Some(length) = header.length {
            let start = self.at;
            self.at += length;
            return Ok(PixelData::Native(start..self.at));
        }
        let mut fragments = self.fragments(header, self.bytes.len())?.into_iter();
        let Some(offsets) = fragments.next() else {
            return Err(structure(header.offset, header.tag, "an offset table", "no item"));
        };
        Ok(PixelData::Encapsulated { offsets, fragments: fragments.collect() })
    }

    fn fragments(&mut self, header: &Header, end: usize) -> Result<Vec<Range<usize>>, ReadError> {
        let mut fragments = Vec::new();
        loop {
            let item = self.header(end, true)?;
            match (item.tag, item.length) {
                (SEQUENCE_END, _) => return Ok(fragments),
                (ITEM, Some(length)) => {
                    if fragments.len() > MAX_FRAGMENTS {
                        return Err(limit("fragments of pixel data", MAX_FRAGMENTS));
                    }
                    fragments.push(self.at..self.at + length);
                    self.at += length;
                }
                (other, _) => return Err(structure(item.offset, header.tag, "a fragment", other)),
            }
        }
    }

    /// Reads the start of an element. Its value lies in front of byte `end`.
    fn header(&mut self, end: usize, explicit: bool) -> Result<Header, ReadError> {
        let offset = self.at;
        let [group, element] = [self.u16(end)?, self.u16(end)?];
        let tag = Tag((u32::from(group) << 16) | u32::from(element));
        let is_item = matches!(tag, ITEM | ITEM_END | SEQUENCE_END);
        let letters = if explicit && !is_item { Some(self.array::<2>(end)?) } else { None };
        let length = match letters {
            None => self.u32(end)?,
            Some(letters) if !letters.iter().all(u8::is_ascii_uppercase) => {
                let found = format!("\"{}\"", letters.escape_ascii());
                return Err(structure(offset, tag, "a value representation", found));
            }
            Some(letters) if has_long_length(letters) => {
                self.array::<2>(end)?;
                self.u32(end)?
            }
            Some(_) => u32::from(self.u16(end)?),
        };
        if length == UNDEFINED {
            return Ok(Header { offset, tag, letters, length: None });
        }
        let left = end.saturating_sub(self.at);
        let length = length as usize;
        if length > left {
            return Err(structure(
                offset,
                tag,
                format!("at most {left} bytes"),
                format!("{length} bytes"),
            ));
        }
        Ok(Header { offset, tag, letters, length: Some(length) })
    }

    /// The group of the next element, without taking it.
    fn next_group(&self) -> Option<u16> {
        self.bytes.get(self.at..)?.first_chunk().map(|group| u16::from_le_bytes(*group))
    }

    fn count_element(&mut self) -> Result<(), ReadError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(limit("data elements", MAX_ELEMENTS));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self, end: usize) -> Result<[u8; N], ReadError> {
        let left = self.bytes.get(self.at..end).unwrap_or_default();
        let Some(taken) = left.first_chunk() else {
            let expected = format!("{N} more bytes");
            return Err(structure(self.at, "data element", expected, format!("{}", left.len())));
        };
        self.at += N;
        Ok(*taken)
    }

    fn u16(&mut self, end: usize) -> Result<u16, ReadError> {
        self.array(end).map(u16::from_le_bytes)
    }

    fn u32(&mut self, end: usize) -> Result<u32, ReadError> {
        self.array(end).map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
