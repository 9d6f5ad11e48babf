//! Analytic outlines of structures. The mask is read off these, never off the simulated image.

use crate::cut::Cut;
use crate::geometry::hypot;
use crate::noise::Field;
use crate::tree::Tree;
use std::f32::consts::TAU;

/// A closed outline in millimetres.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// An ellipse, or a lobulated or spiculated deformation of one.
    Blob(Blob),
    /// A blob that may be bent far: its box holds all of it. (A [`Shape::Blob`] that is bent and
    /// turned can lose a tip, on which the bytes of classic frames depend.)
    Bean(Blob),
    /// A strip that follows a gently curved line.
    Band(Band),
    /// Tubes that bend, taper and branch.
    Tree(Tree),
    /// A part of another shape.
    Cut(Box<Cut>),
}

/// The position of a point relative to an outline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    /// Signed distance to the outline, mm, negative inside. First order: exact on the outline.
    pub(crate) distance: f32,
    /// Outward unit normal of the nearest outline, (x, z); zero at an opening.
    pub(crate) normal: [f32; 2],
}

/// `radius(angle) = 1 + harmonics + spikes` in the coordinates of an ellipse.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// Centre (x, z), mm.
    pub(crate) centre: [f32; 2],
    /// Semi-axes, mm.
    pub(crate) radii: [f32; 2],
    /// Rotation of the first axis from x towards z, radians.
    pub(crate) tilt: f32,
    /// Deformations `amplitude * cos(order * angle + phase)` as (order, amplitude, phase).
    pub(crate) harmonics: Vec<(f32, f32, f32)>,
    /// Spikes as (angle, height, width): spiculations of an invasive lesion.
    pub(crate) spikes: Vec<(f32, f32, f32)>,
    /// Bends the first axis: offset along the second at the first axis' ends, mm.
    pub(crate) bow: f32,
}

/// A strip about the line `z = z0 + slope (x - x0) + sag * noise`.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    /// A point of the line, mm.
    pub(crate) centre: [f32; 2],
    /// Rise of z with x.
    pub(crate) slope: f32,
    /// Height of the line's slow waves, mm, and their length, mm.
    pub(crate) waves: [f32; 2],
    /// Half the thickness, mm.
    pub(crate) half_thickness: f32,
    /// Share of the thickness that varies along the strip.
    pub(crate) variation: f32,
    /// Half the strip's extent in x, mm; it tapers to its ends.
    pub(crate) half_length: f32,
    /// The waves.
    pub(crate) field: Field,
}

impl Shape {
    /// Distance to the outline and its normal, or nothing when farther than `reach` mm outside.
    pub(crate) fn hit(&self, x: f32, z: f32, reach: f32) -> Option<Hit> {
        let [cx, cz] = self.centre();
        let [hx, hz] = self.half_extent();
        if (x - cx).abs() > hx + reach || (z - cz).abs() > hz + reach {
            return None;
        }
        let hit = match self {
            Self::Blob(blob) | Self::Bean(blob) => blob.hit(x, z),
            Self::Band(band) => band.hit(x, z),
            Self::Tree(tree) => tree.hit(x, z),
            Self::Cut(cut) => cut.hit(x, z),
        };
        (hit.distance <= reach).then_some(hit)
    }

    /// Whether the point lies inside.
    pub(crate) fn contains(&self, x: f32, z: f32) -> bool {
        self.hit(x, z, 0.0).is_some()
    }

    /// Centre (x, z), mm.
    pub(crate) fn centre(&self) -> [f32; 2] {
        match self {
            Self::Blob(blob) | Self::Bean(blob) => blob.centre,
            Self::Band(band) => band.centre,
            Self::Tree(tree) => tree.centre(),
            Self::Cut(cut) => cut.whole.centre(),
        }
    }

    /// Semi-axes along the shape's own axes, mm.
    pub(crate) fn radii(&self) -> [f32; 2] {
        match self {
            Self::Blob(blob) | Self::Bean(blob) => blob.radii,
            Self::Band(band) => [band.half_length, band.half_thickness],
            Self::Tree(tree) => tree.radii(),
            Self::Cut(cut) => cut.whole.radii(),
        }
    }

    /// Rotation of the first axis from x towards z, radians.
    pub(crate) fn tilt(&self) -> f32 {
        match self {
            Self::Blob(blob) | Self::Bean(blob) => blob.tilt,
            Self::Band(band) => band.slope.atan(),
            Self::Tree(tree) => tree.tilt(),
            Self::Cut(cut) => cut.whole.tilt(),
        }
    }

