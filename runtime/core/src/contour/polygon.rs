//! A closed outline.

use super::simplify;
use crate::PixelSpacing;

/// A closed outline; the last point joins the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// (x, y) in pixels of the source frame. Seen on screen (y down), an outer ring runs
    /// counter-clockwise, a hole clockwise.
    pub points: Vec<[f32; 2]>,
    /// Whether this is the border of a hole.
    pub hole: bool,
}

impl Polygon {
    /// A polygon from a traced ring, without repeated points; `None` if it encloses nothing.
    pub(super) fn from_ring(ring: impl Iterator<Item = [f32; 2]>) -> Option<Self> {
        let mut points: Vec<[f32; 2]> = ring.collect();
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        let clockwise_area = clockwise_area(&points);
        (clockwise_area != 0.0).then_some(Self { points, hole: clockwise_area > 0.0 })
    }

    /// Enclosed area, never negative, in square pixels.
    #[must_use]
    pub fn area_px(&self) -> f32 {
        clockwise_area(&self.points).abs() as f32
    }

    /// Length of the outline, in pixels.
    #[must_use]
    pub fn perimeter_px(&self) -> f32 {
        let length = |[a, b]: [[f32; 2]; 2]| {
            f64::hypot(f64::from(b[0]) - f64::from(a[0]), f64::from(b[1]) - f64::from(a[1]))
        };
        edges(&self.points).map(length).sum::<f64>() as f32
    }

    /// Length of the outline, in millimetres.
    #[must_use]
    pub fn perimeter_mm(&self, spacing: PixelSpacing) -> f32 {
        edges(&self.points).map(|[a, b]| spacing.distance(a, b)).sum::<f64>() as f32
    }

    /// The outline with fewer points (Douglas and Peucker, 1973). Every removed point lies within
    /// `tolerance_px` of the result. Returns the outline unchanged if the tolerance is 0 or less,
    /// or would leave no area.
    #[must_use]
    pub fn simplified(&self, tolerance_px: f32) -> Self {
        let points = simplify::ring(&self.points, f64::from(tolerance_px));
        if points.len() < 3 || clockwise_area(&points) == 0.0 {
            return self.clone();
        }
        Self { points, hole: self.hole }
    }
}

/// The edges of a closed outline.
pub(crate) fn edges(points: &[[f32; 2]]) -> impl Iterator<Item = [[f32; 2]; 2]> {
    points.iter().zip(points.iter().cycle().skip(1)).map(|(&a, &b)| [a, b])
}

/// Enclosed area, positive where the outline runs clockwise on screen (y down).
fn clockwise_area(points: &[[f32; 2]]) -> f64 {
    let Some(origin) = points.first().map(|p| p.map(f64::from)) else { return 0.0 };
    // Relative to a point of the outline: far from the frame's corner, products of coordinates
    // would lose digits.
    let cross = |[a, b]: [[f32; 2]; 2]| {
        let [ax, ay] = [f64::from(a[0]) - origin[0], f64::from(a[1]) - origin[1]];
        let [bx, by] = [f64::from(b[0]) - origin[0], f64::from(b[1]) - origin[1]];
        ax * by - bx * ay
    };
    edges(points).map(cross).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Polygon {
        Polygon { points: vec![[1.0, 1.0], [1.0, 5.0], [5.0, 5.0], [5.0, 1.0]], hole: false }
    }

    #[test]
    fn a_square_has_the_area_and_perimeter_of_a_square() {
        assert_eq!((square().area_px(), square().perimeter_px()), (16.0, 16.0));
    }

    #[test]
    fn orientation_on_screen_tells_rings_from_holes() {
        let down_first = square().points;
        assert_eq!(Polygon::from_ring(down_first.clone().into_iter()), Some(square()));
        let reversed = Polygon::from_ring(down_first.into_iter().rev());
        assert!(reversed.is_some_and(|p| p.hole));
    }

    #[test]
    fn a_ring_without_area_is_no_polygon() {
        for points in [vec![], vec![[1.0, 1.0]; 4], vec![[0.0, 0.0], [3.0, 3.0], [1.0, 1.0]]] {
            assert_eq!(Polygon::from_ring(points.into_iter()), None);
        }
    }
}
