//! A picture in one of the formats of medical images: NIfTI or MetaImage.

use crate::{metaimage, nifti};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use uniultra_core::{Frame, MAX_SIDE_PX, PixelSpacing, Pixels};

/// Most bytes of samples that are read.
pub(crate) const MAX_BYTES: usize = 256 << 20;

/// Why a file of samples was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The bytes are not what their format says.
    #[error("expected {expected}, found {found}")]
    Content {
        /// What the reader expects.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The bytes end too early, or their compression is damaged.
    #[error("expected {expected} bytes of samples, found {found}")]
    Truncated {
        /// Bytes that follow from the header.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

/// One picture of samples of 0 to 255: gray, or red, green and blue.
///
/// ```
/// use uniultra_prepare::Volume;
///
/// let header = "NDims = 2\nDimSize = 3 2\nElementSpacing = 0.3 0.15\nElementType = MET_UCHAR\n\
///     ElementDataFile = LOCAL\n";
/// let volume = Volume::from_bytes(&[header.as_bytes(), &[0, 1, 2, 3, 4, 5]].concat())?;
/// assert_eq!((volume.width(), volume.height()), (3, 2));
/// assert_eq!(volume.pixel_spacing().map(|mm| mm.y_mm()), Some(0.15));
/// # Ok::<(), uniultra_prepare::VolumeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<u8>,
    pixel_spacing: Option<PixelSpacing>,
}

/// How the bytes of samples are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Pictures behind each other: 1, or 3 for red, green and blue.
    pub(crate) planes: usize,
    /// Samples of a pixel beside each other: 1 or 3.
    pub(crate) channels: usize,
    pub(crate) sample: Sample,
    pub(crate) is_big_endian: bool,
    /// Slope and intercept.
    pub(crate) scale: [f64; 2],
    /// Sides of a pixel, in millimetres.
    pub(crate) spacing_mm: Option<[f64; 2]>,
}

pub(crate) fn refuse(expected: impl Into<String>, found: impl ToString) -> VolumeError {
    VolumeError::Content { expected: expected.into(), found: found.to_string() }
}

impl Sample {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// One sample of exactly [`Sample::bytes`] little-endian bytes; NaN for any other number.
    fn value(self, bytes: &[u8]) -> f64 {
        let (two, four, eight) =
            (bytes.first_chunk::<2>(), bytes.first_chunk::<4>(), bytes.first_chunk::<8>());
        let value = match self {
            Self::U8 => bytes.first().map(|&byte| f64::from(byte)),
            Self::I8 => bytes.first().map(|&byte| f64::from(byte.cast_signed())),
            Self::U16 => two.map(|&b| f64::from(u16::from_le_bytes(b))),
            Self::I16 => two.map(|&b| f64::from(i16::from_le_bytes(b))),
            Self::U32 => four.map(|&b| f64::from(u32::from_le_bytes(b))),
            Self::I32 => four.map(|&b| f64::from(i32::from_le_bytes(b))),
            Self::F32 => four.map(|&b| f64::from(f32::from_le_bytes(b))),
            Self::F64 => eight.map(|&b| f64::from_le_bytes(b)),
        };
        value.unwrap_or(f64::NAN)
    }
}

impl Header {
    /// Bytes of all samples.
    ///
    /// # Errors
    /// [`VolumeError`] if the picture is empty or too large.
    pub(crate) fn bytes(&self) -> Result<usize, VolumeError> {
        let sides = 1..=MAX_SIDE_PX;
        let channels = self.planes.saturating_mul(self.channels);
        if !sides.contains(&self.width)
            || !sides.contains(&self.height)
            || ![1, 3].contains(&channels)
        {
            return Err(refuse(
                format!("one picture of at most {MAX_SIDE_PX} pixels a side, gray or colour"),
                format!(
                    "{}x{} pixels, {} pictures of {} channels",
                    self.width, self.height, self.planes, self.channels
                ),
            ));
        }
        let bytes = self.width * self.height * channels * self.sample.bytes();
        if bytes > MAX_BYTES {
            return Err(refuse(format!("at most {MAX_BYTES} bytes of samples"), bytes));
        }
        Ok(bytes)
    }

    /// The picture of these bytes, of which there must be [`Header::bytes`] or more.
    pub(crate) fn volume(&self, bytes: &[u8]) -> Result<Volume, VolumeError> {
        let expected = self.bytes()?;
        let Some(bytes) = bytes.get(..expected) else {
            return Err(VolumeError::Truncated { expected, found: bytes.len() });
        };
        let mut samples = Vec::with_capacity(expected / self.sample.bytes());
        for chunk in bytes.chunks_exact(self.sample.bytes()) {
            let mut turned = [0; 8];
            for (place, byte) in turned.iter_mut().zip(chunk) {
                *place = *byte;
            }
            let end = self.sample.bytes();
            let chunk = turned.get_mut(..end).unwrap_or_default();
            if self.is_big_endian {
                chunk.reverse();
            }
            let value = (self.sample.value(chunk) * self.scale[0] + self.scale[1]).round();
            if !(0.0..=255.0).contains(&value) {
                return Err(refuse("values of 0 to 255", value));
            }
            samples.push(value as u8);
        }
        let pixels = self.width * self.height;
        if self.planes == 3 {
            samples = (0..pixels)
                .flat_map(|at| [at, at + pixels, at + 2 * pixels])
                .filter_map(|at| samples.get(at).copied())
                .collect();
        }
        let mm = |[x, y]: [f64; 2]| PixelSpacing::with_sides(x as f32, y as f32).ok();
        Ok(Volume {
            width: self.width,
            height: self.height,
            channels: self.planes * self.channels,
            samples,
            pixel_spacing: self.spacing_mm.and_then(mm),
        })
    }
}

