//! A shape of which a straight line takes a part away: a chamber above its valve, sludge below its
//! level.

use crate::shape::{Hit, Shape};

/// The part of a shape on the inner side of a line.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// The whole shape.
    pub(crate) whole: Shape,
    /// A point of the line, mm.
    pub(crate) point: [f32; 2],
    /// Unit normal of the line; it points to the part that is cut off.
    pub(crate) normal: [f32; 2],
}

impl Cut {
    /// The outline has no normal along the line, because the line is an opening or a fluid level,
    /// not a wall that faces the beam.
    pub(crate) fn hit(&self, x: f32, z: f32) -> Hit {
        let beyond = self.beyond(x, z);
        let line = Hit { distance: beyond, normal: [0.0, 0.0] };
        match self.whole.hit(x, z, f32::INFINITY) {
            Some(hit) if hit.distance > beyond => hit,
            _ => line,
        }
    }

    /// The whole shape's outline; what lies beyond the line is moved onto it.
    pub(crate) fn outline_at(&self, [x, z]: [f32; 2]) -> [f32; 2] {
        let back = self.beyond(x, z).max(0.0);
        [x - back * self.normal[0], z - back * self.normal[1]]
    }

    fn beyond(&self, x: f32, z: f32) -> f32 {
        (x - self.point[0]) * self.normal[0] + (z - self.point[1]) * self.normal[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Blob;
    use std::f32::consts::PI;

    #[test]
    fn half_a_circle_has_half_the_area_and_a_straight_side() {
        let whole = Shape::Blob(Blob::ellipse([0.0, 10.0], [4.0, 4.0], 0.0));
        let half = Shape::Cut(Box::new(Cut { whole, point: [0.0, 10.0], normal: [0.0, 1.0] }));
        assert!((half.area() - 8.0 * PI).abs() < 0.1, "{}", half.area());
        assert!(half.contains(0.0, 9.0) && !half.contains(0.0, 11.0));
        let hit = half.hit(0.5, 9.8, 1.0).unwrap();
        assert!((hit.distance + 0.2).abs() < 1e-4 && hit.normal == [0.0, 0.0], "{hit:?}");
    }
}
