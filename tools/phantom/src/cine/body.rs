//! The scene of a cine with its tracked target, and what a frame's plane shows of it.

use super::centre::centroid;
use super::pose::{Pose, Seat};
use super::section::{Extent, Slice, cut, raise, raise_layers};
use super::solid::{Solid, WALL_MM};
use crate::compose::{Content, Frame, Organs};
use crate::geometry::{Geometry, Place};
use crate::organs::{Chosen, OrganMap};
use crate::scene::{Bounds, Scene};
use crate::shape::Shape;
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tissue::Local;

/// The scene of a cine.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Kind of the target.
    pub(super) kind: TargetKind,
    /// Middle of the target in the tissue, mm.
    pub(super) centre: [f32; 2],
    /// Radius that swells as a whole, mm.
    reach_mm: f32,
    /// Mean radius of the target, mm.
    pub(super) radius_mm: f32,
    /// How far the plane can rise or sink before the picture is another one, mm.
    pub(super) half_height_mm: f32,
    /// Whether the plane can leave the target.
    pub(super) leaves: bool,
    /// Whether all of the target is in the picture and has to stay there.
    pub(super) bounded: bool,
    /// Whether the target moves aside as the plane rises.
    pub(super) drifts: bool,
    /// Depth shown, mm, side of a pixel, mm, and the beam's width across the plane, mm.
    depth_mm: f32,
    mm_per_px: f32,
    blur_mm: f32,
    content: Scenery,
}

#[derive(Clone, Debug)]
enum Scenery {
    Classic(Box<Solid>),
    Organs { organs: Box<Organs>, object: usize, centroid: [f32; 2] },
}

/// What a frame's plane shows.
pub(super) struct View {
    /// Area of the target's cut relative to the largest.
    pub(super) in_plane: f32,
    content: Plane,
}

enum Plane {
    /// The target's outline is kept apart: it is missing where the plane does not cut it.
    Classic {
        scene: Box<Scene>,
        bounds: Vec<Bounds>,
        target: Option<Shape>,
    },
    Organs {
        map: Box<OrganMap>,
        object: usize,
    },
}

/// Half-heights of targets that the plane can leave within a second or so, mm.
const LEAVABLE_MM: f32 = 25.0;

impl Body {
    /// The scene of a frame; `blur_mm` is the beam's standard deviation across the plane.
    pub(super) fn new(frame: &Frame, blur_mm: f32, stream: &mut Stream) -> Self {
        let geometry = &frame.geometry;
        let centre = [0.0, 0.5 * geometry.depth_mm];
        let content = match &frame.content {
            Content::Classic(scene) => Scenery::Classic(Box::new(Solid::new(scene, stream))),
            Content::Organs(organs) => {
                Scenery::Organs { organs: organs.clone(), object: 0, centroid: centre }
            }
        };
        let mut body = Self {
            kind: TargetKind::Cyst,
            centre,
            reach_mm: 1.0,
            radius_mm: 1.0,
            half_height_mm: 0.08 * geometry.depth_mm,
            leaves: false,
            bounded: false,
            drifts: false,
            depth_mm: geometry.depth_mm,
            mm_per_px: geometry.mm_per_px,
            blur_mm,
            content,
        };
        match &frame.content {
            Content::Classic(_) => body.measure(),
            Content::Organs(organs) => body.retarget(&organs.first, geometry),
        }
        let range_mm = body.half_height_mm * if body.leaves { 2.5 } else { 1.2 };
        if let Scenery::Classic(solid) = &mut body.content {
            solid.surround(frame, range_mm, stream);
        }
        body
    }

    /// Takes over what the target of a classic scene is like.
    fn measure(&mut self) {
        let Scenery::Classic(solid) = &self.content else { return };
        let Some((target, extent)) = solid.tracked() else { return };
        let shape = &target.structure.shape;
        let [x, z] = shape.centre();
        let [long, short] = shape.radii();
        let away = |p: &[f32; 2]| (p[0] - x).hypot(p[1] - z);
        let bounded = !matches!(shape, Shape::Band(_));
        // Beyond the outline, so that it swells as a whole even when it is largest. A strip becomes
        // thicker instead.
        let farthest = shape.outline(64).iter().map(away).fold(0.0, f32::max);
        let reach_mm = if bounded { 1.3 * farthest } else { 0.0 };
        let radius_mm = if bounded { (long * short).sqrt() } else { short };
        let half_height_mm = match extent {
            Extent::Ball { half_mm, .. } => half_mm,
            Extent::Tube { .. } => 3.0 * radius_mm,
            Extent::Sheet => self.half_height_mm,
        };
        let ball = matches!(extent, Extent::Ball { .. });
        *self = Self {
            kind: target.kind,
            centre: [x, z],
            reach_mm,
            radius_mm,
            half_height_mm,
            leaves: ball && half_height_mm < LEAVABLE_MM,
            bounded,
            drifts: matches!(extent, Extent::Tube { .. }),
            ..self.clone()
        };
    }

