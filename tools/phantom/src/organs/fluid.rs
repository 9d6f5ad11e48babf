//! Organs filled with fluid: gallbladder, bladder, pockets.

use super::composer::{Composer, bare};
use super::map::Owner;
use super::material;
use crate::cut::Cut;
use crate::scene::{Structure, Wall};
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tree::Tree;

impl Composer<'_> {
    /// A lumen with its haze, sludge, stones and folds, within a wall of its own where
    /// `wall_mm` is given (`outer` is then the wall's outline). Gives the lumen's object.
    pub(crate) fn hollow(
        &mut self,
        kind: TargetKind,
        lumen: Shape,
        outer: Option<Shape>,
        around_db: f32,
        weight: f32,
        stream: &mut Stream,
    ) -> usize {
        if let Some(outer) = outer {
            let wall_db = around_db + stream.uniform(-6.0, 6.0);
            let wall = self.object(TargetKind::HollowWall, None, 0.8 * weight, wall_db - around_db);
            let strength = stream.uniform(0.0, 6.0);
            let lining = Some(self.capsule(wall_db, strength, stream));
            let edge_mm = 0.2 * self.grain();
            let slope = stream.uniform(-0.2, 0.2);
            let muscle = material::fibrous(wall_db - 4.0, 0.4 * self.grain(), slope, stream);
            let filled = Structure { edge_mm, wall: lining, ..bare(outer, muscle) };
            self.paint(Owner::Object(wall), filled);
        }
        let size = lumen.radii()[1];
        let mut structure = self.like(TargetKind::Cyst, lumen.clone(), around_db, stream);
        let echo = if stream.chance(0.25) { stream.uniform(-26.0, -14.0) } else { -46.0 };
        structure.material = material::fluid(echo, self.grain(), stream);
        structure.edge_mm = 0.15 * self.grain();
        structure.haze =
            [around_db + stream.uniform(-18.0, -3.0), stream.uniform(0.1, 0.45) * size];
        structure.edge_loss = stream.uniform(0.1, 1.4);
        if let Some(wall) = &mut structure.wall {
            wall.half_mm = stream.uniform(0.12, 0.4) * self.geometry.depth_mm / 60.0;
            wall.diffuse_db = around_db + stream.uniform(-2.0, 8.0);
        }
        let object = self.object(kind, None, weight, echo - around_db);
        self.paint(Owner::Object(object), structure);
        if stream.chance(0.25) {
            self.sludge(&lumen, around_db, stream);
        }
        if stream.chance(0.25) {
            self.stones(&lumen, object, around_db, stream);
        }
        object
    }

    /// Fine echoes that have sunk to the bottom of a lumen.
    fn sludge(&mut self, lumen: &Shape, around_db: f32, stream: &mut Stream) {
        let [cx, cz] = lumen.centre();
        let [_, hz] = lumen.half_extent();
        let level = cz + hz * stream.uniform(0.1, 0.6);
        let lean = stream.uniform(-0.12, 0.12);
        let cut = Cut {
            whole: lumen.clone(),
            point: [cx, level],
            normal: [lean, -(1.0 - lean * lean).sqrt()],
        };
        let echo = around_db - stream.uniform(4.0, 16.0);
        let material = material::even(echo, self.grain(), stream);
        let edge_mm = stream.uniform(0.1, 1.0) * self.grain();
        self.paint(
            Owner::Beneath,
            Structure { edge_mm, ..bare(Shape::Cut(Box::new(cut)), material) },
        );
    }

    fn stones(&mut self, lumen: &Shape, parent: usize, around_db: f32, stream: &mut Stream) {
        let [cx, cz] = lumen.centre();
        let [hx, hz] = lumen.half_extent();
        for _ in 0..stream.integer(1, 3) {
            let radius = (stream.uniform(0.08, 0.22) * hx.min(hz)).max(0.8);
            let x = cx + stream.uniform(-0.6, 0.6) * hx;
            // Sink until the wall is met.
            let floor = (0..60).map(|step| cz - hz + 2.0 * hz * step as f32 / 60.0);
            let mut rest =
                floor.filter(|&z| lumen.hit(x, z, 0.0).is_some_and(|hit| hit.distance < -radius));
            let Some(z) = rest.next_back() else { continue };
            let shape = Shape::Bean(self.blob([x, z], [radius, 0.8 * radius], 0.0, 0.08, stream));
            let stone = self.object(TargetKind::Calcification, Some(parent), 1.0, 12.0);
            let structure = self.like(TargetKind::Calcification, shape, around_db, stream);
            self.paint(Owner::Object(stone), structure);
        }
    }

    /// A gallbladder from its neck to its fundus.
    pub(crate) fn gallbladder(
        &mut self,
        neck: [f32; 2],
        length: f32,
        tilt: f32,
        around_db: f32,
        stream: &mut Stream,
    ) {
        let (sin, cos) = tilt.sin_cos();
        let fundus = [neck[0] + length * cos, neck[1] + length * sin];
        let widest = length * stream.uniform(0.13, 0.25);
        let bow = stream.uniform(-0.16, 0.16) * length;
        let fold = if stream.chance(0.3) { stream.uniform(0.2, 0.5) } else { 0.0 };
        let fold_at = stream.uniform(0.2, 0.6);
        // Pear-shaped, narrow at the neck, perhaps folded.
        let radius = |share: f32| {
            let pear = 0.32 + 0.68 * (2.2 * (share + 0.05)).min(2.6).sin().max(0.0).sqrt();
            let apart = (share - fold_at) / 0.07;
            widest * pear * (1.0 - fold * (-apart * apart).exp())
        };
        let lumen = Shape::Tree(Tree::bent(neck, fundus, bow, radius));
        let thick = if stream.chance(0.3) { stream.uniform(1.5, 4.5) } else { 0.0 };
        let outer = (thick > 0.0)
            .then(|| Shape::Tree(Tree::bent(neck, fundus, bow, |share| radius(share) + thick)));
        self.hollow(TargetKind::Gallbladder, lumen, outer, around_db, 2.5, stream);
    }

    /// A bladder-like lumen; its wall may be thick.
    pub(crate) fn bladder(&mut self, lumen: Blob, around_db: f32, stream: &mut Stream) {
        let thick =
            if stream.chance(0.45) { stream.uniform(0.03, 0.14) * lumen.radii[1] } else { 0.0 };
        let outer = (thick > 0.8).then(|| {
            let radii = lumen.radii.map(|radius| radius + thick);
            Shape::Bean(Blob { radii, ..lumen.clone() })
        });
        self.hollow(TargetKind::Bladder, Shape::Bean(lumen), outer, around_db, 2.0, stream);
    }

    /// A thin bright line of tissue, such as a septum, a valve or the membrane. It belongs to the
    /// object that it lies in.
    pub(crate) fn membrane(
        &mut self,
        from: [f32; 2],
        to: [f32; 2],
        bow: f32,
        half_mm: f32,
        echo_db: f32,
        stream: &mut Stream,
    ) {
        let shape = Shape::Tree(Tree::bent(from, to, bow, |share| half_mm * (1.0 - 0.4 * share)));
        let wall = Wall {
            half_mm,
            diffuse_db: echo_db,
            specular_db: echo_db + 3.0,
            front: 1.0,
            back: 1.0,
            side: 0.6,
        };
        let material = material::even(echo_db, self.grain(), stream);
        let structure = Structure { edge_mm: half_mm, wall: Some(wall), ..bare(shape, material) };
        self.paint(Owner::Beneath, structure);
    }
}
