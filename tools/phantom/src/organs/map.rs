//! The tissue map of a scene with organs: layers, parts painted over them, and which visible
//! structure each place belongs to.

use crate::geometry::Place;
use crate::noise::Field;
use crate::scene::Structure;
use crate::target::TargetKind;
use crate::tissue::{LayerStack, Local, amplitude};
use std::ops::Range;

/// Whom the area of a part belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The object with this index.
    Object(usize),
    /// The parts beneath this one.
    Beneath,
    /// No object: bowel gas, ribs.
    Nobody,
}

/// A structure painted over the layers and over earlier parts.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) structure: Structure,
    pub(crate) owner: Owner,
}

/// A visible structure that a mask may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) kind: TargetKind,
    /// The object that this one is a part of: a lesion's organ.
    pub(crate) parent: Option<usize>,
    /// Weight for the choice of targets, relative to the others in the frame.
    pub(crate) weight: f32,
    /// Echo relative to the surroundings, dB.
    pub(crate) contrast_db: f32,
}

/// A soft patch over everything: echoes lost (poor contact, a lung in the way) or clutter added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Veil {
    pub(crate) centre: [f32; 2],
    pub(crate) radii: [f32; 2],
    /// Loss at the centre, dB.
    pub(crate) loss_db: f32,
    /// Clutter at the centre, dB; below -90 means none.
    pub(crate) clutter_db: f32,
}

/// Everything in the scanned plane.
#[derive(Clone, Debug)]
pub(crate) struct OrganMap {
    /// Body wall, background and what lies behind.
    pub(crate) layers: LayerStack,
    /// The layers in which parts are seen; others hide them.
    pub(crate) cavity: Range<usize>,
    /// The object that each layer is, if any.
    pub(crate) layer_objects: Vec<Option<usize>>,
    /// Parts, lowest first.
    pub(crate) parts: Vec<Part>,
    /// Visible structures.
    pub(crate) objects: Vec<Object>,
    /// Losses and clutter.
    pub(crate) veils: Vec<Veil>,
    /// Roughens walls.
    pub(crate) field: Field,
}

impl OrganMap {
    /// The tissue that the beam meets at a place.
    pub(crate) fn at(&self, place: &Place) -> Local {
        let located = self.layers.locate(place);
        let boundary = self.layers.boundary(place, &located);
        let mut local = Local::default();
        let (mut echo, mut wall_power) = (0.0, 0.0);
        let mut hits = [None; MOST_AT_A_PLACE];
        let (mut count, mut covered) = (0, false);
        if self.cavity.contains(&located.layer) {
            for part in self.parts.iter().rev() {
                let Some(hit) = part.structure.hit(place) else { continue };
                let Some(slot) = hits.get_mut(count) else { break };
                *slot = Some((&part.structure, hit));
                count += 1;
                // Parts under one that covers the place completely do not count.
                if hit.distance <= -part.structure.edge_mm {
                    covered = true;
                    break;
                }
            }
        }
        if !covered {
            let (tissue_echo, attenuation) =
                self.layers.tissue(place, &located).unwrap_or_default();
            (echo, local.attenuation, local.specular) = (tissue_echo, attenuation, boundary);
        }
        for (structure, hit) in hits.iter().rev().flatten() {
            let (echo, wall) = (&mut echo, &mut wall_power);
            structure.paint_hit(*hit, place, self.field, echo, &mut local, wall);
        }
        if [self.cavity.start, self.cavity.end].contains(&located.boundary) {
            // The lining of the cavity shines over the organs that touch it.
            local.specular = local.specular.max(boundary);
        }
        let diffuse = amplitude(echo);
        local.diffuse = (diffuse * diffuse + wall_power).sqrt();
        for veil in &self.veils {
            veil.cover(place, &mut local);
        }
        local
    }

    /// The object that is seen at a place.
    pub(crate) fn owner(&self, place: &Place) -> Option<usize> {
        let layer = self.layers.locate(place).layer;
        if self.cavity.contains(&layer) {
            for part in self.parts.iter().rev() {
                if part.owner != Owner::Beneath && part.structure.shape.contains(place.x, place.z) {
                    return match part.owner {
                        Owner::Object(object) => Some(object),
                        _ => None,
                    };
                }
            }
        }
        self.layer_objects.get(layer).copied().flatten()
    }

    /// Whether `object` is `ancestor` or a part of it.
    pub(crate) fn belongs(&self, object: usize, ancestor: usize) -> bool {
        let mut at = Some(object);
        for _ in 0..=self.objects.len() {
            match at {
                Some(index) if index == ancestor => return true,
                Some(index) => at = self.objects.get(index).and_then(|object| object.parent),
                None => return false,
            }
        }
        false
    }
}

/// Most parts of a scene; composers leave out what goes beyond.
pub(crate) const MAX_PARTS: usize = 72;

/// Most parts that have a say at one place; the uppermost ones where there are more.
const MOST_AT_A_PLACE: usize = 20;

impl Veil {
    fn cover(&self, place: &Place, local: &mut Local) {
        let u = (place.x - self.centre[0]) / self.radii[0];
        let v = (place.z - self.centre[1]) / self.radii[1];
        let square = u * u + v * v;
        if square > 6.0 {
            return;
        }
        let share = (-square).exp();
        let kept = amplitude(-self.loss_db * share);
        local.diffuse *= kept;
        local.specular *= kept;
        if self.clutter_db > -90.0 {
            local.diffuse = local.diffuse.hypot(amplitude(self.clutter_db) * share);
        }
    }
}
