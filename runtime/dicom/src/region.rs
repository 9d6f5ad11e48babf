//! Regions of an ultrasound picture: where the scan, a trace or a scale is, and what its pixels measure.

use crate::ReadError;
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::limits::MAX_REGIONS;
use crate::tag;
use uniultra_core::{PixelBox, PixelSpacing, SpacingError};

/// Millimetres of a centimetre, the unit of lengths in regions.
const MM_PER_CM: f64 = 10.0;

/// How a region is organised (PS3.3, C.8.5.5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpatialFormat {
    /// No format, or one that the standard does not list.
    Unknown,
    /// A two-dimensional picture.
    Image,
    /// Depth over time.
    MMode,
    /// Frequencies or velocities over time.
    Spectral,
    /// A wave, an ECG for example.
    WaveForm,
    /// Graphics, a colour bar for example.
    Graphics,
}

impl SpatialFormat {
    fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Image,
            2 => Self::MMode,
            3 => Self::Spectral,
            4 => Self::WaveForm,
            5 => Self::Graphics,
            _ => Self::Unknown,
        }
    }
}

/// The unit of a direction (PS3.3, C.8.5.5.1.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PhysicalUnit {
    /// None, or one that the standard does not list.
    None,
    /// Per cent.
    Percent,
    /// Decibel.
    Decibel,
    /// Centimetres.
    Centimetre,
    /// Seconds.
    Second,
    /// Hertz.
    Hertz,
    /// Decibel a second.
    DecibelPerSecond,
    /// Centimetres a second.
    CentimetrePerSecond,
    /// Square centimetres.
    SquareCentimetre,
    /// Square centimetres a second.
    SquareCentimetrePerSecond,
    /// Cubic centimetres.
    CubicCentimetre,
    /// Cubic centimetres a second.
    CubicCentimetrePerSecond,
    /// Degrees.
    Degree,
}

impl PhysicalUnit {
    fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Percent,
            2 => Self::Decibel,
            3 => Self::Centimetre,
            4 => Self::Second,
            5 => Self::Hertz,
            6 => Self::DecibelPerSecond,
            7 => Self::CentimetrePerSecond,
            8 => Self::SquareCentimetre,
            9 => Self::SquareCentimetrePerSecond,
            10 => Self::CubicCentimetre,
            11 => Self::CubicCentimetrePerSecond,
            12 => Self::Degree,
            _ => Self::None,
        }
    }
}

/// A rectangle of the picture whose pixels have one meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The rectangle, in pixels. It may reach beyond the picture.
    pub area_px: PixelBox,
    /// How the region is organised.
    pub spatial_format: SpatialFormat,
    /// The kind of data as the standard numbers it: 1 tissue, 2 colour flow, 3 and 4 spectral Doppler, 10 ECG.
    pub data_type: u16,
    /// Units across (x) and down (y).
    pub units: [PhysicalUnit; 2],
    /// How much a step of one pixel across (x) and down (y) adds, in `units`. Negative where values fall.
    pub deltas: [f64; 2],
    /// Whether another region that covers the same pixels hides this one.
    pub has_low_priority: bool,
}

impl Region {
    /// The size of the region's pixels; `None` unless both directions are lengths.
    ///
    /// # Errors
    /// [`SpacingError`] if a side is not one that occurs, zero for example.
    pub fn spacing(&self) -> Result<Option<PixelSpacing>, SpacingError> {
        if self.units != [PhysicalUnit::Centimetre; 2] {
            return Ok(None);
        }
        let [x_mm, y_mm] = self.deltas.map(|delta_cm| (delta_cm.abs() * MM_PER_CM) as f32);
        PixelSpacing::with_sides(x_mm, y_mm).map(Some)
    }

    /// Whether the pixel in column `x` and row `y` belongs to the region.
    #[must_use]
    pub fn contains(&self, x: usize, y: usize) -> bool {
        let PixelBox { x0, y0, x1, y1 } = self.area_px;
        (x0..=x1).contains(&x) && (y0..=y1).contains(&y)
    }

    fn read(item: &DataSet) -> Result<Self, ReadError> {
        let place = |tag, name: &str| {
            let value = item.u32(tag, name)?;
            value.map(|value| value as usize).ok_or_else(|| missing(name))
        };
        let area_px = PixelBox {
            x0: place(tag::REGION_LOCATION_MIN_X0, "region, minimum x")?,
            y0: place(tag::REGION_LOCATION_MIN_Y0, "region, minimum y")?,
            x1: place(tag::REGION_LOCATION_MAX_X1, "region, maximum x")?,
            y1: place(tag::REGION_LOCATION_MAX_Y1, "region, maximum y")?,
        };
        let code = |tag, name: &str| item.u16(tag, name).map(|code| code.unwrap_or(0));
        let delta = |tag, name: &str| item.f64(tag, name).map(|delta| delta.unwrap_or(0.0));
        Ok(Self {
            area_px,
            spatial_format: SpatialFormat::from_code(code(
                tag::REGION_SPATIAL_FORMAT,
                "region, spatial format",
            )?),
            data_type: code(tag::REGION_DATA_TYPE, "region, data type")?,
            units: [
                PhysicalUnit::from_code(code(
                    tag::PHYSICAL_UNITS_X_DIRECTION,
                    "region, units across",
                )?),
                PhysicalUnit::from_code(code(
                    tag::PHYSICAL_UNITS_Y_DIRECTION,
                    "region, units down",
                )?),
            ],
            deltas: [
                delta(tag::PHYSICAL_DELTA_X, "region, step across")?,
                delta(tag::PHYSICAL_DELTA_Y, "region, step down")?,
            ],
            has_low_priority: item.u32(tag::REGION_FLAGS, "region, flags")?.unwrap_or(0) & 1 == 1,
        })
    }
}

