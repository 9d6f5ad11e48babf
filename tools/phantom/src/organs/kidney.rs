//! A kidney: cortex, pyramids, and a bright sinus that is a part of it.

use super::composer::{Axes, Composer, bare};
use super::map::Owner;
use super::material;
use crate::scene::Structure;
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::target::TargetKind;
use std::f32::consts::{FRAC_PI_2, TAU};

impl Composer<'_> {
    /// A kidney about `centre`, `half` mm from its middle to a pole; `around_db` is the echo of its
    /// surroundings.
    pub(crate) fn kidney(
        &mut self,
        centre: [f32; 2],
        half: f32,
        tilt: f32,
        around_db: f32,
        stream: &mut Stream,
    ) {
        let cortex_db = around_db + stream.uniform(-9.0, 2.0);
        let kidney = self.object(TargetKind::Kidney, None, 2.5, cortex_db - around_db);
        // Across, a kidney is round; along, a bean.
        let slim = if stream.chance(0.25) {
            stream.uniform(0.75, 0.95)
        } else {
            stream.uniform(0.42, 0.6)
        };
        let mut outline = self.blob(centre, [half, slim * half], tilt, 0.025, stream);
        let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
        outline.bow = side * half * stream.uniform(0.0, 0.14);
        // The hilum: a notch on the hollow side.
        let notch = side * FRAC_PI_2 + stream.uniform(-0.3, 0.3);
        let deep = -stream.uniform(0.0, 0.2);
        outline.spikes.push((notch.rem_euclid(TAU), deep, stream.uniform(0.5, 0.9)));
        let shape = Shape::Bean(outline.clone());
        let wall = if stream.chance(0.7) {
            let strength = stream.uniform(2.0, 9.0);
            Some(self.capsule(around_db.max(-6.0), strength, stream))
        } else {
            None
        };
        let cortex = Structure {
            edge_mm: stream.uniform(0.01, 0.03) * half,
            wall,
            edge_loss: stream.uniform(0.0, 0.8),
            ..bare(shape.clone(), material::even(cortex_db, self.grain(), stream))
        };
        self.paint(Owner::Object(kidney), cortex);
        let axes = Axes { origin: outline.centre, tilt };
        self.pyramids(axes, &outline, cortex_db, stream);
        self.sinus(axes, &outline, cortex_db, kidney, notch, stream);
        self.lesions(kidney, &shape, cortex_db, 1, stream);
    }

    fn pyramids(&mut self, axes: Axes, outline: &Blob, cortex_db: f32, stream: &mut Stream) {
        if stream.chance(0.35) {
            return;
        }
        let [a, b] = outline.radii;
        let (count, first) = (stream.integer(4, 8), stream.uniform(0.0, TAU));
        let darker = stream.uniform(2.0, 7.0);
        for pyramid in 0..count {
            let angle = first + TAU * pyramid as f32 / count as f32;
            let (u, v) = (0.68 * a * angle.cos(), 0.66 * b * angle.sin());
            let at = axes.at(u, v + outline.bow * (u / a) * (u / a));
            let size = stream.uniform(0.09, 0.15) * a;
            let turn = axes.tilt + v.atan2(u);
            let shape = Shape::Bean(self.blob(at, [1.2 * size, size], turn, 0.08, stream));
            let material = material::even(cortex_db - darker, self.grain(), stream);
            let pyramid = Structure { edge_mm: 0.3 * size, ..bare(shape, material) };
            self.paint(Owner::Beneath, pyramid);
        }
    }

    fn sinus(
        &mut self,
        axes: Axes,
        outline: &Blob,
        cortex_db: f32,
        kidney: usize,
        notch: f32,
        stream: &mut Stream,
    ) {
        let [a, b] = outline.radii;
        let brighter = stream.uniform(5.0, 16.0);
        let toward = 0.12 * b * notch.sin().signum();
        let at = axes.at(stream.uniform(-0.08, 0.08) * a, toward);
        let radii = [stream.uniform(0.42, 0.64) * a, stream.uniform(0.3, 0.5) * b];
        let mut shape = self.blob(at, radii, axes.tilt, 0.14, stream);
        shape.bow = 0.6 * outline.bow;
        let sinus = self.object(TargetKind::RenalSinus, Some(kidney), 0.8, brighter);
        let slope = axes.tilt.tan().clamp(-0.6, 0.6);
        let mut material =
            material::fibrous(cortex_db + brighter - 5.0, 0.6 * self.grain(), slope, stream);
        material.patch_db = 5.0;
        let filled = Structure {
            edge_mm: stream.uniform(0.12, 0.3) * radii[1],
            ..bare(Shape::Bean(shape), material)
        };
        self.paint(Owner::Object(sinus), filled);
        if stream.chance(0.25) {
            // A full pelvis: dark in the bright sinus, with calyces.
            for _ in 0..stream.integer(1, 4) {
                let at = axes
                    .at(stream.uniform(-0.35, 0.35) * a, toward + stream.uniform(-0.1, 0.1) * b);
                let size = stream.uniform(0.08, 0.2) * b;
                let stretch = stream.uniform(1.0, 2.2);
                let calyx = self.blob(at, [stretch * size, size], axes.tilt, 0.1, stream);
                let urine = material::fluid(cortex_db - 26.0, self.grain(), stream);
                let calyx = Structure { edge_mm: 0.4, ..bare(Shape::Bean(calyx), urine) };
                self.paint(Owner::Beneath, calyx);
            }
        }
    }
}
