//! The pelvis: bladder, prostate with its zones, uterus with its lining, ovary with follicles.

use super::composer::{Axes, Composer, bare};
use super::map::Owner;
use super::material;
use crate::scene::Structure;
use crate::shape::Shape;
use crate::stream::Stream;
use crate::target::TargetKind;
use std::f32::consts::TAU;

impl Composer<'_> {
    /// A view through the bladder.
    pub(crate) fn pelvis(&mut self, around_db: f32, stream: &mut Stream) {
        let depth = self.depth();
        let centre = self.spot(stream.uniform(-0.3, 0.3), stream.uniform(0.26, 0.42));
        let half = depth * (0.1 + 0.26 * stream.unit());
        let flat = stream.uniform(0.42, 0.95);
        let mut bladder =
            self.blob(centre, [half, half * flat], stream.uniform(-0.3, 0.3), 0.05, stream);
        bladder.harmonics.push((3.0, stream.uniform(0.0, 0.12), stream.uniform(0.0, TAU)));
        bladder.harmonics.push((4.0, stream.uniform(0.0, 0.07), stream.uniform(0.0, TAU)));
        let below = [
            centre[0] + half * stream.uniform(-0.4, 0.4),
            centre[1] + half * flat + depth * stream.uniform(0.04, 0.16),
        ];
        let organ_db = around_db + self.contrast(stream);
        match stream.integer(0, 2) {
            0 => self.prostate(
                below,
                depth * stream.uniform(0.12, 0.22),
                organ_db,
                around_db,
                stream,
            ),
            1 => self.uterus(below, depth * stream.uniform(0.2, 0.34), organ_db, around_db, stream),
            _ => {}
        }
        for _ in 0..stream.integer(0, 2) {
            let at = self.spot(stream.uniform(-0.8, 0.8), stream.uniform(0.45, 0.75));
            self.ovary(at, depth * stream.uniform(0.07, 0.14), around_db, stream);
        }
        self.bladder(bladder, around_db, stream);
        if stream.chance(0.4) {
            let share = stream.uniform(0.4, 0.8);
            self.gas(share, stream);
        }
        self.shaded_edges(stream);
    }

    /// A large organ seen from within: a prostate over much of the picture, or a uterus.
    pub(crate) fn endocavitary(&mut self, around_db: f32, stream: &mut Stream) {
        let centre = self.spot(stream.uniform(-0.25, 0.25), stream.uniform(0.35, 0.55));
        let organ_db = around_db + self.contrast(stream);
        let half = self.depth() * stream.uniform(0.34, 0.52);
        if stream.chance(0.6) {
            self.prostate(centre, half, organ_db, around_db, stream);
        } else {
            self.uterus(centre, half, organ_db, around_db, stream);
            let at = self.spot(stream.uniform(-0.8, 0.8), stream.uniform(0.3, 0.7));
            self.ovary(at, 0.4 * half, around_db, stream);
        }
        self.shaded_edges(stream);
    }

    /// A prostate: an outer zone about a coarser, darker inner one.
    fn prostate(
        &mut self,
        centre: [f32; 2],
        half: f32,
        echo_db: f32,
        around_db: f32,
        stream: &mut Stream,
    ) {
        let flat = stream.uniform(0.55, 0.85);
        let tilt = stream.uniform(-0.2, 0.2);
        let mut outline = self.blob(centre, [half, half * flat], tilt, 0.03, stream);
        outline.bow = half * stream.uniform(-0.1, 0.1);
        let shape = Shape::Bean(outline);
        let gland = self.object(TargetKind::Prostate, None, 2.5, echo_db - around_db);
        self.parenchyma(gland, shape.clone(), echo_db, around_db, stream);
        let axes = Axes { origin: centre, tilt };
        let inner_db = echo_db + stream.uniform(-8.0, 3.0);
        let up = stream.uniform(-0.3, 0.05) * half * flat;
        let zone = self.object(TargetKind::InnerZone, Some(gland), 1.0, inner_db - echo_db);
        let radii = [half * stream.uniform(0.45, 0.72), half * flat * stream.uniform(0.42, 0.68)];
        let inner = self.blob(axes.at(0.0, up), radii, tilt, 0.06, stream);
        let edge_mm = stream.uniform(0.2, 1.0) * self.grain();
        let coarse = material::coarse(inner_db, self.grain(), stream);
        self.paint(Owner::Object(zone), Structure { edge_mm, ..bare(Shape::Bean(inner), coarse) });
        if stream.chance(0.4) {
            // The urethra.
            let size = 0.06 * half;
            let tube = self.blob(axes.at(0.0, up), [size, 1.8 * size], 0.0, 0.05, stream);
            let dark = material::fluid(inner_db - 12.0, self.grain(), stream);
            let duct = Structure { edge_mm: 0.5 * size, ..bare(Shape::Bean(tube), dark) };
            self.paint(Owner::Beneath, duct);
        }
        self.lesions(gland, &shape, echo_db, 2, stream);
    }

    /// A uterus: a pear of muscle about a bright (or fluid) lining.
    fn uterus(
        &mut self,
        centre: [f32; 2],
        half: f32,
        echo_db: f32,
        around_db: f32,
        stream: &mut Stream,
    ) {
        let tilt = stream.uniform(-0.6, 0.6);
        let slim = stream.uniform(0.4, 0.62);
        let mut outline = self.blob(centre, [half, half * slim], tilt, 0.04, stream);
        outline.harmonics.push((3.0, stream.uniform(0.02, 0.1), 0.0));
        outline.bow = half * stream.uniform(-0.12, 0.12);
        let bow = outline.bow;
        let shape = Shape::Bean(outline);
        let womb = self.object(TargetKind::Uterus, None, 2.0, echo_db - around_db);
        self.parenchyma(womb, shape.clone(), echo_db, around_db, stream);
        let brighter = if stream.chance(0.8) { stream.uniform(3.0, 11.0) } else { -20.0 };
        let lining = self.object(TargetKind::Endometrium, Some(womb), 1.4, brighter);
        let radii = [half * stream.uniform(0.45, 0.68), half * slim * stream.uniform(0.1, 0.28)];
        let mut inner = self.blob(centre, radii, tilt, 0.06, stream);
        inner.bow = 0.5 * bow;
        let filling = material::even(echo_db + brighter, self.grain(), stream);
        let edge_mm = 0.2 * radii[1];
        self.paint(
            Owner::Object(lining),
            Structure { edge_mm, ..bare(Shape::Bean(inner), filling) },
        );
        self.lesions(womb, &shape, echo_db, 2, stream);
    }

    /// An ovary: dark and oval, with follicles.
    fn ovary(&mut self, centre: [f32; 2], half: f32, around_db: f32, stream: &mut Stream) {
        let echo = around_db - stream.uniform(1.0, 8.0);
        let ovary = self.object(TargetKind::Ovary, None, 1.5, echo - around_db);
        let flat = stream.uniform(0.55, 0.85);
        let tilt = stream.uniform(-0.6, 0.6);
        let shape = Shape::Bean(self.blob(centre, [half, half * flat], tilt, 0.05, stream));
        self.parenchyma(ovary, shape, echo, around_db, stream);
        let axes = Axes { origin: centre, tilt };
        for _ in 0..stream.integer(0, 6) {
            let (angle, out) = (stream.uniform(0.0, TAU), stream.uniform(0.2, 0.65) * half);
            let at = axes.at(out * angle.cos(), flat * out * angle.sin());
            let size = half * stream.uniform(0.1, 0.28);
            let flat = stream.uniform(0.7, 1.0);
            let outline = Shape::Bean(self.blob(at, [size, flat * size], tilt, 0.05, stream));
            let follicle = self.object(TargetKind::Cyst, Some(ovary), 0.8, -40.0);
            let mut fluid = self.like(TargetKind::Cyst, outline, echo, stream);
            fluid.wall = None;
            self.paint(Owner::Object(follicle), fluid);
        }
    }
}
