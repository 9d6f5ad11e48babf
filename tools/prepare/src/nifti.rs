//! NIfTI-1: one picture, plain or packed by gzip. Only what a picture needs; orientation matrices are
//! not applied, because data sets of pictures store rows from top to bottom.

use crate::volume::{Header, Sample, Volume, VolumeError, refuse};
use std::io::Read;

/// Bytes of the header.
const HEADER: usize = 348;

/// Most bytes before the samples: header and extensions.
const MAX_OFFSET: usize = 1 << 20;

/// Whether these are the first bytes of a NIfTI file.
pub(crate) fn is_nifti(bytes: &[u8]) -> bool {
    let size = bytes.first_chunk::<4>().copied().unwrap_or_default();
    let fits = |size: i32| usize::try_from(size) == Ok(HEADER);
    fits(i32::from_le_bytes(size)) || fits(i32::from_be_bytes(size))
}

/// Reads one picture.
pub(crate) fn read(mut source: impl Read) -> Result<Volume, VolumeError> {
    let mut start = Vec::new();
    take(&mut source, HEADER, &mut start)?;
    let (header, offset) = parse(&start)?;
    let wanted = header.bytes()?;
    let mut skipped = Vec::new();
    take(&mut source, offset.saturating_sub(HEADER), &mut skipped)?;
    let mut samples = Vec::new();
    take(&mut source, wanted, &mut samples)?;
    header.volume(&samples)
}

/// Takes at most so many bytes; a stream that is damaged ends where it is.
fn take(source: &mut impl Read, count: usize, bytes: &mut Vec<u8>) -> Result<(), VolumeError> {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match source.take(count as u64).read_to_end(bytes) {
        Err(error) if ![InvalidData, InvalidInput, UnexpectedEof].contains(&error.kind()) => {
            Err(error.into())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The header, and where the samples begin.
fn parse(bytes: &[u8]) -> Result<(Header, usize), VolumeError> {
    if bytes.len() < HEADER || !is_nifti(bytes) {
        return Err(refuse("the header of a NIfTI-1 file", format!("{} other bytes", bytes.len())));
    }
    let fields = Fields { bytes, is_big_endian: !bytes.starts_with(&348_i32.to_le_bytes()) };
    if fields.array::<4>(344) != *b"n+1\0" {
        return Err(refuse("NIfTI-1 with its samples in the same file", "another kind"));
    }
    let sample = match fields.i16(70) {
        2 => Sample::U8,
        4 => Sample::I16,
        8 => Sample::I32,
        16 => Sample::F32,
        64 => Sample::F64,
        256 => Sample::I8,
        512 => Sample::U16,
        768 => Sample::U32,
        other => return Err(refuse("a NIfTI type of whole numbers or floats", other)),
    };
    let dimensions = fields.i16(40);
    if !(2..=7).contains(&dimensions) {
        return Err(refuse("2 to 7 dimensions", dimensions));
    }
    let sides: Vec<usize> = (1..=dimensions)
        .map(|at| usize::try_from(fields.i16(40 + 2 * at as usize)).unwrap_or(0))
        .collect();
    let [width, height, further @ ..] = sides.as_slice() else {
        return Err(refuse("2 to 7 dimensions", dimensions));
    };
    if further.iter().any(|&count| count != 1) {
        return Err(refuse("one picture", format!("dimensions {sides:?}")));
    }
    let offset = fields.f32(108);
    if !(HEADER as f32..=MAX_OFFSET as f32).contains(&offset) {
        return Err(refuse(format!("samples that begin at byte {HEADER} to {MAX_OFFSET}"), offset));
    }
    // Without a unit it is the usual one.
    let mm = match fields.array::<1>(123)[0] & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    let slope = f64::from(fields.f32(112));
    let is_scaled = slope != 0.0 && slope.is_finite();
    let header = Header {
        width: *width,
        height: *height,
        planes: 1,
        channels: 1,
        sample,
        is_big_endian: fields.is_big_endian,
        scale: if is_scaled { [slope, f64::from(fields.f32(116))] } else { [1.0, 0.0] },
        spacing_mm: Some([80, 84].map(|at| f64::from(fields.f32(at)).abs() * mm)),
    };
    Ok((header, offset as usize))
}

/// Numbers at places of the header.
struct Fields<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
}

impl Fields<'_> {
    /// Zeros beyond the end.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let found = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
        found.copied().unwrap_or([0; N])
    }

    fn turned<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = self.array(at);
        if self.is_big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.turned(at))
    }

    fn f32(&self, at: usize) -> f32 {
        f32::from_le_bytes(self.turned(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A file of 3 x 2 samples of two bytes.
    fn file(is_big_endian: bool) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, value: &[u8]| {
            let mut value = value.to_vec();
            if is_big_endian {
                value.reverse();
            }
            bytes[at..at + value.len()].copy_from_slice(&value);
        };
        put(0, &348_i32.to_le_bytes());
        for (at, value) in [(40, 3_i16), (42, 3), (44, 2), (46, 1), (70, 4)] {
            put(at, &value.to_le_bytes());
        }
        for (at, value) in [(80, 0.308_f32), (84, 0.154), (88, 1.0), (108, 352.0)] {
            put(at, &value.to_le_bytes());
        }
        bytes[123] = 2;
        bytes[344..348].copy_from_slice(b"n+1\0");
        for value in 1..=6_i16 {
            bytes.extend(if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn both_byte_orders_are_read_packed_or_not() {
        for is_big_endian in [false, true] {
            let plain = file(is_big_endian);
            for bytes in [packed(&plain), plain] {
                let volume = Volume::from_bytes(&bytes).unwrap();
                assert_eq!(volume.labels(), Some([1, 2, 3, 4, 5, 6].as_slice()));
                assert_eq!((volume.width(), volume.height()), (3, 2));
                let spacing = volume.pixel_spacing().unwrap();
                assert_eq!((spacing.x_mm(), spacing.y_mm()), (0.308, 0.154));
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_or_wrong_is_refused() {
        let whole = file(false);
        let cut = packed(&whole);
        for bytes in [&whole[..100], &whole[..357], &cut[..cut.len() - 20], &cut[..30]] {
            assert!(Volume::from_bytes(bytes).is_err());
        }
        let message = Volume::from_bytes(&whole[..357]).unwrap_err().to_string();
        assert_eq!(message, "expected 12 bytes of samples, found 5");
        for (at, value, words) in [
            (46, 2_u8, "one picture"),
            (70, 128, "NIfTI type"),
            (40, 9, "dimensions"),
            (344, b'i', "NIfTI-1"),
        ] {
            let mut bad = whole.clone();
            bad[at] = value;
            let message = Volume::from_bytes(&bad).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn scales_and_units_are_applied() {
        let mut bytes = file(false);
        bytes[112..116].copy_from_slice(&2.0_f32.to_le_bytes());
        bytes[116..120].copy_from_slice(&1.0_f32.to_le_bytes());
        bytes[80..84].copy_from_slice(&0.001_f32.to_le_bytes());
        bytes[84..88].copy_from_slice(&(-0.002_f32).to_le_bytes());
        bytes[123] = 1;
        let volume = Volume::from_bytes(&bytes).unwrap();
        assert_eq!(volume.labels(), Some([3, 5, 7, 9, 11, 13].as_slice()));
        let spacing = volume.pixel_spacing().unwrap();
        assert!((spacing.x_mm() - 1.0).abs() < 1e-6 && (spacing.y_mm() - 2.0).abs() < 1e-6);
    }
}
