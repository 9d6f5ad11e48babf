//! TIFF files, BigTIFF too: what the crate `image` leaves out of them.

use super::jpeg;
use crate::FrameError;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use std::io::{Cursor, ErrorKind};
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, Tag};
use tiff::{ColorType, TiffError};

const FORMAT: &str = "TIFF";

/// The first page of a file, as its tags describe it.
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) orientation: Orientation,
    pub(super) has_more_pages: bool,
    kind: Kind,
}

/// How the samples of a page are stored.
enum Kind {
    /// Indices into a table of colours.
    Palette { bits: u8, colors: Vec<[u8; 3]> },
    /// Gray samples of fewer than 8 bits, except one.
    LowBits { bits: u8 },
    /// What the crate `image` decodes or refuses.
    Other,
}

/// Reads the tags of the first page.
pub(super) fn page(bytes: &[u8]) -> Result<Page, FrameError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let (width, height) = decoder.dimensions().map_err(refusal)?;
    let mut tag = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(refusal);
    let photometric = tag(Tag::PhotometricInterpretation)?;
    let compression = tag(Tag::Compression)?;
    let fill_order = tag(Tag::FillOrder)?;
    // A tag that cannot be read must not cost the frame.
    let orientation = tag(Tag::Orientation).ok().flatten();
    if fill_order.is_some_and(|order| order != 1) {
        let found = "bits in reversed order (FillOrder 2)".to_string();
        return Err(FrameError::Kind { format: FORMAT, found });
    }
    let palette = photometric == Some(PhotometricInterpretation::RGBPalette.to_u16());
    let kind = if palette {
        let bits = bits(&mut decoder)?;
        Kind::Palette { bits, colors: colors(&mut decoder, bits)? }
    } else {
        match decoder.colortype() {
            Ok(ColorType::Gray(bits @ 2..=7)) => Kind::LowBits { bits },
            _ => Kind::Other,
        }
    };
    if compression == Some(CompressionMethod::ModernJPEG.to_u16()) {
        check_jpegs(&mut decoder, bytes)?;
    }
    let orientation = orientation.and_then(|value| Orientation::from_exif(value.min(255) as u8));
    Ok(Page {
        width: width as usize,
        height: height as usize,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        has_more_pages: decoder.more_images(),
        kind,
    })
}

impl Page {
    /// Decodes the page if the crate `image` cannot. Its size was checked.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Option<DynamicImage>, FrameError> {
        let (width, height) = (self.width as u32, self.height as u32);
        let image = match &self.kind {
            Kind::Other => return Ok(None),
            Kind::LowBits { bits } => {
                let white = (1_u16 << bits) - 1;
                let mut samples = unpack(&packed(bytes)?, self.width, *bits);
                for sample in &mut samples {
                    *sample = ((u16::from(*sample) * 255 + white / 2) / white) as u8;
                }
                GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8)
            }
            Kind::Palette { bits, colors } => {
                // The decoder knows no palettes. As gray samples it returns their indices.
                let as_gray = with_photometric_gray(bytes)?;
                let indices = unpack(&packed(&as_gray)?, self.width, *bits);
                // There is a colour for each value of so many bits.
                let color = |index| colors.get(usize::from(index)).copied().unwrap_or_default();
                let samples = indices.into_iter().flat_map(color).collect();
                RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8)
            }
        };
        Ok(Some(image.ok_or_else(|| damaged("its size does not fit its samples"))?))
    }
}

