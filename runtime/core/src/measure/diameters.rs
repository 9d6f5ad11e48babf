//! The longest diameter of an outline, and its longest extent at right angles to that.

use super::PixelSpacing;
use super::hull::{convex_hull, distance, farthest_pair};
use crate::Polygon;
use crate::contour::edges;

/// Evenly spaced places along the longest diameter at which the extent across it is measured, in
/// addition to the hull's corners. The spacing costs little precision: half a step from its widest
/// place, an ellipse is narrower by 1 - sqrt(1 - 1/1024^2), half a millionth.
const STATIONS: usize = 1024;

/// A straight measurement between two points of the outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// One end (x, y), in pixels of the source frame.
    pub from: [f32; 2],
    /// The other end.
    pub to: [f32; 2],
    /// Its length, in pixels.
    pub length_px: f32,
}

impl Segment {
    /// Its length, in millimetres.
    #[must_use]
    pub fn length_mm(&self, spacing: PixelSpacing) -> f32 {
        spacing.distance_mm(self.from, self.to)
    }
}

/// The two diameters that radiologists report for a lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diameters {
    /// The longest distance between two points of the outline (maximum Feret diameter).
    pub longest: Segment,
    /// The longest extent at right angles to `longest`, with both ends on the outline: the short
    /// axis as calipers measure it (RECIST 1.1). A notch between the ends counts as part of it.
    pub perpendicular: Segment,
}

/// Diameters of the largest outer ring; `None` if there is none.
#[must_use]
pub fn diameters(polygons: &[Polygon]) -> Option<Diameters> {
    calipers(&largest_outer(polygons)?.points, [1.0; 2])
}

/// Diameters of the largest outer ring where pixels are not square: the longest in millimetres, and
/// at right angles to it in the body. Ends and `length_px` are in pixels all the same;
/// [`Segment::length_mm`] gives the lengths. `None` if there is no outer ring.
#[must_use]
pub fn diameters_with_spacing(polygons: &[Polygon], spacing: PixelSpacing) -> Option<Diameters> {
    let [x, y] = spacing.sides();
    // Only the ratio matters. Square pixels then give the bits of `diameters`.
    calipers(&largest_outer(polygons)?.points, [1.0, y / x])
}

/// The outer ring of the largest area; `None` if there is no outer ring.
#[must_use]
pub fn largest_outer(polygons: &[Polygon]) -> Option<&Polygon> {
    let outer = polygons.iter().filter(|polygon| !polygon.hole);
    outer.max_by(|a, b| a.area_px().total_cmp(&b.area_px()))
}

/// Measures an outline stretched by `scale`, and gives the ends in pixels.
fn calipers(points: &[[f32; 2]], scale: [f32; 2]) -> Option<Diameters> {
    let stretched: Vec<_> = points.iter().map(|[x, y]| [x * scale[0], y * scale[1]]).collect();
    let hull = convex_hull(&stretched);
    let ends = farthest_pair(&hull)?;
    let axes = Axes::along(ends)?;
    let perpendicular = widest_station(&stretched, &hull, &axes)?;
    let segment = |ends: [[f64; 2]; 2]| {
        segment(ends.map(|[x, y]| [x / f64::from(scale[0]), y / f64::from(scale[1])]))
    };
    Some(Diameters { longest: segment(ends), perpendicular: segment(perpendicular) })
}

fn segment(ends: [[f64; 2]; 2]) -> Segment {
    let [from, to] = ends.map(|point| point.map(|v| v as f32));
    Segment { from, to, length_px: distance(ends) as f32 }
}

/// Coordinates along and across the longest diameter.
struct Axes {
    origin: [f64; 2],
    along: [f64; 2],
    length: f64,
}

impl Axes {
    fn along([from, to]: [[f64; 2]; 2]) -> Option<Self> {
        let length = distance([from, to]);
        let along = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
        (length > 0.0).then_some(Self { origin: from, along, length })
    }

    fn project(&self, point: [f64; 2]) -> [f64; 2] {
        let [x, y] = [point[0] - self.origin[0], point[1] - self.origin[1]];
        let [ux, uy] = self.along;
        [x * ux + y * uy, y * ux - x * uy]
    }

    fn point(&self, [along, across]: [f64; 2]) -> [f64; 2] {
        let [ux, uy] = self.along;
        [self.origin[0] + along * ux - across * uy, self.origin[1] + along * uy + across * ux]
    }
}

/// Sweeps the outline's edges over the stations and takes the widest.
fn widest_station(outline: &[[f32; 2]], hull: &[[f64; 2]], axes: &Axes) -> Option<[[f64; 2]; 2]> {
    let even = (0..=STATIONS).map(|i| axes.length * i as f64 / STATIONS as f64);
    let corners = hull.iter().map(|&corner| axes.project(corner)[0]);
    let mut stations: Vec<f64> = even.chain(corners).collect();
    stations.sort_by(f64::total_cmp);
    let mut extents = vec![[f64::INFINITY, f64::NEG_INFINITY]; stations.len()];
    for edge in edges(outline) {
        let [mut a, mut b] = edge.map(|point| axes.project(point.map(f64::from)));
        if a[0] > b[0] {
            std::mem::swap(&mut a, &mut b);
        }
        let first = stations.partition_point(|&station| station < a[0]);
        for (station, extent) in stations.iter().zip(&mut extents).skip(first) {
            if *station > b[0] {
                break;
            }
            let rise = if b[0] > a[0] { (station - a[0]) / (b[0] - a[0]) } else { 0.0 };
            // An edge at right angles to the axis has both ends at the same station.
            let far = if b[0] > a[0] { a[1] + (b[1] - a[1]) * rise } else { b[1] };
            let near = if b[0] > a[0] { far } else { a[1] };
            *extent = [extent[0].min(near).min(far), extent[1].max(near).max(far)];
        }
    }
    let reached = stations.into_iter().zip(extents).filter(|(_, [low, high])| low <= high);
    let width = |extent: &[f64; 2]| extent[1] - extent[0];
    let (station, [low, high]) = reached.max_by(|a, b| width(&a.1).total_cmp(&width(&b.1)))?;
    Some([axes.point([station, low]), axes.point([station, high])])
}
