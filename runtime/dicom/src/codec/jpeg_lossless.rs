//! Lossless JPEG (ITU-T T.81, annex H): Huffman-coded differences from a prediction, 2 to 16 bits.

use super::bits::{BitReader, Stuffing};
use super::header::{Component, SOF_LOSSLESS, Segment, Start, next_segment};
use crate::error::Mismatch;
use crate::pixels::{PixelFormat, Samples};

const SCAN: u8 = 0xDA;
const HUFFMAN_TABLES: u8 = 0xC4;
const RESTART_INTERVAL: u8 = 0xDD;
const FIRST_RESTART: u8 = 0xD0;

/// Longest Huffman code, in bits.
const MAX_CODE_BITS: usize = 16;

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Samples, Mismatch> {
    let Start { header, .. } = Start::read(bytes, format)?;
    if header.kind != SOF_LOSSLESS {
        return Err(Mismatch::new(
            "JPEG",
            "lossless coding, marker FFC3",
            format!("marker FF{:02X}", header.kind),
        ));
    }
    let bits = u32::from(header.bits);
    if !(2..=8 * format.bytes_per_sample as u32).contains(&bits) {
        return Err(Mismatch::new(
            "JPEG bits",
            format!("2 to {}", 8 * format.bytes_per_sample),
            bits,
        ));
    }
    if header.components.iter().any(|component| component.sampling != 0x11) {
        return Err(Mismatch::new("JPEG sampling", "1 of all components", "others"));
    }
    let mut image = Image {
        format,
        bits,
        components: &header.components,
        tables: [const { None }; 4],
        restart_interval: 0,
        words: vec![0; format.pixels() * format.samples()],
        decoded: vec![false; format.samples()],
    };
    let mut rest = bytes;
    while !image.decoded.iter().all(|done| *done) {
        let Some(segment) = next_segment(rest)? else {
            return Err(Mismatch::new("JPEG", "a scan of each component", "the end"));
        };
        rest = image.take(segment)?;
    }
    Ok(super::samples(image.words, format))
}

struct Image<'a> {
    format: &'a PixelFormat,
    bits: u32,
    components: &'a [Component],
    tables: [Option<Huffman>; 4],
    restart_interval: usize,
    words: Vec<u16>,
    decoded: Vec<bool>,
}

/// A component of a scan: its place in a pixel, and the number of its table.
type Part = (usize, usize);

impl Image<'_> {
    /// Uses a segment, and returns what lies behind it.
    fn take<'a>(&mut self, segment: Segment<'a>) -> Result<&'a [u8], Mismatch> {
        match segment.marker {
            HUFFMAN_TABLES => self.read_tables(segment.content)?,
            RESTART_INTERVAL => {
                let interval =
                    segment.content.first_chunk().map(|interval| u16::from_be_bytes(*interval));
                self.restart_interval = usize::from(interval.unwrap_or(0));
            }
            SCAN => return self.scan(segment),
            _ => {}
        }
        Ok(segment.rest)
    }

    fn read_tables(&mut self, content: &[u8]) -> Result<(), Mismatch> {
        let mut rest = content;
        while let Some((number, after)) = rest.split_first() {
            let (table, after) = Huffman::read(after)?;
            let Some(place) = self.tables.get_mut(usize::from(*number)) else {
                return Err(Mismatch::new("Huffman table", "number 0 to 3", number));
            };
            *place = Some(table);
            rest = after;
        }
        Ok(())
    }

    fn scan<'a>(&mut self, segment: Segment<'a>) -> Result<&'a [u8], Mismatch> {
        let wrong = || {
            Mismatch::new(
                "JPEG scan header",
                "components, a predictor and a shift",
                segment.content.escape_ascii(),
            )
        };
        let Some((count, content)) = segment.content.split_first() else { return Err(wrong()) };
        let Some((parts, [predictor, _, shifts])) =
            content.split_at_checked(2 * usize::from(*count))
        else {
            return Err(wrong());
        };
        let (predictor, shift) = (*predictor, u32::from(*shifts & 15));
        if !(1..=7).contains(&predictor) || shift >= self.bits || parts.is_empty() {
            return Err(wrong());
        }
        let part = |&[id, tables]: &[u8; 2]| {
            let place = self.components.iter().position(|component| component.id == id)?;
            Some((place, usize::from(tables >> 4)))
        };
        let parts: Option<Vec<Part>> = parts.as_chunks().0.iter().map(part).collect();
        let parts = parts.ok_or_else(wrong)?;

        let mut lines =
            Lines { predictor, initial: 1 << (self.bits - shift - 1), shift, rest: segment.rest };
        let per_restart = self.restart_interval;
        if !per_restart.is_multiple_of(self.format.width_px) {
            return Err(Mismatch::new(
                "JPEG restart interval",
                format!("a multiple of {}", self.format.width_px),
                per_restart,
            ));
        }
        let rows_per_restart = if per_restart == 0 {
            self.format.height_px
        } else {
            per_restart / self.format.width_px
        };
        for (number, first_row) in (0..self.format.height_px).step_by(rows_per_restart).enumerate()
        {
            if number > 0 {
                lines.take_restart(number)?;
            }
            let rows = first_row..self.format.height_px.min(first_row + rows_per_restart);
            self.rows(&mut lines, rows, &parts)?;
        }
        for (place, _) in parts {
            if let Some(done) = self.decoded.get_mut(place) {
                *done = true;
            }
        }
        Ok(lines.rest)
    }

    /// Decodes rows up to the next restart. The first of them is predicted from the left alone.
    fn rows(
        &mut self,
        lines: &mut Lines<'_>,
        rows: std::ops::Range<usize>,
        parts: &[Part],
    ) -> Result<(), Mismatch> {
        let Self { format, tables, words, .. } = self;
        let stride = format.samples();
        let mut reader = BitReader::new(lines.rest, Stuffing::Byte);
        let first_row = rows.start;
        for y in rows {
            for x in 0..format.width_px {
                for (place, table) in parts {
                    let Some(Some(table)) = tables.get(*table) else {
                        return Err(Mismatch::new(
                            "Huffman table",
                            "the one that the scan names",
                            "none",
                        ));
                    };
                    let difference = table.difference(&mut reader)?;
                    let at = (y * format.width_px + x) * stride + place;
                    // The words hold values that are shifted already.
                    let value = |back: usize| {
                        i32::from(
                            at.checked_sub(back).and_then(|at| words.get(at)).copied().unwrap_or(0)
                                >> lines.shift,
                        )
                    };
                    let above = format.width_px * stride;
                    let prediction = match (x, y == first_row) {
                        (0, true) => lines.initial,
                        (_, true) => value(stride),
                        (0, false) => value(above),
                        _ => predict(
                            lines.predictor,
                            value(stride),
                            value(above),
                            value(above + stride),
                        ),
                    };
                    if let Some(word) = words.get_mut(at) {
                        *word = (prediction.wrapping_add(difference) as u16) << lines.shift;
                    }
                }
            }
        }
        lines.rest = reader.finish();
        Ok(())
    }
}

