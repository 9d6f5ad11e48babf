//! Content of `IMAGE`: one slice of grey values, colours or labels.

use crate::fields::{Fields, put_finite};
use crate::limits::MAX_IMAGE_SIDE_PX;
use crate::{Coordinates, Geometry, Mismatch};

/// The version of the content. There is only this one.
const VERSION: u16 = 1;

/// Bytes in front of the pixels.
const FIXED_BYTES: usize = 72;

const BIG_ENDIAN: u8 = 1;
const LITTLE_ENDIAN: u8 = 2;

/// The values of an image, row by row from the top, without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pixels {
    /// One byte a pixel: grey values or labels.
    Gray8(Vec<u8>),
    /// One signed byte a pixel.
    Signed8(Vec<i8>),
    /// Two bytes a pixel.
    Gray16(Vec<u16>),
    /// Two signed bytes a pixel.
    Signed16(Vec<i16>),
    /// Red, green and blue, a byte each.
    Rgb8(Vec<[u8; 3]>),
}

impl Pixels {
    /// How many pixels there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Gray8(values) => values.len(),
            Self::Signed8(values) => values.len(),
            Self::Gray16(values) => values.len(),
            Self::Signed16(values) => values.len(),
            Self::Rgb8(values) => values.len(),
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Gray8(_) => Format::Gray8,
            Self::Signed8(_) => Format::Signed8,
            Self::Gray16(_) => Format::Gray16,
            Self::Signed16(_) => Format::Signed16,
            Self::Rgb8(_) => Format::Rgb8,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Gray8(values) => out.extend_from_slice(values),
            Self::Signed8(values) => out.extend(values.iter().map(|value| value.cast_unsigned())),
            Self::Gray16(values) => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Signed16(values) => {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::Rgb8(values) => out.extend_from_slice(values.as_flattened()),
        }
    }
}

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gray8,
    Signed8,
    Gray16,
    Signed16,
    Rgb8,
}

impl Format {
    fn read(components: u8, scalar: u8) -> Result<Self, Mismatch> {
        match (components, scalar) {
            (1, 3) => Ok(Self::Gray8),
            (1, 2) => Ok(Self::Signed8),
            (1, 5) => Ok(Self::Gray16),
            (1, 4) => Ok(Self::Signed16),
            (3, 3) => Ok(Self::Rgb8),
            _ => {
                let expected = "int8, uint8, int16 or uint16 (2 to 5), or 3 components of uint8";
                let found = format!("{components} of type {scalar}");
                Err(Mismatch::new("pixel format", expected, found))
            }
        }
    }

    /// The number of components, and the number of their type.
    fn numbers(self) -> [u8; 2] {
        match self {
            Self::Gray8 => [1, 3],
            Self::Signed8 => [1, 2],
            Self::Gray16 => [1, 5],
            Self::Signed16 => [1, 4],
            Self::Rgb8 => [3, 3],
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Gray8 | Self::Signed8 => 1,
            Self::Gray16 | Self::Signed16 => 2,
            Self::Rgb8 => 3,
        }
    }

    fn pixels(self, bytes: &[u8], big_endian: bool) -> Pixels {
        let pairs = bytes.as_chunks().0.iter();
        match self {
            Self::Gray8 => Pixels::Gray8(bytes.to_vec()),
            Self::Signed8 => Pixels::Signed8(bytes.iter().map(|byte| byte.cast_signed()).collect()),
            Self::Gray16 if big_endian => {
                Pixels::Gray16(pairs.map(|pair| u16::from_be_bytes(*pair)).collect())
            }
            Self::Gray16 => Pixels::Gray16(pairs.map(|pair| u16::from_le_bytes(*pair)).collect()),
            Self::Signed16 if big_endian => {
                Pixels::Signed16(pairs.map(|pair| i16::from_be_bytes(*pair)).collect())
            }
            Self::Signed16 => {
                Pixels::Signed16(pairs.map(|pair| i16::from_le_bytes(*pair)).collect())
            }
            Self::Rgb8 => Pixels::Rgb8(bytes.as_chunks().0.to_vec()),
        }
    }
}

