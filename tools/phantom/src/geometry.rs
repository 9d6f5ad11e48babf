//! The paths of beams, and the conversion from millimetres to pixels.
//!
//! Space is a plane in millimetres: x to the right, z down; the origin is where the central beam
//! leaves the probe. A place on the acquisition grid is (lateral, depth): lateral -1 at the first
//! beam and 1 at the last, depth in millimetres along the beam from the probe's face.

use serde::{Deserialize, Serialize};

/// The probe's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeometryKind {
    /// Parallel beams.
    Linear,
    /// Beams from almost one point.
    Sector,
    /// Beams from an arc.
    Convex,
}

/// Beam geometry and scan conversion of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// The probe's kind.
    pub kind: GeometryKind,
    /// Radius of the probe's face, mm; 0 for a linear array.
    pub probe_radius_mm: f32,
    /// Half the angle between the outer beams, radians; 0 for a linear array.
    pub half_angle_rad: f32,
    /// Half the distance between the outer beams, mm; 0 for a sector or convex array.
    pub half_width_mm: f32,
    /// Depth shown, mm.
    pub depth_mm: f32,
    /// Width of the frame, px.
    pub width_px: u32,
    /// Height of the frame, px.
    pub height_px: u32,
    /// Side of a (square) pixel, mm.
    pub mm_per_px: f32,
    /// The point (x, y) where the central beam leaves the probe, px.
    pub origin_px: [f32; 2],
}

/// A place seen from the probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Position, mm.
    pub(crate) x: f32,
    /// Position, mm.
    pub(crate) z: f32,
    /// Distance along the beam, mm.
    pub(crate) depth: f32,
    /// Unit vector along the beam: (x, z).
    pub(crate) beam: [f32; 2],
}

impl Geometry {
    /// A linear array whose aperture fills the frame but for `margin_px` on either side.
    #[must_use]
    pub fn linear(size_px: [u32; 2], depth_mm: f32, margin_px: f32) -> Self {
        let [width_px, height_px] = size_px;
        let mm_per_px = depth_mm / height_px as f32;
        Self {
            kind: GeometryKind::Linear,
            probe_radius_mm: 0.0,
            half_angle_rad: 0.0,
            half_width_mm: (0.5 * width_px as f32 - margin_px) * mm_per_px,
            depth_mm,
            width_px,
            height_px,
            mm_per_px,
            origin_px: [0.5 * width_px as f32, 0.0],
        }
    }

    /// A fan (sector or convex) that just fits the frame, then is magnified by `zoom` about the
    /// middle of its top, which crops it where `zoom` is above 1.
    #[must_use]
    pub fn fan(
        kind: GeometryKind,
        size_px: [u32; 2],
        probe_radius_mm: f32,
        half_angle_rad: f32,
        depth_mm: f32,
        zoom: f32,
    ) -> Self {
        let [width_px, height_px] = size_px;
        let [fan_width, fan_height] = fan_box(probe_radius_mm, half_angle_rad, depth_mm);
        let rise = fan_height - depth_mm;
        const FILL: f32 = 0.98;
        let fit = (fan_width / width_px as f32).max(fan_height / height_px as f32) / FILL;
        let mm_per_px = fit / zoom;
        Self {
            kind,
            probe_radius_mm,
            half_angle_rad,
            half_width_mm: 0.0,
            depth_mm,
            width_px,
            height_px,
            mm_per_px,
            origin_px: [
                0.5 * width_px as f32,
                rise / mm_per_px + 0.5 * (1.0 - FILL) * height_px as f32,
            ],
        }
    }

    /// Width of a fan relative to its height.
    pub(crate) fn fan_aspect(probe_radius_mm: f32, half_angle_rad: f32, depth_mm: f32) -> f32 {
        let [width, height] = fan_box(probe_radius_mm, half_angle_rad, depth_mm);
        width / height
    }

    /// The place at (lateral, depth).
    pub(crate) fn place(&self, lateral: f32, depth: f32) -> Place {
        if self.kind == GeometryKind::Linear {
            return Place { x: lateral * self.half_width_mm, z: depth, depth, beam: [0.0, 1.0] };
        }
        let (sin, cos) = (lateral * self.half_angle_rad).sin_cos();
        let reach = self.probe_radius_mm + depth;
        Place { x: reach * sin, z: reach * cos - self.probe_radius_mm, depth, beam: [sin, cos] }
    }

    /// The (lateral, depth) of a position in mm; outside the scan, lateral leaves [-1, 1] or depth
    /// leaves [0, `depth_mm`].
    pub(crate) fn beam_position(&self, x: f32, z: f32) -> (f32, f32) {
        if self.kind == GeometryKind::Linear {
            return (x / self.half_width_mm, z);
        }
        let from_apex = z + self.probe_radius_mm;
        (x.atan2(from_apex) / self.half_angle_rad, hypot(x, from_apex) - self.probe_radius_mm)
    }

    /// Whether a position in mm is scanned.
    #[must_use]
    pub fn scans(&self, x: f32, z: f32) -> bool {
        let (lateral, depth) = self.beam_position(x, z);
        lateral.abs() <= 1.0 && (0.0..=self.depth_mm).contains(&depth)
    }

