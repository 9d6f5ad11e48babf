//! Adds organs to a scene; all regions use it.

use super::map::{MAX_PARTS, Object, OrganMap, Owner, Part, Veil};
use super::material;
use crate::geometry::Geometry;
use crate::noise::Field;
use crate::scene::{Structure, Wall};
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::target::{TargetKind, fill, outline};
use crate::tissue::{Layer, LayerStack, Material};
use crate::tree::Tree;
use std::f32::consts::TAU;
use std::ops::Range;

/// A scene in the making.
pub(crate) struct Composer<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) frequency_mhz: f32,
    pub(crate) map: OrganMap,
}

/// An own set of axes: along and across, turned by `tilt` from x towards z.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes {
    pub(crate) origin: [f32; 2],
    pub(crate) tilt: f32,
}

impl Axes {
    /// The position at `along` and `across` mm.
    pub(crate) fn at(&self, along: f32, across: f32) -> [f32; 2] {
        let (sin, cos) = self.tilt.sin_cos();
        [self.origin[0] + along * cos - across * sin, self.origin[1] + along * sin + across * cos]
    }

    /// Unit vector along.
    pub(crate) fn along(&self) -> [f32; 2] {
        let (sin, cos) = self.tilt.sin_cos();
        [cos, sin]
    }
}

impl<'a> Composer<'a> {
    /// Layers with an empty cavity.
    pub(crate) fn new(
        geometry: &'a Geometry,
        frequency_mhz: f32,
        layers: Vec<Layer>,
        cavity: Range<usize>,
        stream: &mut Stream,
    ) -> Self {
        let depth = geometry.depth_mm;
        let map = OrganMap {
            layer_objects: vec![None; layers.len()],
            layers: LayerStack {
                layers,
                conform_mm: 0.4 * depth,
                field: Field::new(stream.field_seed()),
                warp_mm: stream.uniform(0.4, 1.6) * (depth / 40.0).min(2.0),
                spotty_attenuation: 0.05 + 0.45 * stream.unit().powi(2),
            },
            cavity,
            parts: Vec::new(),
            objects: Vec::new(),
            veils: Vec::new(),
            field: Field::new(stream.field_seed()),
        };
        Self { geometry, frequency_mhz, map }
    }

    /// Depth shown, mm.
    pub(crate) fn depth(&self) -> f32 {
        self.geometry.depth_mm
    }

    /// Size of texture features that suits the depth, mm.
    pub(crate) fn grain(&self) -> f32 {
        self.geometry.depth_mm / 45.0
    }

    /// The smaller side of the visible scan, mm.
    pub(crate) fn span(&self) -> f32 {
        let scale = self.geometry.mm_per_px;
        let sides = [self.geometry.width_px, self.geometry.height_px].map(|px| px as f32 * scale);
        sides[0].min(sides[1]).min(self.geometry.depth_mm)
    }

    /// The position at a lateral (-1 to 1) and a share of the depth, mm.
    pub(crate) fn spot(&self, lateral: f32, share: f32) -> [f32; 2] {
        let place = self.geometry.place(lateral, share * self.geometry.depth_mm);
        [place.x, place.z]
    }

    /// A visible structure of its own.
    pub(crate) fn object(
        &mut self,
        kind: TargetKind,
        parent: Option<usize>,
        weight: f32,
        contrast_db: f32,
    ) -> usize {
        self.map.objects.push(Object { kind, parent, weight, contrast_db });
        self.map.objects.len() - 1
    }

    /// Makes a layer an object.
    pub(crate) fn layer_object(&mut self, layer: usize, kind: TargetKind, weight: f32) {
        let object = self.object(kind, None, weight, 0.0);
        if let Some(slot) = self.map.layer_objects.get_mut(layer) {
            *slot = Some(object);
        }
    }

    /// Paints over the earlier parts.
    pub(crate) fn paint(&mut self, owner: Owner, structure: Structure) {
        if self.map.parts.len() < MAX_PARTS {
            self.map.parts.push(Part { structure, owner });
        }
    }

    /// Echoes lost and clutter added in a soft patch.
    pub(crate) fn veil(
        &mut self,
        centre: [f32; 2],
        radii: [f32; 2],
        loss_db: f32,
        clutter_db: f32,
    ) {
        self.map.veils.push(Veil { centre, radii, loss_db, clutter_db });
    }

    /// A smooth irregular outline; `rough` is the usual relative height of its waves.
    pub(crate) fn blob(
        &mut self,
        centre: [f32; 2],
        radii: [f32; 2],
        tilt: f32,
        rough: f32,
        stream: &mut Stream,
    ) -> Blob {
        let mut blob = Blob::ellipse(centre, radii, tilt);
        for order in 2..=5 {
            let height = rough * stream.normal().clamp(-2.0, 2.0) / (order as f32 - 1.0);
            blob.harmonics.push((order as f32, height, stream.uniform(0.0, TAU)));
        }
        blob
    }

    /// A wall of thin bright tissue, relative to `around_db`.
    pub(crate) fn capsule(
        &mut self,
        around_db: f32,
        strength_db: f32,
        stream: &mut Stream,
    ) -> Wall {
        Wall {
            half_mm: stream.uniform(0.15, 0.3) * self.grain().max(0.8),
            diffuse_db: around_db + strength_db,
            specular_db: strength_db + stream.uniform(-2.0, 5.0),
            front: stream.uniform(0.7, 1.1),
            back: stream.uniform(0.7, 1.2),
            side: stream.uniform(0.15, 0.5),
        }
    }

