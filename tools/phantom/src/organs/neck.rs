//! Structures that linear probes see: thyroid, carotid and jugular, muscles, nerves, nodes, bone.

use super::composer::{Composer, bare};
use super::map::Owner;
use super::material;
use crate::noise::Field;
use crate::scene::Structure;
use crate::shape::{Band, Shape};
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tree::{Tree, bent};
use std::f32::consts::TAU;

impl Composer<'_> {
    /// The thyroid, across or along, with the vessels beside it. `around_db` is the echo of the
    /// loose tissue.
    pub(crate) fn neck(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
        let lobe_db = around_db + stream.uniform(-1.0, 8.0);
        let trachea = stream.chance(0.5);
        let at = self.spot(side * stream.uniform(0.0, 0.35), stream.uniform(0.42, 0.58));
        let half = self.span() * stream.uniform(0.24, 0.46);
        let flat = stream.uniform(0.36, 0.75);
        let lean = stream.uniform(-0.3, 0.3);
        let outline = self.blob(at, [half, half * flat], lean, 0.05, stream);
        let shape = Shape::Bean(outline);
        let lobe = self.object(TargetKind::ThyroidLobe, None, 2.5, lobe_db - around_db);
        self.parenchyma(lobe, shape.clone(), lobe_db, around_db, stream);
        self.lesions(lobe, &shape, lobe_db, 3, stream);
        if stream.chance(0.5) {
            self.nodule(lobe, at, half * flat, lobe_db, stream);
        }
        if trachea {
            let [x, z] = self.spot(-side * stream.uniform(0.5, 1.0), 0.5);
            let reach = half * stream.uniform(0.5, 0.9);
            let loss = stream.uniform(12.0, 30.0);
            self.blocker([x - reach, z], [x + reach, z], 0.02 * depth, loss, stream);
        }
        let beside = at[0] + side * (half + depth * stream.uniform(0.08, 0.16));
        self.vessel_pair([beside, at[1] + depth * stream.uniform(-0.05, 0.12)], around_db, stream);
        if stream.chance(0.4) {
            self.node(around_db, stream);
        }
    }

    /// A large nodule that fills a good part of its lobe.
    fn nodule(&mut self, lobe: usize, at: [f32; 2], half: f32, lobe_db: f32, stream: &mut Stream) {
        let size = half * stream.uniform(0.35, 0.9);
        let contrast = self.contrast(stream);
        let nodule = self.object(TargetKind::IsoechoicLesion, Some(lobe), 2.0, contrast);
        let centre = [at[0] + half * stream.uniform(-0.5, 0.5), at[1] + 0.1 * half];
        let shape = Shape::Bean(self.blob(centre, [size * 1.2, size * 0.85], 0.0, 0.06, stream));
        let solid = material::solid(lobe_db + contrast, 0.5 * self.grain(), stream);
        let rim = if stream.chance(0.6) { -stream.uniform(3.0, 12.0) } else { 0.0 };
        let structure = Structure {
            edge_mm: stream.uniform(0.02, 0.1) * size,
            halo: [rim, stream.uniform(0.06, 0.2) * size],
            edge_loss: stream.uniform(0.0, 0.8),
            ..bare(shape, solid)
        };
        self.paint(Owner::Object(nodule), structure);
        for _ in 0..stream.integer(0, 4) {
            let angle = stream.uniform(0.0, TAU);
            let away = size * stream.uniform(0.0, 0.6);
            let centre = [centre[0] + away * angle.cos(), centre[1] + 0.7 * away * angle.sin()];
            let small = size * stream.uniform(0.05, 0.2);
            let shape = Shape::Bean(self.blob(centre, [small, 0.8 * small], 0.0, 0.1, stream));
            let kind =
                if stream.chance(0.6) { TargetKind::Cyst } else { TargetKind::HyperechoicLesion };
            let structure = self.like(kind, shape, lobe_db + contrast, stream);
            self.paint(Owner::Beneath, structure);
        }
    }

    /// Artery (round, bright wall) and vein (flat, thin wall) side by side, or one of them along.
    pub(crate) fn vessel_pair(&mut self, at: [f32; 2], around_db: f32, stream: &mut Stream) {
        let radius = self.span() * stream.uniform(0.045, 0.12);
        let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
        let flat = stream.uniform(0.85, 1.0);
        let artery = Shape::Bean(self.blob(at, [radius, radius * flat], 0.0, 0.02, stream));
        let bright = stream.uniform(2.0, 11.0);
        self.vessel(artery, None, around_db, bright, 2.0, stream);
        if stream.chance(0.75) {
            let wide = radius * stream.uniform(0.8, 1.8);
            let flat = stream.uniform(0.25, 0.85);
            let gap = radius + wide + radius * stream.uniform(0.05, 0.5);
            let beside = [at[0] + side * gap, at[1] - radius * stream.uniform(-0.4, 0.8)];
            let lean = stream.uniform(-0.5, 0.5);
            let vein = Shape::Bean(self.blob(beside, [wide, wide * flat], lean, 0.05, stream));
            let bright = stream.uniform(-2.0, 7.0);
            self.vessel(vein, None, around_db, bright, 2.0, stream);
        }
    }

    /// A lymph node: dark rim, bright hilum.
    fn node(&mut self, around_db: f32, stream: &mut Stream) {
        let at = self.spot(stream.uniform(-0.85, 0.85), stream.uniform(0.3, 0.75));
        let half = self.span() * stream.uniform(0.05, 0.12);
        let flat = stream.uniform(0.4, 0.7);
        let lean = stream.uniform(-0.4, 0.4);
        let shape = Shape::Bean(self.blob(at, [half, flat * half], lean, 0.04, stream));
        let node = self.object(TargetKind::LymphNode, None, 1.6, -9.0);
        let rim = around_db - stream.uniform(5.0, 14.0);
        self.parenchyma(node, shape, rim, around_db, stream);
        let hilum = Shape::Bean(self.blob(at, [0.6 * half, 0.35 * flat * half], lean, 0.1, stream));
        let bright = material::coarse(around_db + 1.0, 0.5 * self.grain(), stream);
        let hilum = Structure { edge_mm: 0.1 * half, ..bare(hilum, bright) };
        self.paint(Owner::Beneath, hilum);
    }

    /// Muscles, fasciae, a vessel pair or a vessel along, a nerve, bone.
    pub(crate) fn limb(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        for _ in 0..stream.integer(0, 2) {
            self.fascia(around_db, stream);
        }
        for _ in 0..stream.integer(1, 3) {
            self.belly(around_db, stream);
        }
        if stream.chance(0.4) {
            let [x, z] = self.spot(stream.uniform(-0.8, 0.8), stream.uniform(0.6, 0.92));
            let reach = self.span() * stream.uniform(0.15, 0.5);
            let loss = stream.uniform(18.0, 40.0);
            let lean = stream.uniform(-0.2, 0.2) * reach;
            let ends = [[x - reach, z - lean], [x + reach, z + lean]];
            self.blocker(ends[0], ends[1], 0.012 * depth, loss, stream);
        }
        if stream.chance(0.45) {
            self.vessel_along(around_db, stream);
        } else {
            let at = self.spot(stream.uniform(-0.6, 0.6), stream.uniform(0.3, 0.7));
            self.vessel_pair(at, around_db, stream);
        }
        for _ in 0..stream.integer(0, 2) {
            self.nerve(around_db, stream);
        }
    }

    /// A muscle belly: dark, striped, in a bright sheath.
    fn belly(&mut self, around_db: f32, stream: &mut Stream) {
        let at = self.spot(stream.uniform(-0.9, 0.9), stream.uniform(0.35, 0.8));
        let half = self.span() * stream.uniform(0.25, 0.65);
        let radii = [half, half * stream.uniform(0.25, 0.6)];
        let lean = stream.uniform(-0.4, 0.4);
        let shape = Shape::Bean(self.blob(at, radii, lean, 0.05, stream));
        let echo = around_db - stream.uniform(0.0, 11.0);
        let belly = self.object(TargetKind::Muscle, None, 1.6, echo - around_db);
        let slope = lean + stream.uniform(-0.3, 0.3);
        let strength = stream.uniform(2.0, 11.0);
        let wall = Some(self.capsule(around_db, strength, stream));
        let material = material::fibrous(echo - 3.0, 0.6 * self.grain(), slope, stream);
        self.paint(Owner::Object(belly), Structure { wall, ..bare(shape, material) });
    }

    /// An artery or vein along, straight or bent, perhaps where it divides; with plaque.
    pub(crate) fn vessel_along(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let wide = self.geometry.half_span_mm(0.5 * depth);
        let radius = self.span() * (0.014 + 0.08 * stream.unit().powi(2));
        let [x, z] = self.spot(stream.uniform(-0.2, 0.2), stream.uniform(0.3, 0.7));
        let rise = stream.uniform(-0.3, 0.3) * wide;
        let reach = wide * if stream.chance(0.7) { 1.5 } else { stream.uniform(0.4, 0.9) };
        let bow = stream.uniform(-0.15, 0.15) * reach;
        let (from, to) = ([x - reach, z - rise], [x + reach, z + rise]);
        let taper = stream.uniform(-0.3, 0.3);
        let trunk = bent(from, to, bow, |share| radius * (1.0 + taper * (share - 0.5)));
        let mut branches = vec![trunk];
        if stream.chance(0.35) {
            let fork = [x, z + bow * 0.5];
            let end = [x + 0.9 * reach, z + rise + radius * stream.uniform(2.0, 6.0)];
            let thin = stream.uniform(0.6, 0.9);
            branches.push(bent(fork, end, 0.5 * bow, |_| thin * radius));
        }
        let bright = stream.uniform(2.0, 12.0);
        let shape = Shape::Tree(Tree::new(branches));
        let vessel = self.vessel(shape, None, around_db, bright, 2.2, stream);
        if stream.chance(0.3) {
            // Plaque: on the wall away from the probe.
            let size = radius * stream.uniform(0.4, 0.8);
            let at = [x + stream.uniform(-0.4, 0.4) * reach, z + 0.75 * radius];
            let plaque = self.object(TargetKind::IsoechoicLesion, Some(vessel), 1.2, 0.0);
            let shape = Shape::Bean(self.blob(
                at,
                [2.2 * size, 0.6 * size],
                rise.atan2(reach),
                0.1,
                stream,
            ));
            let level = around_db + stream.uniform(-6.0, 4.0);
            let flesh = material::coarse(level, 0.3 * self.grain(), stream);
            self.paint(Owner::Object(plaque), bare(shape, flesh));
        }
    }

    /// A nerve across: a honeycomb with a bright rim.
    fn nerve(&mut self, around_db: f32, stream: &mut Stream) {
        let at = self.spot(stream.uniform(-0.8, 0.8), stream.uniform(0.25, 0.7));
        let half = self.span() * stream.uniform(0.03, 0.09);
        let flat = stream.uniform(0.4, 0.9);
        let lean = stream.uniform(-0.4, 0.4);
        let shape = Shape::Bean(self.blob(at, [half, flat * half], lean, 0.06, stream));
        let nerve = self.object(TargetKind::Nerve, None, 1.5, 3.0);
        let mut comb = material::coarse(around_db - stream.uniform(-2.0, 8.0), 1.0, stream);
        comb.patch_db = 0.0;
        comb.fibre_db = stream.uniform(8.0, 14.0);
        comb.fibre_mm = [0.35 * half, 0.3 * half];
        let strength = stream.uniform(2.0, 9.0);
        let wall = Some(self.capsule(around_db, strength, stream));
        self.paint(Owner::Object(nerve), Structure { wall, ..bare(shape, comb) });
    }

    /// A thin bright sheet across the picture or a part of it.
    pub(crate) fn fascia(&mut self, around_db: f32, stream: &mut Stream) {
        let at = self.spot(stream.uniform(-0.3, 0.3), stream.uniform(0.2, 0.8));
        let wide = self.geometry.half_span_mm(self.depth());
        let band = Band {
            centre: at,
            slope: stream.uniform(-0.25, 0.25),
            waves: [0.02 * self.depth() * stream.unit(), 0.5 * self.depth()],
            half_thickness: stream.uniform(1.5, 4.0) * self.geometry.mm_per_px,
            variation: 0.25,
            half_length: wide * if stream.chance(0.6) { 1.4 } else { stream.uniform(0.3, 0.8) },
            field: Field::new(stream.field_seed()),
        };
        let strip = self.object(TargetKind::FasciaStrip, None, 1.4, 12.0);
        let structure = self.like(TargetKind::FasciaStrip, Shape::Band(band), around_db, stream);
        self.paint(Owner::Object(strip), structure);
    }
}