    /// Tracks the first of these targets, in a scene with organs: rather an object than a layer of
    /// the body wall, which stays with the probe.
    pub(super) fn retarget(&mut self, chosen: &Chosen, geometry: &Geometry) {
        let Scenery::Organs { object, centroid, .. } = &mut self.content else { return };
        let pairs = || chosen.targets.iter().zip(&chosen.objects);
        let object_first = pairs().find(|(target, _)| target.kind != TargetKind::TissueLayer);
        let Some((target, &first)) = object_first.or_else(|| pairs().next()) else { return };
        *object = first;
        let scale = geometry.mm_per_px;
        *centroid =
            [0, 1].map(|axis| (target.centre_px[axis] + 0.5 - geometry.origin_px[axis]) * scale);
        self.kind = target.kind;
        self.centre = *centroid;
        self.radius_mm = scale * (target.area_px / std::f32::consts::PI).sqrt();
        self.reach_mm = scale * 1.5 * target.radii_px[0];
        self.half_height_mm = 0.08 * geometry.depth_mm;
        self.bounded = true;
    }

    /// The scene with organs, if this is one.
    pub(super) fn organs(&self) -> Option<&Organs> {
        match &self.content {
            Scenery::Organs { organs, .. } => Some(organs),
            Scenery::Classic(_) => None,
        }
    }

    /// The tissue as the probe meets it in a pose.
    pub(super) fn seat(&self, geometry: &Geometry, pose: Pose) -> Seat {
        let seat = Seat::new(geometry, self.centre, self.reach_mm, pose);
        let aside = self.extent().map_or(0.0, |e| e.shift_mm(seat.height_mm(self.centre[1])));
        Seat::new(geometry, [self.centre[0] + aside, self.centre[1]], self.reach_mm, pose)
    }

    /// Size of the target's cut relative to the largest; 0 where the plane does not meet it.
    pub(super) fn section(&self, seat: &Seat) -> f32 {
        self.extent().map_or(1.0, |extent| extent.section(seat.height_mm(self.centre[1])))
    }

    /// The point of the tissue whose motion is the target's: the middle of the cut's area; of a
    /// strip, a point of its middle line.
    pub(super) fn reference(&self, seat: &Seat) -> [f32; 2] {
        match &self.content {
            Scenery::Organs { centroid, .. } => *centroid,
            Scenery::Classic(solid) => match self.cut_target(solid, seat) {
                Some(Shape::Band(band)) => band.centre,
                Some(shape) => centroid(&shape.outline(256)),
                None => self.centre,
            },
        }
    }

    /// What the plane of a frame shows.
    pub(super) fn view(&self, seat: &Seat) -> View {
        let section = self.section(seat);
        let in_plane = section * section;
        let content = match &self.content {
            Scenery::Organs { organs, object, .. } => {
                Plane::Organs { map: Box::new(self.raised(&organs.map, seat)), object: *object }
            }
            Scenery::Classic(solid) => {
                let scene = solid.cut(self.depth_mm, |depth| self.slice(seat, depth));
                let (bounds, target) = (scene.bounds(), self.cut_target(solid, seat));
                Plane::Classic { scene: Box::new(scene), bounds, target }
            }
        };
        let missing = matches!(&content, Plane::Classic { target: None, .. });
        View { in_plane: if missing { 0.0 } else { in_plane }, content }
    }

    /// Standard deviation of the beam across the plane, mm.
    #[cfg(test)]
    pub(super) fn blur_mm(&self) -> f32 {
        self.blur_mm
    }

    fn extent(&self) -> Option<Extent> {
        match &self.content {
            Scenery::Classic(solid) => solid.tracked().map(|(_, extent)| extent),
            Scenery::Organs { .. } => None,
        }
    }

    fn slice(&self, seat: &Seat, depth_mm: f32) -> Slice {
        Slice {
            height_mm: seat.height_mm(depth_mm),
            blur_mm: self.blur_mm,
            least_mm: 1.5 * self.mm_per_px,
            thicker: if self.bounded { 0.0 } else { seat.pose.swell },
        }
    }

    /// The outline of the target where the plane cuts it.
    fn cut_target(&self, solid: &Solid, seat: &Seat) -> Option<Shape> {
        let (target, extent) = solid.tracked()?;
        let slice = self.slice(seat, self.centre[1]);
        Some(cut(&target.structure, extent, self.centre, 0.0, slice)?.shape)
    }

    fn raised(&self, map: &OrganMap, seat: &Seat) -> OrganMap {
        let mut map = map.clone();
        raise_layers(&mut map.layers, self.depth_mm, |depth| seat.height_mm(depth));
        for part in &mut map.parts {
            let [_, z] = part.structure.shape.centre();
            raise(&mut part.structure.material, seat.height_mm(z));
        }
        map.field = map.field.at_height(seat.height_mm(self.centre[1]) / WALL_MM);
        map
    }
}

impl View {
    /// The tissue at a point of it.
    pub(super) fn at(&self, seated: &Place) -> Local {
        match &self.content {
            Plane::Classic { scene, bounds, .. } => scene.at(seated, bounds),
            Plane::Organs { map, .. } => map.at(seated),
        }
    }

    /// Whether a point of the tissue is in the target.
    pub(super) fn in_target(&self, seated: &Place) -> bool {
        match &self.content {
            Plane::Classic { target, .. } => {
                target.as_ref().is_some_and(|shape| shape.contains(seated.x, seated.z))
            }
            Plane::Organs { map, object } => {
                map.owner(seated).is_some_and(|owner| map.belongs(owner, *object))
            }
        }
    }
}