fn missing(name: &str) -> ReadError {
    ReadError::Element(Mismatch::new(name, "a number", "nothing"))
}

/// All regions of an image, and the spacing that holds without regions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Geometry {
    pub(crate) regions: Vec<Region>,
    /// Across and down, in millimetres.
    pixel_spacing_mm: Option<[f64; 2]>,
}

impl Geometry {
    pub(crate) fn read(set: &DataSet) -> Result<Self, ReadError> {
        let items = set.items(tag::SEQUENCE_OF_ULTRASOUND_REGIONS);
        if items.len() > MAX_REGIONS {
            return Err(ReadError::Limit(Mismatch::new(
                "regions",
                format!("at most {MAX_REGIONS}"),
                items.len(),
            )));
        }
        let regions = items.iter().map(Region::read).collect::<Result<_, _>>()?;
        // The standard has the distance of rows first.
        let pixel_spacing_mm = match set.decimals(tag::PIXEL_SPACING, "pixel spacing")?[..] {
            [] => None,
            [rows_mm, columns_mm] => Some([columns_mm, rows_mm]),
            ref others => {
                return Err(ReadError::Element(Mismatch::new(
                    "pixel spacing",
                    "2 numbers",
                    others.len(),
                )));
            }
        };
        Ok(Self { regions, pixel_spacing_mm })
    }

    /// The region that the pixel in column `x` and row `y` belongs to: of several one with high priority, then the
    /// smallest.
    pub(crate) fn region_at(&self, x: usize, y: usize) -> Option<&Region> {
        let size = |region: &Region| {
            let PixelBox { x0, y0, x1, y1 } = region.area_px;
            (x1 - x0).saturating_mul(y1 - y0)
        };
        let here = self.regions.iter().filter(|region| region.contains(x, y));
        here.min_by_key(|region| (region.has_low_priority, size(region)))
    }

    pub(crate) fn spacing_at(
        &self,
        x: usize,
        y: usize,
    ) -> Result<Option<PixelSpacing>, SpacingError> {
        if !self.regions.is_empty() {
            return self.region_at(x, y).map_or(Ok(None), Region::spacing);
        }
        let sides = self.pixel_spacing_mm.map(|sides| sides.map(|side_mm| side_mm as f32));
        sides.map(|[x_mm, y_mm]| PixelSpacing::with_sides(x_mm, y_mm)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(unit: u16, delta: f64) -> DataSet {
        let mut item = DataSet::default();
        for (tag, value) in [
            (tag::REGION_LOCATION_MIN_X0, 0),
            (tag::REGION_LOCATION_MIN_Y0, 0),
            (tag::REGION_LOCATION_MAX_X1, 9),
            (tag::REGION_LOCATION_MAX_Y1, 9),
        ] {
            item.set_u32s(tag, &[value]);
        }
        for tag in [tag::PHYSICAL_UNITS_X_DIRECTION, tag::PHYSICAL_UNITS_Y_DIRECTION] {
            item.set_u16(tag, unit);
        }
        for tag in [tag::PHYSICAL_DELTA_X, tag::PHYSICAL_DELTA_Y] {
            item.set_bytes(tag, delta.to_le_bytes().to_vec());
        }
        item
    }

    fn geometry(regions: Vec<DataSet>) -> Geometry {
        let mut set = DataSet::default();
        set.set_text(tag::PIXEL_SPACING, "0.3\\0.2");
        if !regions.is_empty() {
            set.set_items(tag::SEQUENCE_OF_ULTRASOUND_REGIONS, regions);
        }
        Geometry::read(&set).unwrap()
    }

    #[test]
    fn pixel_spacing_counts_only_without_regions() {
        let sides = |geometry: &Geometry, x, y| {
            let spacing = geometry.spacing_at(x, y).unwrap();
            spacing.map(|spacing| [spacing.x_mm(), spacing.y_mm()])
        };
        // The distance of rows comes first.
        assert_eq!(sides(&geometry(Vec::new()), 50, 50), Some([0.2, 0.3]));
        let with_region = geometry(vec![region(3, 0.05)]);
        assert_eq!(sides(&with_region, 9, 9), Some([0.5, 0.5]));
        assert_eq!(sides(&with_region, 10, 9), None);
        assert_eq!(sides(&geometry(vec![region(0, 0.05)]), 5, 5), None);
    }

    #[test]
    fn a_spacing_that_does_not_occur_is_an_error() {
        let message = geometry(vec![region(3, 0.0)]).spacing_at(5, 5).unwrap_err().to_string();
        assert_eq!(message, "pixel spacing: expected 0.001 to 10 millimetres, found 0");
    }

    #[test]
    fn many_regions_are_refused() {
        let mut set = DataSet::default();
        set.set_items(tag::SEQUENCE_OF_ULTRASOUND_REGIONS, vec![region(3, 0.05); MAX_REGIONS + 1]);
        let message = Geometry::read(&set).unwrap_err().to_string();
        assert_eq!(message, "DICOM file: regions: expected at most 64, found 65");
    }
}
