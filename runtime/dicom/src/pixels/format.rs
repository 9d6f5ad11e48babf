//! What the pixels of an image are: size, number and depth of samples, meaning of the colours.

use super::Palette;
use crate::ReadError;
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::limits::MAX_FRAMES;
use crate::tag;
use uniultra_core::{MAX_SIDE_PX, MIN_SIDE_PX};

/// What the samples of a pixel mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Photometric {
    /// Gray, the least value is white.
    Monochrome1,
    /// Gray, the least value is black.
    Monochrome2,
    /// Red, green, blue.
    Rgb,
    /// Luma and two colour differences, all of full range.
    YbrFull,
    /// As [`Photometric::YbrFull`], with one pair of colour differences for two neighbours.
    YbrFull422,
    /// The transforms of JPEG 2000, which its decoder undoes.
    YbrJpeg2000,
    /// An index into a palette.
    Palette(Box<Palette>),
}

impl Photometric {
    fn read(set: &DataSet) -> Result<Self, ReadError> {
        let text = set.text(tag::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        match text.as_str() {
            "MONOCHROME1" => Ok(Self::Monochrome1),
            "MONOCHROME2" => Ok(Self::Monochrome2),
            "RGB" => Ok(Self::Rgb),
            "YBR_FULL" => Ok(Self::YbrFull),
            "YBR_FULL_422" => Ok(Self::YbrFull422),
            "YBR_RCT" | "YBR_ICT" => Ok(Self::YbrJpeg2000),
            "PALETTE COLOR" => Palette::read(set).map(Box::new).map(Self::Palette),
            _ => {
                let expected = "MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT, \
                    YBR_ICT or PALETTE COLOR";
                Err(ReadError::Unsupported(Mismatch::new(
                    "photometric interpretation",
                    expected,
                    format!("{text:?}"),
                )))
            }
        }
    }

    fn samples(&self) -> usize {
        match self {
            Self::Monochrome1 | Self::Monochrome2 | Self::Palette(_) => 1,
            _ => 3,
        }
    }
}

/// The format of all frames of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PixelFormat {
    pub(crate) width_px: usize,
    pub(crate) height_px: usize,
    pub(crate) frames: usize,
    pub(crate) photometric: Photometric,
    /// Whether each channel is a plane of its own in uncompressed data.
    pub(crate) planar: bool,
    /// 1 or 2.
    pub(crate) bytes_per_sample: usize,
    /// 1 to 16.
    pub(crate) bits_stored: u16,
    /// How many bits lie below the stored ones.
    pub(crate) shift: u16,
}

impl PixelFormat {
    pub(crate) fn read(set: &DataSet) -> Result<Self, ReadError> {
        let height_px = side("rows", set.required_u16(tag::ROWS, "rows")?)?;
        let width_px = side("columns", set.required_u16(tag::COLUMNS, "columns")?)?;
        let frames = match set.integer(tag::NUMBER_OF_FRAMES, "number of frames")? {
            None => 1,
            Some(count) => match usize::try_from(count) {
                Ok(count @ 1..=MAX_FRAMES) => count,
                _ => return Err(wrong("number of frames", format!("1 to {MAX_FRAMES}"), count)),
            },
        };
        let photometric = Photometric::read(set)?;
        let samples = usize::from(set.required_u16(tag::SAMPLES_PER_PIXEL, "samples per pixel")?);
        if samples != photometric.samples() {
            return Err(wrong("samples per pixel", photometric.samples(), samples));
        }
        let planar = match set.u16(tag::PLANAR_CONFIGURATION, "planar configuration")? {
            Some(1) if samples > 1 => true,
            None | Some(0 | 1) => false,
            Some(other) => return Err(wrong("planar configuration", "0 or 1", other)),
        };
        if planar && photometric == Photometric::YbrFull422 {
            return Err(wrong("planar configuration", "0 for YBR_FULL_422", 1));
        }
        let signed = set.u16(tag::PIXEL_REPRESENTATION, "pixel representation")?.unwrap_or(0);
        if signed != 0 {
            return Err(unsupported("pixel representation", "0 (unsigned)", signed));
        }
        let allocated = set.required_u16(tag::BITS_ALLOCATED, "bits allocated")?;
        if !matches!(allocated, 8 | 16) {
            return Err(unsupported("bits allocated", "8 or 16", allocated));
        }
        let bits_stored = set.u16(tag::BITS_STORED, "bits stored")?.unwrap_or(allocated);
        if !(1..=allocated).contains(&bits_stored) {
            return Err(wrong("bits stored", format!("1 to {allocated}"), bits_stored));
        }
        let high_bit = set.u16(tag::HIGH_BIT, "high bit")?.unwrap_or(bits_stored - 1);
        if !(bits_stored - 1..allocated).contains(&high_bit) {
            return Err(wrong(
                "high bit",
                format!("{} to {}", bits_stored - 1, allocated - 1),
                high_bit,
            ));
        }
        let is_ybr = matches!(photometric, Photometric::YbrFull | Photometric::YbrFull422);
        if is_ybr && (allocated, bits_stored) != (8, 8) {
            return Err(unsupported(
                "bits stored",
                "8 of 8 for YBR_FULL and YBR_FULL_422",
                format!("{bits_stored} of {allocated}"),
            ));
        }
        Ok(Self {
            width_px,
            height_px,
            frames,
            photometric,
            planar,
            bytes_per_sample: usize::from(allocated / 8),
            bits_stored,
            shift: high_bit + 1 - bits_stored,
        })
    }

    pub(crate) fn samples(&self) -> usize {
        self.photometric.samples()
    }

    pub(crate) fn pixels(&self) -> usize {
        // Sides are at most 8192.
        self.width_px * self.height_px
    }

    /// Bytes of an uncompressed frame.
    ///
    /// # Errors
    /// [`ReadError::Element`] if pixels share colours and their number is odd.
    pub(crate) fn native_frame_bytes(&self) -> Result<usize, ReadError> {
        if self.photometric != Photometric::YbrFull422 {
            return Ok(self.pixels() * self.samples() * self.bytes_per_sample);
        }
        if !self.width_px.is_multiple_of(2) {
            return Err(wrong("columns", "an even number for YBR_FULL_422", self.width_px));
        }
        Ok(self.pixels() * 2)
    }
}

fn side(name: &str, value: u16) -> Result<usize, ReadError> {
    let value = usize::from(value);
    if !(MIN_SIDE_PX..=MAX_SIDE_PX).contains(&value) {
        return Err(wrong(name, format!("{MIN_SIDE_PX} to {MAX_SIDE_PX}"), value));
    }
    Ok(value)
}

fn wrong(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Element(Mismatch::new(name, expected, found))
}

fn unsupported(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Unsupported(Mismatch::new(name, expected, found))
}
