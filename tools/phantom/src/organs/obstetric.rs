//! The pregnant uterus: pockets of amniotic fluid, placenta, head, trunk and limbs.

use super::composer::{Axes, Composer, bare};
use super::map::Owner;
use super::material;
use crate::head;
use crate::scene::{Structure, Wall};
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tree::Tree;
use std::f32::consts::TAU;

impl Composer<'_> {
    /// A view into the uterus; `around_db` is the echo of its wall.
    pub(crate) fn pregnancy(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let centre = self.spot(stream.uniform(-0.2, 0.2), stream.uniform(0.42, 0.55));
        let radii = [depth * stream.uniform(0.3, 0.55), depth * stream.uniform(0.22, 0.36)];
        let tilt = stream.uniform(-0.4, 0.4);
        let mut cavity = self.blob(centre, radii, tilt, 0.1, stream);
        cavity.harmonics.push((3.0, stream.uniform(0.0, 0.15), stream.uniform(0.0, TAU)));
        if stream.chance(0.7) {
            let side = if stream.chance(0.7) { -1.0 } else { 1.0 };
            let at = [
                centre[0] + stream.uniform(-0.4, 0.4) * radii[0],
                centre[1] + side * 0.9 * radii[1],
            ];
            let size = [radii[0] * stream.uniform(0.6, 0.95), radii[1] * stream.uniform(0.3, 0.55)];
            let mut slab = self.blob(at, size, tilt, 0.05, stream);
            slab.bow = -side * 0.25 * size[1];
            let level = around_db + self.contrast(stream);
            let placenta = self.object(TargetKind::Placenta, None, 2.0, level - around_db);
            self.hollow(TargetKind::FluidPocket, Shape::Bean(cavity), None, around_db, 1.6, stream);
            self.parenchyma(placenta, Shape::Bean(slab), level, around_db, stream);
        } else {
            self.hollow(TargetKind::FluidPocket, Shape::Bean(cavity), None, around_db, 1.6, stream);
        }
        let axes = Axes { origin: centre, tilt };
        let at =
            axes.at(radii[0] * stream.uniform(-0.35, 0.35), radii[1] * stream.uniform(-0.1, 0.3));
        let size = radii[1] * stream.uniform(0.45, 0.85);
        match stream.integer(0, 4) {
            0 | 1 => self.fetal_head(at, size, stream),
            2 | 3 => self.trunk(at, size, around_db, stream),
            _ => {}
        }
        for _ in 0..stream.integer(0, 3) {
            let at =
                axes.at(radii[0] * stream.uniform(-0.7, 0.7), radii[1] * stream.uniform(-0.5, 0.6));
            self.limb_bone(at, depth * stream.uniform(0.06, 0.16), around_db, stream);
        }
        self.shaded_edges(stream);
    }

    fn fetal_head(&mut self, at: [f32; 2], half: f32, stream: &mut Stream) {
        let tilt = stream.uniform(-0.8, 0.8);
        let skull = Blob::ellipse(at, [half, half * stream.uniform(0.72, 0.88)], tilt);
        let object = self.object(TargetKind::FetalHead, None, 2.0, -3.0);
        let structure = self.like(TargetKind::FetalHead, Shape::Bean(skull.clone()), -3.0, stream);
        self.paint(Owner::Object(object), structure);
        for part in head::brain(&skull, stream) {
            self.paint(Owner::Beneath, part);
        }
    }

    /// A fetal trunk across: skin, liver, stomach, spine with its shadow.
    fn trunk(&mut self, at: [f32; 2], half: f32, around_db: f32, stream: &mut Stream) {
        let tilt = stream.uniform(0.0, TAU);
        let axes = Axes { origin: at, tilt };
        let flat = stream.uniform(0.8, 1.0);
        let shape = Shape::Bean(self.blob(at, [half, half * flat], tilt, 0.03, stream));
        let level = around_db + stream.uniform(-8.0, 0.0);
        let trunk = self.object(TargetKind::FetalTrunk, None, 2.5, level - around_db);
        let skin = Wall {
            half_mm: stream.uniform(0.5, 1.1),
            diffuse_db: level + stream.uniform(3.0, 9.0),
            specular_db: stream.uniform(4.0, 12.0),
            front: 1.0,
            back: 1.0,
            side: stream.uniform(0.2, 0.6),
        };
        let filling = material::coarse(level, 0.8 * self.grain(), stream);
        let structure = Structure { edge_mm: 0.4, wall: Some(skin), ..bare(shape, filling) };
        self.paint(Owner::Object(trunk), structure);
        if stream.chance(0.7) {
            let place = axes.at(0.1 * half, 0.4 * half);
            let size = half * stream.uniform(0.12, 0.28);
            let bubble = Shape::Bean(self.blob(place, [1.4 * size, size], tilt, 0.08, stream));
            let stomach = self.object(TargetKind::FluidPocket, Some(trunk), 1.2, -40.0);
            let structure = self.like(TargetKind::Cyst, bubble, level, stream);
            self.paint(Owner::Object(stomach), structure);
        }
        let spine = axes.at(0.72 * half, 0.0);
        for side in [-1.0, 1.0] {
            let at = [spine[0] + side * 0.07 * half, spine[1]];
            let size = 0.06 * half;
            let bone = Shape::Bean(self.blob(at, [size, 0.8 * size], 0.0, 0.1, stream));
            let structure = self.like(TargetKind::Calcification, bone, level, stream);
            self.paint(Owner::Beneath, structure);
        }
    }

    /// A limb along: soft tissue about a bright bone.
    fn limb_bone(&mut self, at: [f32; 2], half: f32, around_db: f32, stream: &mut Stream) {
        let axes = Axes { origin: at, tilt: stream.uniform(-1.2, 1.2) };
        let (from, to) = (axes.at(-half, 0.0), axes.at(half, 0.0));
        let thick = half * stream.uniform(0.25, 0.4);
        let flesh = Shape::Tree(Tree::bent(from, to, 0.0, |share| thick * (1.1 - 0.4 * share)));
        let limb = self.object(TargetKind::FetalLimb, None, 1.6, -3.0);
        let level = around_db - stream.uniform(0.0, 8.0);
        self.parenchyma(limb, flesh, level, around_db, stream);
        let (from, to) = (axes.at(-0.8 * half, 0.0), axes.at(0.8 * half, 0.0));
        let bone = Shape::Tree(Tree::bent(from, to, 0.0, |_| 0.12 * thick + 0.5));
        let mut structure = self.like(TargetKind::Calcification, bone, level, stream);
        structure.material.attenuation = stream.uniform(4.0, 14.0);
        self.paint(Owner::Beneath, structure);
    }
}
