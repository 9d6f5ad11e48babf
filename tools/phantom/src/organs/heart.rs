//! The heart: chambers of hazy blood, muscle between and around them, valves, a bright pericardium.

use super::composer::{Axes, Composer, bare};
use super::map::Owner;
use super::material;
use crate::cut::Cut;
use crate::scene::{Structure, Wall};
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::target::TargetKind;
use std::f32::consts::{FRAC_PI_2, PI};

/// Sizes of a left ventricle and its neighbours, mm.
struct Heart {
    /// Direction from the ventricle's middle to its valve.
    axes: Axes,
    half_length: f32,
    half_width: f32,
    wall: f32,
    /// The side of the right heart: 1 or -1 across.
    right: f32,
    blood_db: f32,
    muscle_db: f32,
    around_db: f32,
}

impl Composer<'_> {
    /// An apical, long-axis or short-axis view; `around_db` is the background's echo.
    pub(crate) fn heart(&mut self, around_db: f32, stream: &mut Stream) {
        let muscle_db = around_db + stream.uniform(-3.0, 8.0);
        let depth = self.depth();
        let half_length = depth * stream.uniform(0.22, 0.34);
        let apical = stream.chance(0.68);
        let tilt = if apical {
            FRAC_PI_2 + stream.uniform(-0.45, 0.45)
        } else {
            stream.uniform(-0.35, 0.5) + if stream.chance(0.5) { PI } else { 0.0 }
        };
        let at = if apical {
            let apex = self.spot(stream.uniform(-0.25, 0.25), stream.uniform(0.07, 0.17));
            Axes { origin: apex, tilt }.at(half_length, 0.0)
        } else {
            self.spot(stream.uniform(-0.35, 0.35), stream.uniform(0.4, 0.55))
        };
        let heart = Heart {
            axes: Axes { origin: at, tilt },
            half_length,
            half_width: half_length * stream.uniform(0.36, 0.62),
            wall: half_length * stream.uniform(0.14, 0.34),
            right: if stream.chance(0.7) { 1.0 } else { -1.0 },
            blood_db: muscle_db - stream.uniform(8.0, 24.0),
            muscle_db,
            around_db,
        };
        if !apical && stream.chance(0.45) {
            self.short_axis(&heart, stream);
        } else {
            self.long_view(&heart, apical, stream);
        }
        self.dropouts(&heart, stream);
    }

    /// Ventricles and atria along the ventricle's axis.
    fn long_view(&mut self, heart: &Heart, apical: bool, stream: &mut Stream) {
        let Heart { axes, half_length, half_width, wall, right, .. } = *heart;
        let valve = half_length * stream.uniform(0.68, 0.92);
        let four = !apical || stream.chance(0.65);
        // Atria first: ventricles and their muscle lie over them.
        let atrium = half_length * stream.uniform(0.42, 0.75);
        let below = valve + atrium * stream.uniform(0.8, 0.95);
        let aside = -right * half_width * stream.uniform(-0.1, 0.25);
        let radii = [atrium, half_width * stream.uniform(0.75, 1.25)];
        let left = self.blob(axes.at(below, aside), radii, axes.tilt, 0.06, stream);
        self.chamber(heart, left, 0.35 * wall, 1.3, stream);
        if four {
            let beside = right * (half_width + radii[1] * 0.75 + 0.6 * wall);
            let size = [atrium * stream.uniform(0.7, 1.1), radii[1] * stream.uniform(0.7, 1.05)];
            let place = axes.at(below + stream.uniform(-0.1, 0.1) * atrium, beside);
            let other = self.blob(place, size, axes.tilt, 0.07, stream);
            self.chamber(heart, other, 0.3 * wall, 1.0, stream);
            let width = half_width * stream.uniform(0.45, 0.85);
            let beside = right * (half_width + wall + 0.75 * width);
            let long = half_length * stream.uniform(0.65, 0.9);
            let lean = axes.tilt + right * stream.uniform(0.0, 0.3);
            let place = axes.at(stream.uniform(0.0, 0.3) * half_length, beside);
            let other = self.blob(place, [long, width], lean, 0.08, stream);
            self.chamber(heart, other, 0.45 * wall, 1.0, stream);
        }
        self.left_ventricle(heart, valve, stream);
        self.valve(heart, valve, half_width, 0.0, stream);
        if four {
            let beside = right * (1.6 * half_width + wall);
            self.valve(heart, valve * 0.95, 0.55 * half_width, beside, stream);
        }
    }

    /// The ventricle in its horseshoe of muscle, both open at the valve.
    fn left_ventricle(&mut self, heart: &Heart, valve: f32, stream: &mut Stream) {
        let Heart { axes, half_length, half_width, wall, .. } = *heart;
        let mut inner = self.blob(axes.origin, [half_length, half_width], axes.tilt, 0.035, stream);
        // Wider towards the valve than at the apex.
        inner.harmonics.push((3.0, stream.uniform(-0.03, 0.06), PI));
        inner.bow = half_width * stream.uniform(-0.15, 0.15);
        let radii = [half_length + stream.uniform(0.7, 1.1) * wall, half_width + wall];
        let outer = Blob { radii, ..inner.clone() };
        let open = |whole: Blob, along: f32| {
            let (point, normal) = (axes.at(along, 0.0), axes.along());
            Shape::Cut(Box::new(Cut { whole: Shape::Bean(whole), point, normal }))
        };
        let contrast = heart.muscle_db - heart.around_db;
        let muscle = self.object(TargetKind::Myocardium, None, 2.5, contrast);
        let structure = self.muscle(heart, open(outer, valve + 0.1 * wall), stream);
        self.paint(Owner::Object(muscle), structure);
        let lumen = open(inner, valve);
        let chamber = self.object(TargetKind::Chamber, None, 1.6, heart.blood_db - heart.muscle_db);
        let blood = self.blood(heart, lumen, stream);
        self.paint(Owner::Object(chamber), blood);
        for _ in 0..stream.integer(0, 2) {
            // Papillary muscles.
            let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
            let place = axes.at(
                stream.uniform(-0.3, 0.3) * half_length,
                side * half_width * stream.uniform(0.6, 0.85),
            );
            let size = half_width * stream.uniform(0.1, 0.22);
            let shape = Shape::Bean(self.blob(place, [1.8 * size, size], axes.tilt, 0.1, stream));
            let flesh = material::even(heart.muscle_db - 2.0, self.grain(), stream);
            self.paint(Owner::Beneath, Structure { edge_mm: 0.4 * size, ..bare(shape, flesh) });
        }
    }

    /// Leaflets from both sides of a valve, open or shut.
    fn valve(&mut self, heart: &Heart, along: f32, half: f32, across: f32, stream: &mut Stream) {
        let axes = heart.axes;
        let shut = stream.chance(0.6);
        let tip = if shut { stream.uniform(-0.15, 0.1) } else { stream.uniform(-0.9, -0.5) };
        let gap = if shut { 0.0 } else { stream.uniform(0.35, 0.6) * half };
        let half_mm = self.grain() * stream.uniform(0.12, 0.3);
        let echo = heart.muscle_db + stream.uniform(-8.0, 2.0);
        for side in [-1.0, 1.0] {
            let from = axes.at(along, across + side * half);
            let to = axes.at(along + tip * half, across + side * gap);
            let bow = stream.uniform(-0.4, 0.1) * side * half;
            self.membrane(from, to, bow, half_mm, echo, stream);
        }
    }

    /// A chamber within a thin wall.
    fn chamber(&mut self, heart: &Heart, lumen: Blob, wall: f32, weight: f32, stream: &mut Stream) {
        let radii = lumen.radii.map(|radius| radius + wall);
        let outer = Shape::Bean(Blob { radii, ..lumen.clone() });
        let structure = self.muscle(heart, outer, stream);
        self.paint(Owner::Nobody, structure);
        let contrast = heart.blood_db - heart.muscle_db;
        let chamber = self.object(TargetKind::Chamber, None, weight, contrast);
        let blood = self.blood(heart, Shape::Bean(lumen), stream);
        self.paint(Owner::Object(chamber), blood);
    }

    fn muscle(&self, heart: &Heart, shape: Shape, stream: &mut Stream) -> Structure {
        let slope = stream.uniform(-0.4, 0.4);
        let mut flesh = if stream.chance(0.5) {
            material::even(heart.muscle_db, self.grain(), stream)
        } else {
            material::fibrous(heart.muscle_db - 4.0, 0.7 * self.grain(), slope, stream)
        };
        flesh.patch_db += stream.uniform(0.0, 4.0);
        let pericardium = Wall {
            half_mm: self.grain() * stream.uniform(0.2, 0.5),
            diffuse_db: heart.muscle_db + stream.uniform(0.0, 8.0),
            specular_db: stream.uniform(2.0, 11.0),
            front: stream.uniform(0.2, 0.8),
            back: stream.uniform(0.7, 1.4),
            side: stream.uniform(0.1, 0.6),
        };
        Structure {
            edge_mm: self.grain() * stream.uniform(0.2, 0.8),
            wall: stream.chance(0.75).then_some(pericardium),
            ..bare(shape, flesh)
        }
    }

    fn blood(&self, heart: &Heart, shape: Shape, stream: &mut Stream) -> Structure {
        let endocardium = Wall {
            half_mm: self.grain() * stream.uniform(0.15, 0.35),
            diffuse_db: heart.muscle_db + stream.uniform(-3.0, 5.0),
            specular_db: stream.uniform(0.0, 8.0),
            front: stream.uniform(0.4, 1.0),
            back: stream.uniform(0.6, 1.2),
            side: stream.uniform(0.1, 0.5),
        };
        let size = shape.radii()[1];
        Structure {
            edge_mm: self.grain() * stream.uniform(0.2, 0.7),
            wall: stream.chance(0.6).then_some(endocardium),
            haze: [heart.muscle_db - stream.uniform(4.0, 18.0), stream.uniform(0.1, 0.6) * size],
            ..bare(shape, material::fluid(heart.blood_db, self.grain(), stream))
        }
    }

    /// A ring of muscle round a chamber, the right ventricle clasping it.
    fn short_axis(&mut self, heart: &Heart, stream: &mut Stream) {
        let Heart { axes, half_length, wall, right, .. } = *heart;
        let radius = half_length * stream.uniform(0.5, 0.8);
        let outer = radius + wall;
        let place = axes.at(0.0, right * outer * stream.uniform(0.5, 0.8));
        let size = [outer * stream.uniform(0.85, 1.1), outer * stream.uniform(0.6, 0.9)];
        let other = self.blob(place, size, axes.tilt, 0.06, stream);
        self.chamber(heart, other, 0.4 * wall, 1.0, stream);
        let inner = self.blob(
            axes.origin,
            [radius, radius * stream.uniform(0.85, 1.0)],
            0.0,
            0.035,
            stream,
        );
        let ring = Blob { radii: inner.radii.map(|radius| radius + wall), ..inner.clone() };
        let contrast = heart.muscle_db - heart.around_db;
        let muscle = self.object(TargetKind::Myocardium, None, 2.5, contrast);
        let structure = self.muscle(heart, Shape::Bean(ring), stream);
        self.paint(Owner::Object(muscle), structure);
        let contrast = heart.blood_db - heart.muscle_db;
        let chamber = self.object(TargetKind::Chamber, None, 1.6, contrast);
        let blood = self.blood(heart, Shape::Bean(inner), stream);
        self.paint(Owner::Object(chamber), blood);
    }

    /// Lost side walls, lung beside the heart, clutter over the apex.
    fn dropouts(&mut self, heart: &Heart, stream: &mut Stream) {
        let Heart { axes, half_length, half_width, .. } = *heart;
        for side in [-1.0, 1.0] {
            if stream.chance(0.4) {
                let at = axes.at(stream.uniform(-0.6, 0.6) * half_length, side * 1.2 * half_width);
                let radii =
                    [half_width * stream.uniform(0.3, 0.8), half_length * stream.uniform(0.3, 0.7)];
                self.veil(at, radii, stream.uniform(6.0, 20.0), -99.0);
            }
        }
        if stream.chance(0.6) {
            let clutter = heart.muscle_db - stream.uniform(4.0, 16.0);
            let apex = self.spot(stream.uniform(-0.3, 0.3), stream.uniform(0.05, 0.2));
            let size = self.depth() * stream.uniform(0.1, 0.25);
            self.veil(apex, [1.4 * size, size], 0.0, clutter);
        }
        if stream.chance(0.4) {
            let clutter = heart.muscle_db - stream.uniform(10.0, 20.0);
            let middle = self.spot(stream.uniform(-0.4, 0.4), stream.uniform(0.3, 0.8));
            let size = self.depth() * stream.uniform(0.2, 0.5);
            self.veil(middle, [size, size], 0.0, clutter);
        }
    }
}