fn bits(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<u8, FrameError> {
    let all = decoder.find_tag_unsigned_vec::<u8>(Tag::BitsPerSample).map_err(refusal)?;
    let extra = decoder.find_tag(Tag::ExtraSamples).map_err(refusal)?;
    match (all.as_deref(), extra) {
        (None, None) => Ok(1),
        (Some(&[bits @ 1..=8]), None) => Ok(bits),
        _ => {
            let found = "a palette with other samples than indices of 1 to 8 bit".to_string();
            Err(FrameError::Kind { format: FORMAT, found })
        }
    }
}

/// The table of colours: all reds, then all greens, then all blues.
fn colors(decoder: &mut Decoder<Cursor<&[u8]>>, bits: u8) -> Result<Vec<[u8; 3]>, FrameError> {
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?;
    let count = 1_usize << bits;
    if map.len() != 3 * count {
        return Err(damaged("its palette has another number of colours than its bits allow"));
    }
    // 16 bits a value; some programs write 8.
    let shift = if map.iter().all(|&value| value < 256) { 0 } else { 8 };
    let byte = |at: usize| (map[at] >> shift) as u8;
    Ok((0..count).map(|at| [at, count + at, 2 * count + at].map(byte)).collect())
}

/// The rows of an image of one sample a pixel, each beginning with a new byte.
fn packed(bytes: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    match decoder.read_image().map_err(refusal)? {
        DecodingResult::U8(samples) => Ok(samples),
        _ => Err(damaged("its samples are not of the stated kind")),
    }
}

/// A byte for each sample of `bits` bits, at most 8, highest bits first.
fn unpack(packed: &[u8], width: usize, bits: u8) -> Vec<u8> {
    let bits = usize::from(bits);
    let sample = |row: &[u8], at: usize| {
        let (byte, bit) = (at * bits / 8, at * bits % 8);
        // A sample may reach into the next byte; the last one of a row does not.
        let pair = [row[byte], row.get(byte + 1).copied().unwrap_or(0)];
        (u16::from_be_bytes(pair) << bit >> (16 - bits)) as u8
    };
    let rows = packed.chunks_exact((width * bits).div_ceil(8));
    rows.flat_map(|row| (0..width).map(move |at| sample(row, at))).collect()
}

/// The file with another photometric interpretation of its first page: black is zero.
fn with_photometric_gray(bytes: &[u8]) -> Result<Vec<u8>, FrameError> {
    const MISSING: &str = "its photometric interpretation cannot be found";
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let at = decoder.ifd_pointer().and_then(|at| usize::try_from(at.0).ok());
    let little = bytes.starts_with(b"II");
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(size)?)?.iter();
        let add = |sum, &byte| sum << 8 | u64::from(byte);
        Some(if little { bytes.rev().fold(0, add) } else { bytes.fold(0, add) })
    };
    let big = number(2, 2) == Some(43);
    // Sizes of the number of entries, of an entry, and where in it the value is.
    let (count_size, entry_size, value) = if big { (8, 20, 12) } else { (2, 12, 8) };
    let entry = at.and_then(|at| {
        let count = number(at, count_size)?;
        let first = at + count_size;
        let entries = (0..count).map(|index| first + index as usize * entry_size);
        // Ends with the file, whatever the number of entries is.
        entries.map_while(|entry| Some((entry, number(entry, 2)?))).find_map(|(entry, tag)| {
            (tag == u64::from(Tag::PhotometricInterpretation.to_u16())).then_some(entry)
        })
    });
    let entry = entry.ok_or_else(|| damaged(MISSING))?;
    let size = match number(entry + 2, 2) {
        Some(3) => 2,
        Some(4) => 4,
        _ => return Err(damaged(MISSING)),
    };
    let mut copy = bytes.to_vec();
    let place = entry + value..entry + value + size;
    let field = copy.get_mut(place).ok_or_else(|| damaged(MISSING))?;
    field.fill(0);
    field[if little { 0 } else { size - 1 }] = 1;
    Ok(copy)
}

/// Checks each strip or tile that is a JPEG file.
fn check_jpegs(decoder: &mut Decoder<Cursor<&[u8]>>, bytes: &[u8]) -> Result<(), FrameError> {
    let mut numbers = |tag| decoder.find_tag_unsigned_vec::<usize>(tag).map_err(refusal);
    let strips = (numbers(Tag::StripOffsets)?, numbers(Tag::StripByteCounts)?);
    let tiles = (numbers(Tag::TileOffsets)?, numbers(Tag::TileByteCounts)?);
    let (Some(offsets), Some(lengths)) = (if strips.0.is_some() { strips } else { tiles }) else {
        return Ok(());
    };
    let tables = decoder.find_tag(Tag::JPEGTables).map_err(refusal)?;
    let tables = tables.map(|value| value.into_u8_vec()).transpose().map_err(refusal)?;
    // Without the marker at their end, and the strips without the one at their start.
    let tables = tables.as_deref().map(|tables| &tables[..tables.len().saturating_sub(2)]);
    for (offset, length) in offsets.into_iter().zip(lengths) {
        let strip = bytes.get(offset..).and_then(|rest| rest.get(..length));
        let strip = strip.ok_or(FrameError::Truncated { format: FORMAT })?;
        let checked = match tables {
            Some(tables) => jpeg::check(&[tables, strip.get(2..).unwrap_or_default()].concat()),
            None => jpeg::check(strip),
        };
        checked.map_err(|error| match error {
            FrameError::Truncated { .. } => FrameError::Truncated { format: FORMAT },
            other => other,
        })?;
    }
    Ok(())
}

fn damaged(reason: &str) -> FrameError {
    FrameError::Decode { format: FORMAT, reason: reason.to_string() }
}

fn refusal(error: TiffError) -> FrameError {
    match error {
        TiffError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            FrameError::Truncated { format: FORMAT }
        }
        other => damaged(&other.to_string()),
    }
}
