//! The whole tissue map: layers, and structures painted over them.

use crate::geometry::Place;
use crate::noise::{Field, lerp, smoothstep};
use crate::shape::{Hit, Shape};
use crate::target::TargetKind;
use crate::tissue::{LayerStack, Local, Material, amplitude};

/// A reflecting outline: a cyst's wall, a skull, a stone's surface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    /// Half the thickness, mm.
    pub(crate) half_mm: f32,
    /// Echo of its scatterers, dB.
    pub(crate) diffuse_db: f32,
    /// Echo of its surface where it faces the beam, dB.
    pub(crate) specular_db: f32,
    /// Brightness of the side towards the probe.
    pub(crate) front: f32,
    /// Brightness of the side away from the probe.
    pub(crate) back: f32,
    /// Share of the scatterers' echo that stays where the wall runs along the beam.
    pub(crate) side: f32,
}

/// A structure painted over the layers.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    /// Outline.
    pub(crate) shape: Shape,
    /// Filling.
    pub(crate) material: Material,
    /// Half the width of the outline's blur, mm; the outline itself is at the middle.
    pub(crate) edge_mm: f32,
    /// Reflecting outline, if any.
    pub(crate) wall: Option<Wall>,
    /// Echo added just outside (a halo, or a thin dark capsule), dB, and its width, mm.
    pub(crate) halo: [f32; 2],
    /// Haze of reverberation below the front wall, dB, and its decay, mm.
    pub(crate) haze: [f32; 2],
    /// Loss along outlines that run along the beam (refraction), dB / cm / MHz.
    pub(crate) edge_loss: f32,
}

/// A structure that is part of the mask.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What it is.
    pub(crate) kind: TargetKind,
    /// Echo of its filling relative to the tissue around, dB.
    pub(crate) contrast_db: f32,
    /// The structure.
    pub(crate) structure: Structure,
}

/// Everything in the scanned plane.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// Tissue layers.
    pub(crate) layers: LayerStack,
    /// Structures that are not in the mask and lie under the targets.
    pub(crate) distractors: Vec<Structure>,
    /// Structures that are in the mask.
    pub(crate) targets: Vec<Target>,
    /// Structures painted over the targets, such as the inside of a head. They are not outlines of
    /// the mask.
    pub(crate) details: Vec<Structure>,
    /// Roughens walls.
    pub(crate) field: Field,
}

/// A box (low x, low z, high x, high z) that holds all that a structure changes, mm.
pub(crate) type Bounds = [f32; 4];

impl Scene {
    /// Boxes of all structures, for [`Scene::at`].
    pub(crate) fn bounds(&self) -> Vec<Bounds> {
        self.structures().map(Structure::bounds).collect()
    }

    /// All structures in the order in which they are painted.
    fn structures(&self) -> impl Iterator<Item = &Structure> {
        self.distractors
            .iter()
            .chain(self.targets.iter().map(|target| &target.structure))
            .chain(&self.details)
    }

    /// The tissue that the beam meets at a place; `bounds` are those of the scene.
    pub(crate) fn at(&self, place: &Place, bounds: &[Bounds]) -> Local {
        let (mut echo, mut local) = self.layers.at(place);
        let mut wall_power = 0.0;
        for (structure, &[left, top, right, bottom]) in self.structures().zip(bounds) {
            let Place { x, z, .. } = *place;
            if x >= left && x <= right && z >= top && z <= bottom {
                structure.paint(place, self.field, &mut echo, &mut local, &mut wall_power);
            }
        }
        let diffuse = amplitude(echo);
        local.diffuse = (diffuse * diffuse + wall_power).sqrt();
        local
    }

    /// Whether a position in mm is inside any target.
    pub(crate) fn in_target(&self, x: f32, z: f32) -> bool {
        self.targets.iter().any(|target| target.structure.shape.contains(x, z))
    }
}

impl Structure {
    fn paint(
        &self,
        place: &Place,
        field: Field,
        echo: &mut f32,
        local: &mut Local,
        wall_power: &mut f32,
    ) {
        if let Some(hit) = self.hit(place) {
            self.paint_hit(hit, place, field, echo, local, wall_power);
        }
    }

    /// The position of a place relative to the outline; `None` if the structure does not reach it.
    pub(crate) fn hit(&self, place: &Place) -> Option<Hit> {
        self.shape.hit(place.x, place.z, self.reach())
    }

    /// How far beyond its outline it changes the tissue, mm.
    fn reach(&self) -> f32 {
        let wall_reach = self.wall.map_or(0.0, |wall| 3.0 * wall.half_mm);
        self.edge_mm.max(wall_reach).max(self.halo[1]).max(0.8)
    }

    fn bounds(&self) -> Bounds {
        // More than rounding errors: the box only spares work, `hit` decides.
        const SPARE_MM: f32 = 0.01;
        let [cx, cz] = self.shape.centre();
        let [hx, hz] = self.shape.half_extent().map(|half| half + self.reach() + SPARE_MM);
        [cx - hx, cz - hz, cx + hx, cz + hz]
    }

    /// Paints the structure at a place that `hit` says something about.
    pub(crate) fn paint_hit(
        &self,
        hit: Hit,
        place: &Place,
        field: Field,
        echo: &mut f32,
        local: &mut Local,
        wall_power: &mut f32,
    ) {
        let along = hit.normal[0] * place.beam[0] + hit.normal[1] * place.beam[1];
        let facing = along.abs().min(1.0);

        let coverage = 1.0 - smoothstep(-self.edge_mm, self.edge_mm, hit.distance);
        let mut inside = self.material.echo_at(place.x, place.z);
        if self.haze[0] > -90.0 && along < 0.0 {
            let depth = (-hit.distance / along.min(-0.2)).abs();
            let haze = self.haze[0] - 8.7 * depth / self.haze[1];
            // The haze falls by 1/e in amplitude over its decay length, under a rippling front.
            let ripple = 3.0 * field.at(place.x / 4.0, depth / 1.2);
            inside = inside.max(haze + ripple);
        }
        if hit.distance > 0.0 && self.halo[1] > 0.0 {
            let share = 1.0 - smoothstep(0.0, self.halo[1], hit.distance);
            *echo += self.halo[0] * share;
        }
        *echo = lerp(*echo, inside, coverage);
        *wall_power *= (1.0 - coverage) * (1.0 - coverage);
        local.specular *= 1.0 - coverage;
        local.attenuation = lerp(local.attenuation, self.material.attenuation, coverage);
        if self.edge_loss > 0.0 {
            let tangent = (1.0 - facing).powi(3);
            let ratio = hit.distance / 0.5;
            local.attenuation += self.edge_loss * tangent * (-ratio * ratio).exp();
        }

        let Some(wall) = self.wall else { return };
        let ratio = hit.distance / wall.half_mm;
        let profile = (-ratio * ratio).exp();
        if profile < 1e-3 {
            return;
        }
        let side = if along < 0.0 { wall.front } else { wall.back };
        let grain = 6.0 * wall.half_mm + 2.0;
        let uneven_db = 7.0 * field.octaves(place.x / grain + 7.7, place.z / grain, 2);
        let uneven = amplitude(uneven_db.clamp(-10.0, 4.0));
        let spread = lerp(wall.side, 1.0, facing * facing);
        let diffuse = amplitude(wall.diffuse_db) * profile * side * spread * uneven;
        *wall_power += diffuse * diffuse;
        local.specular += amplitude(wall.specular_db) * profile * side * facing.powi(8) * uneven;
    }
}
