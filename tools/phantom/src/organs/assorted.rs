//! Regions of no known organ: areas of any texture and contrast side by side, with and without
//! capsules, some cut by the border; vessels, lesions, pockets among them.

use super::composer::{Composer, bare};
use super::map::Owner;
use super::material;
use crate::scene::Structure;
use crate::shape::Shape;
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tree::{Tree, bent};
use std::f32::consts::TAU;

impl Composer<'_> {
    /// Areas side by side; `around_db` is the background's echo.
    pub(crate) fn assorted(&mut self, around_db: f32, stream: &mut Stream) {
        let large = stream.integer(1, 3);
        // Later parts cover earlier ones; no order is better than another.
        for _ in 0..large + stream.integer(0, 4) {
            match stream.integer(0, 9) {
                0..=3 => self.area(around_db, large, stream),
                4 | 5 => self.pocket(around_db, stream),
                6 => self.ring(around_db, stream),
                7 => self.vessel_along(around_db, stream),
                8 => self.thin_tubes(around_db, stream),
                _ => self.fascia(around_db, stream),
            }
        }
        if self.map.parts.is_empty() {
            self.area(around_db, 1, stream);
        }
        if stream.chance(0.2) {
            let share = stream.uniform(0.2, 0.7);
            self.gas(share, stream);
        }
        self.shaded_edges(stream);
    }

    /// An organ of any make, from a tenth to three quarters of the picture.
    fn area(&mut self, around_db: f32, count: u32, stream: &mut Stream) {
        let contrast = self.contrast(stream);
        let echo = around_db + contrast;
        let centre = self.spot(stream.uniform(-0.9, 0.9), stream.uniform(0.2, 0.8));
        let largest = if count == 1 { 0.75 } else { 0.5 };
        let half = self.span() * stream.uniform(0.2, largest);
        let radii = [half, half * stream.uniform(0.5, 1.0)];
        let tilt = stream.uniform(0.0, TAU);
        let rough = stream.uniform(0.02, 0.12);
        let mut blob = self.blob(centre, radii, tilt, rough, stream);
        blob.bow = half * stream.uniform(-0.15, 0.15);
        let shape = Shape::Bean(blob);
        let organ = self.object(TargetKind::Organ, None, 2.5, contrast);
        // Only the capsule shows an organ that hardly differs from its surroundings.
        let faint = contrast.abs() < 2.0;
        let strength = stream.uniform(if faint { 3.0 } else { 0.0 }, 12.0);
        let wall = (stream.chance(0.5) || faint)
            .then(|| self.capsule(around_db.max(echo), strength, stream));
        let grain = self.grain() * stream.uniform(0.4, 1.6);
        let rim = if stream.chance(0.25) { -stream.uniform(2.0, 9.0) } else { 0.0 };
        let structure = Structure {
            edge_mm: stream.uniform(0.1, 1.2) * self.grain(),
            wall,
            halo: [rim, stream.uniform(0.03, 0.1) * half],
            edge_loss: stream.uniform(0.0, 0.5),
            ..bare(shape.clone(), material::solid(echo, grain, stream))
        };
        self.paint(Owner::Object(organ), structure);
        if stream.chance(0.4) {
            // A core of its own, part of the organ.
            let inner = self.contrast(stream);
            let core = self.object(TargetKind::InnerZone, Some(organ), 0.8, inner);
            let share = stream.uniform(0.3, 0.65);
            let outline =
                Shape::Bean(self.blob(centre, radii.map(|r| r * share), tilt, 0.08, stream));
            let filling = material::solid(echo + inner, grain, stream);
            let edge_mm = stream.uniform(0.1, 2.0) * self.grain();
            self.paint(Owner::Object(core), Structure { edge_mm, ..bare(outline, filling) });
        }
        self.lesions(organ, &shape, echo, 3, stream);
    }

    /// A pocket of fluid of any shape.
    fn pocket(&mut self, around_db: f32, stream: &mut Stream) {
        let centre = self.spot(stream.uniform(-0.8, 0.8), stream.uniform(0.2, 0.75));
        let half = self.span() * (0.04 + 0.24 * stream.unit().powi(2));
        let radii = [half, half * stream.uniform(0.3, 1.0)];
        let mut blob = self.blob(centre, radii, stream.uniform(0.0, TAU), 0.1, stream);
        blob.bow = half * stream.uniform(-0.4, 0.4);
        self.hollow(TargetKind::FluidPocket, Shape::Bean(blob), None, around_db, 1.6, stream);
    }

    /// A hollow organ with a wall that shows: gut, stomach, a thick bladder.
    fn ring(&mut self, around_db: f32, stream: &mut Stream) {
        let centre = self.spot(stream.uniform(-0.7, 0.7), stream.uniform(0.25, 0.7));
        let half = self.span() * stream.uniform(0.08, 0.26);
        let radii = [half, half * stream.uniform(0.5, 1.0)];
        let lumen = self.blob(centre, radii, stream.uniform(0.0, TAU), 0.06, stream);
        let thick = half * stream.uniform(0.12, 0.5);
        let mut outer = lumen.clone();
        outer.radii = outer.radii.map(|radius| radius + thick);
        let outer = Some(Shape::Bean(outer));
        let kind = TargetKind::FluidPocket;
        self.hollow(kind, Shape::Bean(lumen), outer, around_db, 1.6, stream);
    }

    /// Thin vessels or ducts that branch.
    fn thin_tubes(&mut self, around_db: f32, stream: &mut Stream) {
        let root = self.spot(stream.uniform(-0.7, 0.7), stream.uniform(0.2, 0.7));
        let radius = self.geometry.mm_per_px * stream.uniform(2.0, 5.0);
        let trunk = stream.uniform(0.0, TAU);
        let mut branches = Vec::new();
        for branch in 0..stream.integer(1, 3) {
            let turn = trunk + (branch as f32 - 1.0) * stream.uniform(0.4, 1.0);
            let length = self.span() * stream.uniform(0.15, 0.5);
            let to = [root[0] + length * turn.cos(), root[1] + length * turn.sin()];
            let bow = length * stream.uniform(-0.2, 0.2);
            branches.push(bent(root, to, bow, |share| radius * (1.0 - 0.3 * share)));
        }
        let bright = if stream.chance(0.5) { stream.uniform(2.0, 9.0) } else { -90.0 };
        self.vessel(Shape::Tree(Tree::new(branches)), None, around_db, bright, 2.0, stream);
    }
}
