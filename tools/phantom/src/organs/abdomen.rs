//! The upper abdomen: liver or spleen over most of the picture or at its side, gallbladder, kidney,
//! great vessels, diaphragm, bowel gas.

use super::composer::{Axes, Composer, bare};
use super::map::Owner;
use super::material;
use crate::scene::Structure;
use crate::shape::Shape;
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tree::{Tree, bent};
use std::f32::consts::{FRAC_PI_2, PI, TAU};

impl Composer<'_> {
    /// A liver view; `around_db` is the background's echo.
    pub(crate) fn upper_abdomen(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let organ_db = around_db + self.contrast(stream);
        let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
        if stream.chance(0.35) {
            self.great_vessels(around_db, stream);
        }
        let early_kidney = stream.chance(0.25);
        if early_kidney {
            self.side_kidney(side, organ_db, stream);
        }
        let spleen = stream.chance(0.25);
        let (shape, organ) = if spleen {
            self.spleen(side, organ_db, around_db, stream)
        } else {
            self.liver(side, organ_db, around_db, stream)
        };
        self.organ_vessels(organ, &shape, organ_db, !spleen, stream);
        self.lesions(organ, &shape, organ_db, 3, stream);
        if !early_kidney && stream.chance(0.4) {
            self.side_kidney(side, organ_db, stream);
        }
        if stream.chance(if spleen { 0.12 } else { 0.5 }) {
            let neck = self.spot(stream.uniform(-0.5, 0.5), stream.uniform(0.3, 0.55));
            let length = depth * stream.uniform(0.16, 0.42);
            let tilt = stream.uniform(0.1, 1.2);
            let tilt = if stream.chance(0.5) { tilt } else { PI - tilt };
            self.gallbladder(neck, length, tilt, organ_db, stream);
        }
        if stream.chance(0.3) {
            self.gas(stream.uniform(0.2, 0.6), stream);
        }
        self.shaded_edges(stream);
    }

    /// Contrast of an organ to its background: strong, weak, or none but in the texture.
    pub(crate) fn contrast(&mut self, stream: &mut Stream) -> f32 {
        let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
        match stream.integer(0, 3) {
            0 => sign * stream.uniform(0.0, 1.2),
            1 => sign * stream.uniform(1.0, 4.0),
            _ => sign * stream.uniform(3.0, 9.0),
        }
    }

    fn liver(
        &mut self,
        side: f32,
        echo_db: f32,
        around_db: f32,
        stream: &mut Stream,
    ) -> (Shape, usize) {
        let depth = self.depth();
        let wide = self.geometry.half_span_mm(0.6 * depth);
        let all = stream.chance(0.45);
        let lateral =
            if all { stream.uniform(-0.2, 0.2) } else { -side * stream.uniform(0.3, 0.75) };
        let centre = self.spot(lateral, stream.uniform(0.32, 0.55));
        let width = wide * if all { stream.uniform(0.85, 1.4) } else { stream.uniform(0.5, 0.95) };
        let height = depth * stream.uniform(0.26, 0.46);
        let mut blob =
            self.blob(centre, [width, height], stream.uniform(-0.45, 0.45), 0.06, stream);
        // A wedge rather than an ellipse.
        blob.harmonics.push((3.0, stream.uniform(0.03, 0.13), stream.uniform(0.0, TAU)));
        let shape = Shape::Bean(blob);
        let organ = self.object(TargetKind::Liver, None, 2.5, echo_db - around_db);
        self.parenchyma(organ, shape.clone(), echo_db, around_db, stream);
        (shape, organ)
    }

    fn spleen(
        &mut self,
        side: f32,
        echo_db: f32,
        around_db: f32,
        stream: &mut Stream,
    ) -> (Shape, usize) {
        let depth = self.depth();
        let centre = self.spot(side * stream.uniform(-0.1, 0.5), stream.uniform(0.3, 0.5));
        let half = depth * stream.uniform(0.26, 0.42);
        let mut blob = self.blob(
            centre,
            [half, half * stream.uniform(0.36, 0.55)],
            stream.uniform(-0.7, 0.7),
            0.04,
            stream,
        );
        blob.bow = -half * stream.uniform(0.05, 0.25);
        let shape = Shape::Bean(blob);
        let organ = self.object(TargetKind::Spleen, None, 2.5, echo_db - around_db);
        self.parenchyma(organ, shape.clone(), echo_db, around_db, stream);
        (shape, organ)
    }

    /// Fills an organ; often within a thin bright capsule.
    pub(crate) fn parenchyma(
        &mut self,
        organ: usize,
        shape: Shape,
        echo_db: f32,
        around_db: f32,
        stream: &mut Stream,
    ) {
        // Only the capsule shows an organ that hardly differs from its surroundings.
        let faint = (echo_db - around_db).abs() < 2.0;
        let wall = if stream.chance(0.6) || faint {
            let strength = stream.uniform(if faint { 3.0 } else { 0.0 }, 11.0);
            Some(self.capsule(around_db.max(echo_db), strength, stream))
        } else {
            None
        };
        let structure = Structure {
            edge_mm: stream.uniform(0.15, 0.9) * self.grain(),
            wall,
            edge_loss: stream.uniform(0.0, 0.3),
            ..bare(shape, material::even(echo_db, self.grain(), stream))
        };
        self.paint(Owner::Object(organ), structure);
    }

    /// Dark veins and veins with bright walls, across and along, that branch.
    fn organ_vessels(
        &mut self,
        organ: usize,
        within: &Shape,
        echo_db: f32,
        large: bool,
        stream: &mut Stream,
    ) {
        let [cx, cz] = within.centre();
        let [hx, hz] = within.half_extent();
        let most = if large { 9 } else { 3 };
        for _ in 0..stream.integer(0, most) {
            let from = [
                cx + 0.85 * hx * stream.uniform(-1.0, 1.0),
                cz + 0.85 * hz * stream.uniform(-1.0, 1.0),
            ];
            let Some(hit) = within.hit(from[0], from[1], 0.0) else { continue };
            let radius = self.depth() * (0.005 + 0.022 * stream.unit().powi(2));
            let wall_db = if stream.chance(0.4) { stream.uniform(3.0, 10.0) } else { -90.0 };
            let room = (-hit.distance - radius).max(0.0);
            let along = stream.chance(0.6);
            let length =
                if along { room.min(self.depth() * stream.uniform(0.1, 0.4)) } else { 0.0 };
            let tilt = stream.uniform(0.0, TAU);
            let tip = |tilt: f32, length: f32| {
                [from[0] + length * tilt.cos(), from[1] + length * tilt.sin()]
            };
            let bow = 0.15 * length * stream.uniform(-1.0, 1.0);
            let stretch = if along { 0.0 } else { stream.uniform(0.0, 1.2) * radius };
            let mut branches = vec![bent(from, tip(tilt, length + stretch), bow, |share| {
                radius * (1.0 - 0.45 * share)
            })];
            if along && stream.chance(0.5) {
                let turn = stream.uniform(0.5, 1.2) * if stream.chance(0.5) { 1.0 } else { -1.0 };
                let twig = 0.75 * length;
                branches.push(bent(from, tip(tilt + turn, twig), -0.5 * bow, |share| {
                    radius * (0.8 - 0.4 * share)
                }));
            }
            let tree = Shape::Tree(Tree::new(branches));
            self.vessel(tree, Some(organ), echo_db, wall_db, 1.3, stream);
        }
    }

    fn side_kidney(&mut self, side: f32, around_db: f32, stream: &mut Stream) {
        let centre = self.spot(side * stream.uniform(0.1, 0.75), stream.uniform(0.45, 0.72));
        let half = self.depth() * stream.uniform(0.2, 0.32);
        let tilt = stream.uniform(-0.7, 0.7);
        self.kidney(centre, half, tilt, around_db, stream);
    }

    /// Aorta and cava: along, or across side by side, before the spine.
    fn great_vessels(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let radius = depth * stream.uniform(0.04, 0.075);
        let share = stream.uniform(0.4, 0.8);
        let wall_db = stream.uniform(0.0, 9.0);
        if stream.chance(0.5) {
            let slope = stream.uniform(-0.5, 0.5);
            let [x, z] = self.spot(0.0, share);
            let axes = Axes { origin: [x, z], tilt: slope };
            let reach = depth * stream.uniform(0.4, 1.2);
            let taper = stream.uniform(-0.25, 0.25);
            let tube = Tree::bent(
                axes.at(-reach, 0.0),
                axes.at(reach, 0.0),
                stream.uniform(-0.1, 0.1) * reach,
                |at| radius * (1.0 + taper * (at - 0.5)),
            );
            self.vessel(Shape::Tree(tube), None, around_db, wall_db, 2.2, stream);
        } else {
            let middle = stream.uniform(-0.3, 0.3);
            for side in [-1.0, 1.0] {
                let at = self.spot(middle, share);
                let flat =
                    if side < 0.0 { stream.uniform(0.85, 1.0) } else { stream.uniform(0.45, 0.9) };
                let at = [at[0] + 1.7 * side * radius, at[1] + radius * stream.uniform(-0.3, 0.3)];
                let across = self.blob(at, [radius, flat * radius], 0.0, 0.03, stream);
                self.vessel(Shape::Bean(across), None, around_db, wall_db, 2.2, stream);
            }
        }
        if stream.chance(0.6) {
            let [x, z] = self.spot(stream.uniform(-0.2, 0.2), share);
            let half = depth * 0.1;
            let below = z + 2.2 * radius;
            self.blocker(
                [x - half, below],
                [x + half, below],
                0.016 * depth,
                stream.uniform(10.0, 30.0),
                stream,
            );
        }
    }

    /// Bowel gas: bright, with a dirty shadow.
    pub(crate) fn gas(&mut self, share: f32, stream: &mut Stream) {
        let [x, z] = self.spot(stream.uniform(-0.9, 0.9), share);
        let half = self.depth() * stream.uniform(0.03, 0.1);
        let lean = stream.uniform(-0.3, 0.3) * half;
        let loss = stream.uniform(8.0, 26.0);
        self.blocker(
            [x - half, z - lean],
            [x + half, z + lean],
            0.014 * self.depth(),
            loss,
            stream,
        );
    }

    /// Poor contact or lung at a side, a rib in the way, clutter near the probe.
    pub(crate) fn shaded_edges(&mut self, stream: &mut Stream) {
        let depth = self.depth();
        let wide = self.geometry.half_span_mm(depth);
        for side in [-1.0, 1.0] {
            if stream.chance(0.3) {
                let [_, z] = self.spot(0.0, stream.uniform(0.4, 0.9));
                let radii = [wide * stream.uniform(0.2, 0.5), depth * stream.uniform(0.4, 0.9)];
                let loss = stream.uniform(6.0, 26.0);
                self.veil([side * wide, z], radii, loss, -99.0);
            }
        }
        if stream.chance(0.3) {
            let clutter = stream.uniform(-22.0, -8.0);
            let [x, _] = self.spot(stream.uniform(-0.6, 0.6), 0.3);
            self.veil(
                [x, 0.12 * depth],
                [0.4 * wide, depth * stream.uniform(0.08, 0.25)],
                0.0,
                clutter,
            );
        }
        if stream.chance(0.2) {
            // A rib's shadow, from the wall down.
            let [x, z] = self.spot(stream.uniform(-0.8, 0.8), 0.03);
            let half = stream.uniform(3.0, 7.0);
            self.blocker([x - half, z], [x + half, z], 1.5, stream.uniform(8.0, 25.0), stream);
        }
    }

    /// A kidney in the middle, muscle behind, liver or spleen in front.
    pub(crate) fn flank(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let centre = self.spot(stream.uniform(-0.35, 0.35), stream.uniform(0.36, 0.58));
        let half = depth * stream.uniform(0.24, 0.42);
        let tilt = stream.uniform(-0.6, 0.6);
        let organ_db = around_db + self.contrast(stream);
        if stream.chance(0.6) {
            let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
            let (shape, organ) = if stream.chance(0.6) {
                self.liver(side, organ_db, around_db, stream)
            } else {
                self.spleen(side, organ_db, around_db, stream)
            };
            self.organ_vessels(organ, &shape, organ_db, true, stream);
        }
        if stream.chance(0.4) {
            // The psoas: a long dark muscle.
            let psoas = self.object(TargetKind::Muscle, None, 0.9, -6.0);
            let at = [centre[0], centre[1] + half * stream.uniform(0.7, 1.0)];
            let blob = self.blob(at, [1.4 * half, 0.35 * half], tilt, 0.03, stream);
            let muscle = material::fibrous(around_db - 9.0, self.grain(), tilt.tan(), stream);
            let strength = stream.uniform(0.0, 8.0);
            let wall = Some(self.capsule(around_db, strength, stream));
            self.paint(Owner::Object(psoas), Structure { wall, ..bare(Shape::Bean(blob), muscle) });
        }
        self.kidney(centre, half, tilt, 0.5 * (organ_db + around_db), stream);
        if stream.chance(0.25) {
            self.gas(stream.uniform(0.2, 0.6), stream);
        }
        self.shaded_edges(stream);
        if stream.chance(0.2) {
            let middle = self.spot(0.0, 0.5);
            self.veil(middle, [depth, 0.6 * depth * FRAC_PI_2], 0.0, stream.uniform(-26.0, -14.0));
        }
    }
}
