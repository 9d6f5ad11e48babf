//! Which point of the tissue lies at a place of the scan.

use crate::geometry::{Geometry, Place, hypot};
use crate::noise::smoothstep;

/// Where the probe and the tissue are in a frame, relative to the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pose {
    /// The probe's way along the skin, in the plane, mm.
    pub(super) slide_mm: f32,
    /// The probe's rotation in the plane about the middle of its face, radians.
    pub(super) rock_rad: f32,
    /// The tissue's way towards the probe and across, by breathing, mm.
    pub(super) breath_mm: [f32; 2],
    /// The plane's height at the probe's face, mm.
    pub(super) height_mm: f32,
    /// The plane's rotation about the probe's face, radians.
    pub(super) tilt_rad: f32,
    /// Relative change of the target's radius.
    pub(super) swell: f32,
}

/// The map from the scan to the tissue, in which mm are those of the first frame.
///
/// The skin stays at the probe's face: motion towards the probe sets in over the uppermost
/// millimetres, which are pressed together. Below them the motion is rigid, but for the
/// surroundings of a target that swells, which give way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) pose: Pose,
    /// Depth from which the tissue moves freely, mm.
    free_mm: f32,
    /// Sine and cosine of the probe's rotation in the plane.
    turn: (f32, f32),
    /// Sine of its rotation out of the plane.
    tilt: f32,
    /// Centre of the swelling in the tissue, and the radius that swells as a whole, mm; 0 for none.
    centre: [f32; 2],
    reach_mm: f32,
}

/// Share of the depth shown over which the tissue is pressed together.
const PRESSED: f32 = 0.2;

impl Seat {
    pub(super) fn new(geometry: &Geometry, centre: [f32; 2], reach_mm: f32, pose: Pose) -> Self {
        Self {
            pose,
            free_mm: PRESSED * geometry.depth_mm,
            turn: pose.rock_rad.sin_cos(),
            tilt: pose.tilt_rad.sin(),
            centre,
            reach_mm,
        }
    }

    /// The point of the tissue at a place of the scan, and the beam's direction in the tissue.
    pub(super) fn tissue(&self, place: &Place) -> Place {
        let Pose { slide_mm, breath_mm: [up, across], swell, .. } = self.pose;
        let (sin, cos) = self.turn;
        let free = smoothstep(0.0, self.free_mm, place.depth);
        let turned = [place.x * cos - place.z * sin, place.x * sin + place.z * cos];
        let mut x = turned[0] + slide_mm + free * across;
        let mut z = place.z + free * (turned[1] - place.z + up);
        if swell != 0.0 && self.reach_mm > 0.0 {
            let (dx, dz) = (x - self.centre[0], z - self.centre[1]);
            let share = 1.0 - smoothstep(self.reach_mm, 2.0 * self.reach_mm, hypot(dx, dz));
            let shrunk = 1.0 / (1.0 + swell * share);
            (x, z) = (self.centre[0] + shrunk * dx, self.centre[1] + shrunk * dz);
        }
        // Layers follow the probe's face by the difference of depth and z, which is kept.
        let depth = z + (place.depth - place.z);
        let [bx, bz] = place.beam;
        Place { x, z, depth, beam: [bx * cos - bz * sin, bx * sin + bz * cos] }
    }

    /// The place of the scan at which a point of the tissue lies, mm.
    pub(super) fn scan(&self, geometry: &Geometry, point: [f32; 2]) -> [f32; 2] {
        // The map is close to a shift: what is missing shrinks several-fold in each step.
        const STEPS: usize = 40;
        let [mut x, mut z] = point;
        for _ in 0..STEPS {
            let (_, depth) = geometry.beam_position(x, z);
            let at = self.tissue(&Place { x, z, depth, beam: [0.0, 1.0] });
            let missing = [point[0] - at.x, point[1] - at.z];
            (x, z) = (x + missing[0], z + missing[1]);
            if missing[0].hypot(missing[1]) < 1e-4 {
                break;
            }
        }
        [x, z]
    }

    /// The plane's height at a depth, mm.
    pub(super) fn height_mm(&self, depth_mm: f32) -> f32 {
        self.pose.height_mm + self.tilt * depth_mm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::GeometryKind;

    fn moved() -> Pose {
        Pose {
            slide_mm: 3.0,
            rock_rad: 0.08,
            breath_mm: [1.5, 0.4],
            height_mm: 1.0,
            tilt_rad: 0.1,
            swell: 0.1,
        }
    }

    #[test]
    fn at_rest_the_tissue_lies_where_it_is_scanned() {
        let geometry = Geometry::linear([320, 256], 40.0, 0.0);
        let seat = Seat::new(&geometry, [0.0, 20.0], 5.0, Pose::default());
        let place = geometry.place(0.3, 17.0);
        let at = seat.tissue(&place);
        assert_eq!([at.x, at.z, at.depth], [place.x, place.z, place.depth]);
        assert_eq!(at.beam, place.beam);
    }

    #[test]
    fn scan_undoes_tissue() {
        let fan = Geometry::fan(GeometryKind::Convex, [320, 256], 50.0, 0.55, 140.0, 1.0);
        for geometry in [Geometry::linear([320, 256], 40.0, 0.0), fan] {
            let depth = geometry.depth_mm;
            let seat = Seat::new(&geometry, [0.0, 0.5 * depth], 0.1 * depth, moved());
            for (lateral, share) in [(0.0, 0.5), (0.4, 0.1), (-0.7, 0.3), (0.2, 0.6), (0.9, 0.95)] {
                let place = geometry.place(lateral, share * depth);
                let at = seat.tissue(&place);
                let [x, z] = seat.scan(&geometry, [at.x, at.z]);
                assert!((x - place.x).hypot(z - place.z) < 1e-2, "{lateral} {share}: {x} {z}");
            }
        }
    }

    #[test]
    fn the_skin_stays_at_the_probe_and_deep_tissue_moves_by_the_breath() {
        let geometry = Geometry::linear([320, 256], 40.0, 0.0);
        let pose = Pose { breath_mm: [2.0, 0.0], ..Pose::default() };
        let seat = Seat::new(&geometry, [0.0, 20.0], 5.0, pose);
        let at = |depth: f32| seat.tissue(&geometry.place(0.0, depth)).z - depth;
        assert!(at(0.0).abs() < 1e-5 && (at(20.0) - 2.0).abs() < 1e-5);
        let depths: Vec<f32> = (0..100).map(|i| 0.4 * i as f32).collect();
        assert!(depths.windows(2).all(|d| d[1] + at(d[1]) > d[0] + at(d[0])), "tissue folds");
    }

    #[test]
    fn a_swelling_scales_the_target_and_fades_around_it() {
        let geometry = Geometry::linear([320, 256], 40.0, 0.0);
        let pose = Pose { swell: 0.2, ..Pose::default() };
        let seat = Seat::new(&geometry, [0.0, 20.0], 5.0, pose);
        let at = |x: f32| seat.tissue(&Place { x, z: 20.0, depth: 20.0, beam: [0.0, 1.0] }).x;
        assert!((at(4.8) - 4.0).abs() < 1e-5);
        assert_eq!(at(10.5), 10.5);
        let ways: Vec<f32> = (0..120).map(|i| at(0.1 * i as f32)).collect();
        assert!(ways.windows(2).all(|pair| pair[1] > pair[0]), "tissue folds");
    }
}