/// What all rows of a scan have in common, and the data that is left.
struct Lines<'a> {
    predictor: u8,
    initial: i32,
    shift: u32,
    rest: &'a [u8],
}

impl Lines<'_> {
    fn take_restart(&mut self, number: usize) -> Result<(), Mismatch> {
        let expected = FIRST_RESTART + ((number - 1) % 8) as u8;
        match self.rest.split_first_chunk() {
            Some(([0xFF, marker], rest)) if *marker == expected => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(Mismatch::new("JPEG scan", format!("marker FF{expected:02X}"), "none")),
        }
    }
}

/// Table H.1: from the neighbours to the left, above, and above to the left.
fn predict(predictor: u8, left: i32, above: i32, corner: i32) -> i32 {
    match predictor {
        1 => left,
        2 => above,
        3 => corner,
        4 => left + above - corner,
        5 => left + ((above - corner) >> 1),
        6 => above + ((left - corner) >> 1),
        _ => (left + above) >> 1,
    }
}

/// A Huffman table in the form of T.81, figure F.16.
#[derive(Clone)]
struct Huffman {
    /// For each length: how many codes there are.
    counts: [u8; MAX_CODE_BITS],
    /// In the order of their codes: the number of bits of a difference.
    symbols: Vec<u8>,
}

impl Huffman {
    fn read(content: &[u8]) -> Result<(Self, &[u8]), Mismatch> {
        let wrong = || {
            Mismatch::new(
                "Huffman table",
                "16 counts and their symbols",
                format!("{} bytes", content.len()),
            )
        };
        let (counts, rest) = content.split_first_chunk::<MAX_CODE_BITS>().ok_or_else(wrong)?;
        let total = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(total).ok_or_else(wrong)?;
        Ok((Self { counts: *counts, symbols: symbols.to_vec() }, rest))
    }

    fn difference(&self, reader: &mut BitReader<'_>) -> Result<i32, Mismatch> {
        match self.symbol(reader)? {
            0 => Ok(0),
            16 => Ok(1 << 15),
            bits @ 1..=15 => {
                let bits = u32::from(bits);
                let value = reader.bits(bits)? as i32;
                let is_negative = value < 1 << (bits - 1);
                Ok(if is_negative { value - (1 << bits) + 1 } else { value })
            }
            other => Err(Mismatch::new("JPEG difference", "at most 16 bits", other)),
        }
    }

    fn symbol(&self, reader: &mut BitReader<'_>) -> Result<u8, Mismatch> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in self.counts {
            let count = u32::from(count);
            code |= reader.bits(1)?;
            if let Some(at) = code.checked_sub(first).filter(|at| *at < count)
                && let Some(symbol) = self.symbols.get((index + at) as usize)
            {
                return Ok(*symbol);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Mismatch::new("Huffman code", "one of the table", "another"))
    }
}