/// One slice, whole. Volumes and parts of images are refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Pixels of a row, 1 to [`MAX_IMAGE_SIDE_PX`].
    pub width: usize,
    /// Rows, 1 to [`MAX_IMAGE_SIDE_PX`].
    pub height: usize,
    /// `width * height` pixels.
    pub pixels: Pixels,
    /// Where they are.
    pub geometry: Geometry,
}

impl Image {
    /// Width and height, as [`Geometry`] takes them.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    pub(crate) fn read(content: &[u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(content);
        let version = fields.u16("image version")?;
        if version != VERSION {
            return Err(Mismatch::new("image version", VERSION, version));
        }
        let format = Format::read(fields.u8("components")?, fields.u8("scalar type")?)?;
        let big_endian = match fields.u8("byte order")? {
            BIG_ENDIAN => true,
            LITTLE_ENDIAN => false,
            other => return Err(Mismatch::new("byte order", "1 (big) or 2 (little)", other)),
        };
        let coordinates = Coordinates::read(fields.u8("coordinates")?)?;
        let size = read_sizes(&mut fields, "size")?;
        let steps = [fields.finite("matrix")?, fields.finite("matrix")?, fields.finite("matrix")?];
        let geometry = Geometry { steps, center: fields.finite("matrix")?, coordinates };
        geometry.check()?;
        let part = [read_sizes(&mut fields, "part")?, read_sizes(&mut fields, "part")?];

        let [width, height, slices] = size;
        check_side("width", width)?;
        check_side("height", height)?;
        if slices != 1 {
            return Err(Mismatch::new("slices", 1, slices));
        }
        if part != [[0; 3], size] {
            let [start, part] = part;
            let expected = format!("the whole image, {size:?} at [0, 0, 0]");
            return Err(Mismatch::new("part", expected, format!("{part:?} at {start:?}")));
        }
        // At most 8192 * 8192 * 3.
        let bytes = fields.bytes("pixels", width * height * format.bytes())?;
        fields.end("pixels")?;
        Ok(Self { width, height, pixels: format.pixels(bytes, big_endian), geometry })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        check_side("width", self.width)?;
        check_side("height", self.height)?;
        let pixels = self.width * self.height;
        if self.pixels.count() != pixels {
            return Err(Mismatch::new("pixels", pixels, self.pixels.count()));
        }
        self.geometry.check()?;
        let format = self.pixels.format();
        out.reserve(FIXED_BYTES + pixels * format.bytes());
        out.extend(VERSION.to_be_bytes());
        out.extend(format.numbers());
        // Some receivers do not swap bytes, and their processors are little-endian.
        out.extend([LITTLE_ENDIAN, self.geometry.coordinates.number()]);
        // Both sides fit: they are at most `MAX_IMAGE_SIDE_PX`.
        let size = [self.width as u16, self.height as u16, 1];
        let put_sizes = |out: &mut Vec<u8>, sizes: [u16; 3]| {
            out.extend(sizes.map(u16::to_be_bytes).as_flattened())
        };
        put_sizes(out, size);
        put_finite(out, "matrix", self.geometry.steps.as_flattened())?;
        put_finite(out, "matrix", &self.geometry.center)?;
        put_sizes(out, [0; 3]);
        put_sizes(out, size);
        self.pixels.write(out);
        Ok(())
    }
}

fn read_sizes(fields: &mut Fields<'_>, field: &'static str) -> Result<[usize; 3], Mismatch> {
    let mut sizes = [0; 3];
    for size in &mut sizes {
        *size = usize::from(fields.u16(field)?);
    }
    Ok(sizes)
}

fn check_side(field: &'static str, side: usize) -> Result<(), Mismatch> {
    if !(1..=MAX_IMAGE_SIDE_PX).contains(&side) {
        return Err(Mismatch::new(field, format!("1 to {MAX_IMAGE_SIDE_PX}"), side));
    }
    Ok(())
}