    /// The (lateral, depth) of every pixel, row by row; none where nothing is scanned.
    pub(crate) fn scan(&self) -> Vec<Option<(f32, f32)>> {
        let pixels = (0..self.height_px)
            .flat_map(|row| (0..self.width_px).map(move |column| self.pixel_to_mm(column, row)));
        pixels
            .map(|[x, z]| {
                let (lateral, depth) = self.beam_position(x, z);
                let scanned = lateral.abs() <= 1.0 && (0.0..=self.depth_mm).contains(&depth);
                scanned.then_some((lateral, depth))
            })
            .collect()
    }

    /// Position in mm of the centre of pixel (column, row).
    #[must_use]
    pub fn pixel_to_mm(&self, column: u32, row: u32) -> [f32; 2] {
        [
            (column as f32 + 0.5 - self.origin_px[0]) * self.mm_per_px,
            (row as f32 + 0.5 - self.origin_px[1]) * self.mm_per_px,
        ]
    }

    /// Pixel coordinates of a position in mm; pixel centres are integers.
    #[must_use]
    pub fn mm_to_pixel(&self, x: f32, z: f32) -> [f32; 2] {
        [x / self.mm_per_px + self.origin_px[0] - 0.5, z / self.mm_per_px + self.origin_px[1] - 0.5]
    }

    /// Whether a position in mm is scanned and lies in the frame, at least `margin_mm` from both
    /// borders.
    pub(crate) fn shows(&self, x: f32, z: f32, margin_mm: f32) -> bool {
        let margin_px = margin_mm / self.mm_per_px;
        let [column, row] = self.mm_to_pixel(x, z);
        let inside_frame = column >= margin_px
            && row >= margin_px
            && column <= self.width_px as f32 - 1.0 - margin_px
            && row <= self.height_px as f32 - 1.0 - margin_px;
        let (lateral, depth) = self.beam_position(x, z);
        let lateral_mm = (1.0 - lateral.abs()) * self.half_span_mm(depth);
        inside_frame
            && lateral_mm >= margin_mm
            && depth >= margin_mm
            && depth <= self.depth_mm - margin_mm
    }

    /// Half the width of the scan at a depth, mm, measured along the arc.
    pub(crate) fn half_span_mm(&self, depth: f32) -> f32 {
        match self.kind {
            GeometryKind::Linear => self.half_width_mm,
            _ => (self.probe_radius_mm + depth).max(0.0) * self.half_angle_rad,
        }
    }
}

/// Square root of the sum of squares, without a call of the math library; coordinates are far from
/// where f64 would overflow.
pub(crate) fn hypot(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    (x * x + y * y).sqrt() as f32
}

/// Width and height of a fan, mm.
fn fan_box(probe_radius_mm: f32, half_angle_rad: f32, depth_mm: f32) -> [f32; 2] {
    // The outer beams leave the arc higher up than the central one.
    let rise = probe_radius_mm * (1.0 - half_angle_rad.cos());
    [2.0 * (probe_radius_mm + depth_mm) * half_angle_rad.sin(), depth_mm + rise]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> [Geometry; 3] {
        [
            Geometry::linear([500, 400], 40.0, 20.0),
            Geometry::fan(GeometryKind::Sector, [500, 400], 2.0, 0.7, 120.0, 1.0),
            Geometry::fan(GeometryKind::Convex, [500, 400], 50.0, 0.55, 140.0, 1.0),
        ]
    }

    #[test]
    fn beam_coordinates_round_trip() {
        for geometry in examples() {
            for (lateral, depth) in [(-0.9, 5.0), (0.0, 20.0), (0.7, 39.0)] {
                let place = geometry.place(lateral, depth);
                let (l, d) = geometry.beam_position(place.x, place.z);
                assert!((l - lateral).abs() < 1e-4 && (d - depth).abs() < 1e-3, "{geometry:?}");
            }
        }
    }

    #[test]
    fn a_fan_that_fits_is_wholly_in_the_frame() {
        for geometry in examples() {
            for lateral in [-1.0, -0.5, 0.0, 0.5, 1.0] {
                for depth in [0.0, geometry.depth_mm] {
                    let place = geometry.place(lateral, depth);
                    let [column, row] = geometry.mm_to_pixel(place.x, place.z);
                    assert!((-1.0..=500.0).contains(&column), "{column} {geometry:?}");
                    assert!((-1.0..=400.0).contains(&row), "{row} {geometry:?}");
                }
            }
        }
    }

    #[test]
    fn pixels_round_trip_and_corners_of_a_fan_are_not_scanned() {
        for geometry in examples() {
            let [x, z] = geometry.pixel_to_mm(123, 45);
            let [column, row] = geometry.mm_to_pixel(x, z);
            assert!((column - 123.0).abs() < 1e-2 && (row - 45.0).abs() < 1e-2);
            let [x, z] = geometry.pixel_to_mm(0, 399);
            assert!(!geometry.scans(x, z), "{geometry:?}");
        }
    }
}
