//! Measures of an answer in millimetres.

use crate::Candidate;
use uniultra_core::{PixelSpacing, Polygon, Segment, diameters_with_spacing, largest_outer};

/// Measures of a mask in millimetres. Those of an empty mask are `None`, except its area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuresMm {
    /// Area, in square millimetres.
    pub area_mm2: f32,
    /// Longest distance across the largest part.
    pub longest_diameter_mm: Option<f32>,
    /// Longest extent of that part at right angles to it.
    pub perpendicular_diameter_mm: Option<f32>,
    /// Length of that part's outline.
    pub perimeter_mm: Option<f32>,
}

impl MeasuresMm {
    /// Measures a mask whose pixels have this size.
    #[must_use]
    pub fn new(mask: &Candidate, spacing: PixelSpacing) -> Self {
        let diameters = diameters_with_spacing(&mask.contours, spacing);
        let length = |segment: Segment| segment.length_mm(spacing);
        let outline = largest_outer(&mask.contours);
        Self {
            area_mm2: spacing.area_mm2(mask.area_px as f32),
            longest_diameter_mm: diameters.map(|d| length(d.longest)),
            perpendicular_diameter_mm: diameters.map(|d| length(d.perpendicular)),
            perimeter_mm: outline.map(|ring: &Polygon| ring.perimeter_mm(spacing)),
        }
    }
}

#[cfg(feature = "dicom")]
impl From<MeasuresMm> for uniultra_dicom::Measurements {
    fn from(measures: MeasuresMm) -> Self {
        Self {
            area_mm2: Some(measures.area_mm2),
            long_axis_mm: measures.longest_diameter_mm,
            short_axis_mm: measures.perpendicular_diameter_mm,
            perimeter_mm: measures.perimeter_mm,
        }
    }
}