    /// Half the sides (x, z) of an upright box that holds the shape, mm.
    pub(crate) fn half_extent(&self) -> [f32; 2] {
        match self {
            Self::Blob(blob) => {
                let (sin, cos) = blob.tilt.sin_cos();
                let largest = blob.largest_radius();
                let [a, b] = [blob.radii[0], blob.radii[1] + largest * blob.bow.abs()];
                [largest * (a * cos).hypot(b * sin), largest * (a * sin).hypot(b * cos)]
            }
            Self::Bean(blob) => {
                let (sin, cos) = blob.tilt.sin_cos();
                let largest = blob.largest_radius();
                let a = largest * blob.radii[0];
                let b = largest * (blob.radii[1] + largest * blob.bow.abs());
                [(a * cos).abs() + (b * sin).abs(), (a * sin).abs() + (b * cos).abs()]
            }
            Self::Band(band) => [
                band.half_length,
                band.half_thickness * (1.0 + band.variation)
                    + (band.slope * band.half_length).abs()
                    + 1.6 * band.waves[0],
            ],
            Self::Tree(tree) => tree.half_extent(),
            Self::Cut(cut) => cut.whole.half_extent(),
        }
    }

    /// Points on the outline, mm.
    pub(crate) fn outline(&self, count: usize) -> Vec<[f32; 2]> {
        (0..count).map(|i| self.outline_at(i as f32 / count as f32)).collect()
    }

    fn outline_at(&self, share: f32) -> [f32; 2] {
        match self {
            Self::Blob(blob) | Self::Bean(blob) => blob.outline_at(share * TAU),
            Self::Band(band) => band.outline_at(share),
            Self::Tree(tree) => tree.outline_at(share),
            Self::Cut(cut) => cut.outline_at(cut.whole.outline_at(share)),
        }
    }

    /// Enclosed area, mm^2, by integration of the outline.
    pub(crate) fn area(&self) -> f32 {
        const STEPS: usize = 4096;
        let points = self.outline(STEPS);
        let mut twice = 0.0_f64;
        for (i, p) in points.iter().enumerate() {
            let q = points[(i + 1) % STEPS];
            twice += f64::from(p[0]) * f64::from(q[1]) - f64::from(q[0]) * f64::from(p[1]);
        }
        (0.5 * twice.abs()) as f32
    }
}

impl Blob {
    /// An ellipse.
    pub(crate) fn ellipse(centre: [f32; 2], radii: [f32; 2], tilt: f32) -> Self {
        Self { centre, radii, tilt, harmonics: Vec::new(), spikes: Vec::new(), bow: 0.0 }
    }

    fn radius(&self, angle: f32) -> f32 {
        let mut radius = 1.0;
        for &(order, amplitude, phase) in &self.harmonics {
            radius += amplitude * (order * angle + phase).cos();
        }
        for &(at, height, width) in &self.spikes {
            let mut apart = (angle - at).rem_euclid(TAU);
            if apart > 0.5 * TAU {
                apart -= TAU;
            }
            // Narrow, but round at the tip, so that no pixel of it stands alone in the mask.
            let share = (apart.abs() / width).min(1.0);
            radius += height * (0.5 + 0.5 * (share * 0.5 * TAU).cos()).powi(2);
        }
        radius.max(0.2)
    }

    fn largest_radius(&self) -> f32 {
        let waves: f32 = self.harmonics.iter().map(|h| h.1.abs()).sum();
        let spikes: f32 = self.spikes.iter().map(|s| s.1.abs()).fold(0.0, f32::max);
        1.0 + waves + 2.0 * spikes
    }

    fn hit(&self, x: f32, z: f32) -> Hit {
        let (sin, cos) = self.tilt.sin_cos();
        let (dx, dz) = (x - self.centre[0], z - self.centre[1]);
        let [a, b] = self.radii;
        let u = (dx * cos + dz * sin) / a;
        let v = (dz * cos - dx * sin - self.bow * u * u) / b;
        let length = hypot(u, v).max(1e-6);
        let radius = if self.harmonics.is_empty() && self.spikes.is_empty() {
            1.0
        } else {
            self.radius(v.atan2(u))
        };
        // Gradient of `length` (but for the bow), back in mm: turns the relative into a true
        // distance.
        let (gu, gv) = (u / (length * a), v / (length * b));
        let steepness = hypot(gu, gv).max(1e-6);
        Hit {
            distance: (length - radius) / steepness,
            normal: [(gu * cos - gv * sin) / steepness, (gu * sin + gv * cos) / steepness],
        }
    }