    /// A structure like those of the lesions and vessels, `around_db` the echo around it.
    pub(crate) fn like(
        &mut self,
        kind: TargetKind,
        shape: Shape,
        around_db: f32,
        stream: &mut Stream,
    ) -> Structure {
        fill(kind, shape, around_db, self.frequency_mhz, stream).0
    }

    /// Small lesions in an organ, as objects of their own: most of them faint.
    pub(crate) fn lesions(
        &mut self,
        organ: usize,
        within: &Shape,
        echo_db: f32,
        most: u32,
        stream: &mut Stream,
    ) {
        use TargetKind as T;
        const KINDS: &[(TargetKind, f32)] = &[
            (T::IsoechoicLesion, 0.34),
            (T::HypoechoicLesion, 0.24),
            (T::HyperechoicLesion, 0.18),
            (T::Cyst, 0.16),
            (T::Calcification, 0.08),
        ];
        let count = stream.integer(0, most);
        let [hx, hz] = within.half_extent();
        let [cx, cz] = within.centre();
        for _ in 0..count {
            let kind = stream.weighted(KINDS, T::Cyst);
            // Area in the frame: mostly 0.25 to 1 %, sometimes more.
            let share = 0.0025 + 0.0075 * stream.unit() + 0.05 * stream.unit().powi(6);
            let frame = (self.geometry.width_px * self.geometry.height_px) as f32;
            let radius = (share * frame / std::f32::consts::PI).sqrt() * self.geometry.mm_per_px;
            for _ in 0..12 {
                let centre =
                    [cx + hx * stream.uniform(-0.9, 0.9), cz + hz * stream.uniform(-0.9, 0.9)];
                let clear = within
                    .hit(centre[0], centre[1], 0.0)
                    .is_some_and(|hit| hit.distance < -1.4 * radius);
                if clear && self.geometry.shows(centre[0], centre[1], 1.5 * radius) {
                    let shape = outline(kind, centre, radius, stream);
                    let lesion = self.object(kind, Some(organ), 1.4, 0.0);
                    let (structure, contrast) =
                        fill(kind, shape, echo_db, self.frequency_mhz, stream);
                    self.map.objects[lesion].contrast_db = contrast;
                    self.paint(Owner::Object(lesion), structure);
                    break;
                }
            }
        }
    }

    /// A vessel as an object: walls of a brightness, blood from black to hazy.
    pub(crate) fn vessel(
        &mut self,
        shape: Shape,
        parent: Option<usize>,
        around_db: f32,
        wall_db: f32,
        weight: f32,
        stream: &mut Stream,
    ) -> usize {
        let mut structure = self.like(TargetKind::Vessel, shape, around_db, stream);
        let haze = around_db - stream.uniform(12.0, 34.0);
        structure.material = material::fluid(haze, self.grain(), stream);
        let half_mm = stream.uniform(0.2, 0.45) * self.grain().clamp(0.6, 2.5);
        structure.edge_mm = half_mm;
        structure.wall = (wall_db > -20.0).then_some(Wall {
            half_mm,
            diffuse_db: around_db + wall_db,
            specular_db: wall_db + 3.0,
            front: 1.0,
            back: 1.0,
            side: 0.3,
        });
        let object = self.object(TargetKind::Vessel, parent, weight, haze - around_db);
        self.paint(Owner::Object(object), structure);
        object
    }

    /// Bright gas or bone with a shadow; no one's.
    pub(crate) fn blocker(
        &mut self,
        from: [f32; 2],
        to: [f32; 2],
        thick_mm: f32,
        loss_db: f32,
        stream: &mut Stream,
    ) {
        let bow = stream.uniform(-0.2, 0.2) * (to[0] - from[0]);
        let wobble = Field::new(stream.field_seed());
        let tree = Tree::bent(from, to, bow, |share| {
            thick_mm * (0.6 + 0.5 * wobble.at(6.0 * share, 0.5).abs())
        });
        let echo = stream.uniform(4.0, 13.0);
        let front = Wall {
            half_mm: 0.5 * thick_mm,
            diffuse_db: echo + 4.0,
            specular_db: stream.uniform(6.0, 15.0),
            front: 1.0,
            back: 0.1,
            side: 0.3,
        };
        let material = Material {
            attenuation: loss_db / (0.4 * thick_mm * self.frequency_mhz),
            ..material::coarse(echo, 0.5 * self.grain(), stream)
        };
        let structure = Structure {
            edge_mm: 0.5 * thick_mm,
            wall: Some(front),
            ..bare(Shape::Tree(tree), material)
        };
        self.paint(Owner::Nobody, structure);
    }
}

/// A filled outline and nothing else.
pub(crate) fn bare(shape: Shape, material: Material) -> Structure {
    Structure {
        shape,
        material,
        edge_mm: 0.2,
        wall: None,
        halo: [0.0, 0.0],
        haze: [-99.0, 1.0],
        edge_loss: 0.0,
    }
}
