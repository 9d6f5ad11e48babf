//! Affine maps of the plane.

/// `(x, y)` to `(m[0][0] x + m[0][1] y + m[0][2], m[1][0] x + m[1][1] y + m[1][2])`.
///
/// Coordinates are those of the unit square, with (0, 0) in the top left corner, so that a map does
/// not depend on the number of pixels. In single precision, maps would be off by a thousandth of a
/// pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    pub(crate) m: [[f64; 3]; 2],
}

impl Affine {
    /// Everything stays where it is.
    pub(crate) const IDENTITY: Self = Self { m: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };

    /// Scales both axes, (`x`, `y`) staying where it is.
    pub(crate) fn scale(by: [f64; 2], [x, y]: [f64; 2]) -> Self {
        Self { m: [[by[0], 0.0, x - by[0] * x], [0.0, by[1], y - by[1] * y]] }
    }

    /// Moves by (`x`, `y`).
    pub(crate) fn shift([x, y]: [f64; 2]) -> Self {
        Self { m: [[1.0, 0.0, x], [0.0, 1.0, y]] }
    }

    /// Turns from x towards y by an angle in radians, (0, 0) staying where it is.
    pub(crate) fn turn(angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { m: [[cos, -sin, 0.0], [sin, cos, 0.0]] }
    }

    /// This map, then the other.
    pub(crate) fn then(self, next: Self) -> Self {
        let (a, b) = (self.m, next.m);
        let row = |r: [f64; 3]| {
            [
                r[0] * a[0][0] + r[1] * a[1][0],
                r[0] * a[0][1] + r[1] * a[1][1],
                r[0] * a[0][2] + r[1] * a[1][2] + r[2],
            ]
        };
        Self { m: [row(b[0]), row(b[1])] }
    }

    /// The image of a point.
    pub(crate) fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.m.map(|[a, b, c]| a * x + b * y + c)
    }

    /// The tight box (x0, y0, x1, y1) around the image of a box.
    pub(crate) fn apply_to_box(&self, [x0, y0, x1, y1]: [f64; 4]) -> [f64; 4] {
        let corners = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]].map(|corner| self.apply(corner));
        let fold = |axis: usize, pick: fn(f64, f64) -> f64| {
            corners.iter().map(|corner| corner[axis]).fold(corners[0][axis], pick)
        };
        [fold(0, f64::min), fold(1, f64::min), fold(0, f64::max), fold(1, f64::max)]
    }

    /// The factor by which areas grow; negative for a mirror image.
    pub(crate) fn determinant(&self) -> f64 {
        self.m[0][0] * self.m[1][1] - self.m[0][1] * self.m[1][0]
    }

    /// The way back. The map must not be singular: those made here never are.
    pub(crate) fn inverse(&self) -> Self {
        let [[a, b, c], [d, e, f]] = self.m;
        let scale = 1.0 / self.determinant();
        let [a, b, d, e] = [e * scale, -b * scale, -d * scale, a * scale];
        Self { m: [[a, b, -(a * c + b * f)], [d, e, -(d * c + e * f)]] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: [f64; 2], b: [f64; 2]) -> bool {
        (a[0] - b[0]).abs() < 1e-12 && (a[1] - b[1]).abs() < 1e-12
    }

    #[test]
    fn maps_are_made_in_order_and_undone() {
        let map = Affine::scale([2.0, 3.0], [1.0, 1.0])
            .then(Affine::turn(std::f64::consts::FRAC_PI_2))
            .then(Affine::shift([10.0, 0.0]));
        // (2, 2) is scaled to (3, 4), turned to (-4, 3), moved to (6, 3).
        assert!(near(map.apply([2.0, 2.0]), [6.0, 3.0]), "{:?}", map.apply([2.0, 2.0]));
        assert!((map.determinant() - 6.0).abs() < 1e-12);
        assert!(near(map.inverse().apply([6.0, 3.0]), [2.0, 2.0]));
        assert_eq!(Affine::IDENTITY.then(Affine::IDENTITY).inverse(), Affine::IDENTITY);
    }

    #[test]
    fn a_box_stays_tight() {
        let quarter = Affine::turn(std::f64::consts::FRAC_PI_2);
        let [x0, y0, x1, y1] = quarter.apply_to_box([1.0, 0.0, 3.0, 1.0]);
        assert!(near([x0, y0], [-1.0, 1.0]) && near([x1, y1], [0.0, 3.0]));
    }
}