    fn outline_at(&self, angle: f32) -> [f32; 2] {
        let radius = self.radius(angle);
        let (u, v) = (radius * angle.cos(), radius * angle.sin());
        let (u, v) = (u * self.radii[0], v * self.radii[1] + self.bow * u * u);
        let (sin, cos) = self.tilt.sin_cos();
        [self.centre[0] + u * cos - v * sin, self.centre[1] + u * sin + v * cos]
    }
}

impl Band {
    fn line(&self, x: f32) -> f32 {
        let along = x - self.centre[0];
        self.centre[1]
            + self.slope * along
            + self.waves[0] * self.field.octaves(along / self.waves[1], 0.5, 2)
    }

    fn half_thickness_at(&self, x: f32) -> f32 {
        let along = x - self.centre[0];
        let end = (along / self.half_length).abs().min(1.0);
        let varied = 1.0 + self.variation * self.field.at(along / 7.0, 9.5).clamp(-1.0, 1.0);
        self.half_thickness * varied * (1.0 - end.powi(12)).sqrt()
    }

    fn hit(&self, x: f32, z: f32) -> Hit {
        const STEP: f32 = 0.05;
        let steepness = (self.line(x + STEP) - self.line(x - STEP)) / (2.0 * STEP);
        let norm = (1.0 + steepness * steepness).sqrt();
        let off = z - self.line(x);
        let side = if off < 0.0 { -1.0 } else { 1.0 };
        let beyond = ((x - self.centre[0]).abs() - self.half_length).max(0.0);
        let distance = (off.abs() - self.half_thickness_at(x)) / norm;
        Hit {
            distance: if beyond > 0.0 { distance.max(0.0).hypot(beyond) } else { distance },
            normal: [-side * steepness / norm, side / norm],
        }
    }

    /// Goes along the lower side to the right for `share` below a half, then back above.
    fn outline_at(&self, share: f32) -> [f32; 2] {
        let (along, side) =
            if share < 0.5 { (4.0 * share - 1.0, 1.0) } else { (3.0 - 4.0 * share, -1.0) };
        let x = self.centre[0] + along * self.half_length;
        [x, self.line(x) + side * self.half_thickness_at(x)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::PI;

    fn lobulated() -> Blob {
        Blob {
            harmonics: vec![(3.0, 0.1, 0.4), (5.0, 0.05, 1.0)],
            spikes: vec![(1.0, 0.3, 0.2)],
            bow: 0.4,
            ..Blob::ellipse([2.0, 20.0], [8.0, 5.0], 0.4)
        }
    }

    fn band() -> Band {
        Band {
            centre: [0.0, 15.0],
            slope: 0.1,
            waves: [0.4, 20.0],
            half_thickness: 0.8,
            variation: 0.3,
            half_length: 18.0,
            field: Field::new(9),
        }
    }

    #[test]
    fn the_area_of_an_ellipse_is_pi_a_b() {
        let shape = Shape::Blob(Blob::ellipse([1.0, 2.0], [7.0, 3.0], 0.3));
        assert!((shape.area() - PI * 21.0).abs() < 0.05, "{}", shape.area());
    }

    #[test]
    fn outlines_are_at_distance_zero_and_separate_inside_from_outside() {
        for shape in [Shape::Blob(lobulated()), Shape::Band(band())] {
            let [hx, hz] = shape.half_extent();
            let [cx, cz] = shape.centre();
            for [x, z] in shape.outline(97) {
                let hit = shape.hit(x, z, 1.0).unwrap();
                assert!(hit.distance.abs() < 0.05, "{hit:?} at {x}, {z}");
                assert!((x - cx).abs() <= hx + 1e-3 && (z - cz).abs() <= hz + 1e-3);
            }
            assert!(shape.contains(cx, shape.outline(4)[1][1] - 0.1) || shape.contains(cx, cz));
            assert!(!shape.contains(cx + hx + 0.1, cz));
            assert!(!shape.contains(cx, cz + hz + 0.1));
        }
    }

    #[test]
    fn normals_point_outwards() {
        let shape = Shape::Blob(Blob::ellipse([0.0, 10.0], [6.0, 4.0], 0.0));
        let below = shape.hit(0.0, 14.0, 1.0).unwrap().normal;
        assert!(below[1] > 0.99, "{below:?}");
        let left = shape.hit(-6.0, 10.0, 1.0).unwrap().normal;
        assert!(left[0] < -0.99, "{left:?}");
        let above = Shape::Band(band()).hit(0.0, 10.0, 9.0).unwrap().normal;
        assert!(above[1] < -0.9, "{above:?}");
    }
}