impl Volume {
    /// Reads a NIfTI file, also one packed by gzip, or a MetaImage with its samples inside.
    ///
    /// # Errors
    /// [`VolumeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VolumeError> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            nifti::read(flate2::read::MultiGzDecoder::new(bytes))
        } else if nifti::is_nifti(bytes) {
            nifti::read(bytes)
        } else {
            metaimage::read(bytes, None)
        }
    }

    /// As [`Volume::from_bytes`], from a file. A MetaImage's samples may be in another file of its
    /// folder.
    ///
    /// # Errors
    /// [`VolumeError`].
    pub fn open(path: &Path) -> Result<Self, VolumeError> {
        let bytes = bytes_of(path)?;
        let is_meta = !bytes.starts_with(&[0x1f, 0x8b]) && !nifti::is_nifti(&bytes);
        if is_meta { metaimage::read(&bytes, path.parent()) } else { Self::from_bytes(&bytes) }
    }

    /// Width, in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Sides of a pixel, where the header says them.
    #[must_use]
    pub fn pixel_spacing(&self) -> Option<PixelSpacing> {
        self.pixel_spacing
    }

    /// Labels `[height, width]`; `None` for a picture in colour.
    #[must_use]
    pub fn labels(&self) -> Option<&[u8]> {
        (self.channels == 1).then_some(self.samples.as_slice())
    }

    /// The picture as a frame.
    ///
    /// # Errors
    /// [`uniultra_core::FrameError`] if it is too small for one.
    pub fn into_frame(self) -> Result<Frame, uniultra_core::FrameError> {
        let pixels = match self.channels {
            1 => Pixels::Gray8(self.samples),
            _ => Pixels::Rgb8(self.samples),
        };
        Frame::new(self.width, self.height, pixels)
    }
}

/// A file of at most [`MAX_BYTES`] and a header.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, VolumeError> {
    let mut bytes = Vec::new();
    File::open(path)?.take((MAX_BYTES + (1 << 20)) as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sample: Sample) -> Header {
        Header {
            width: 2,
            height: 1,
            planes: 1,
            channels: 1,
            sample,
            is_big_endian: false,
            scale: [1.0, 0.0],
            spacing_mm: None,
        }
    }

    #[test]
    fn every_kind_of_sample_is_read() {
        let cases: [(Sample, Vec<u8>); 8] = [
            (Sample::U8, vec![7, 200]),
            (Sample::I8, vec![7, 100]),
            (Sample::U16, [7_u16, 200].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Sample::I16, [7_i16, 200].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Sample::U32, [7_u32, 200].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Sample::I32, [7_i32, 200].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Sample::F32, [7.2_f32, 199.8].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (Sample::F64, [7.2_f64, 199.8].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ];
        for (sample, bytes) in cases {
            let volume = header(sample).volume(&bytes).unwrap();
            let second = if sample == Sample::I8 { 100 } else { 200 };
            assert_eq!(volume.labels(), Some([7, second].as_slice()), "{sample:?}");
        }
        let big = Header { is_big_endian: true, ..header(Sample::U16) };
        assert_eq!(big.volume(&[0, 7, 0, 200]).unwrap().labels(), Some([7, 200].as_slice()));
    }

    #[test]
    fn planes_become_channels() {
        let planes = Header { planes: 3, ..header(Sample::U8) };
        let frame = planes.volume(&[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(
            (frame.labels(), frame.samples.as_slice()),
            (None, [1, 3, 5, 2, 4, 6].as_slice())
        );
    }

    #[test]
    fn values_and_sizes_out_of_range_are_refused() {
        let scaled = Header { scale: [2.0, 0.0], ..header(Sample::U8) };
        assert!(scaled.volume(&[7, 200]).unwrap_err().to_string().contains("found 400"));
        let nan = f32::NAN.to_le_bytes();
        assert!(header(Sample::F32).volume(&[nan, nan].concat()).is_err());
        assert!(header(Sample::U8).volume(&[7]).unwrap_err().to_string().contains("found 1"));
        for bad in [
            Header { width: 0, ..header(Sample::U8) },
            Header { height: 9000, ..header(Sample::U8) },
            Header { planes: 20, ..header(Sample::U8) },
            Header { width: 8192, height: 8192, ..header(Sample::F64) },
        ] {
            assert!(bad.bytes().is_err(), "{bad:?}");
        }
    }
}
