//! Tissue: its echo strength, texture and attenuation, and layers of it.
//!
//! Echo levels are in dB of backscatter amplitude; 0 dB is ordinary parenchyma and maps to a middle
//! gray.

use crate::geometry::Place;
use crate::noise::Field;

/// A tissue: its mean echo, the variation of the echo in space, and its attenuation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Material {
    /// Mean echo, dB.
    pub(crate) echo_db: f32,
    /// One-way attenuation, dB / cm / MHz (soft tissue is near 0.5, fluid near 0).
    pub(crate) attenuation: f32,
    /// Strength of slow patches, dB.
    pub(crate) patch_db: f32,
    /// Size of the patches (along, across the layering), mm.
    pub(crate) patch_mm: [f32; 2],
    /// Brightness of thin septa or fibres above the rest, dB.
    pub(crate) fibre_db: f32,
    /// Distance between fibres (along, across), mm.
    pub(crate) fibre_mm: [f32; 2],
    /// Thickness of fibres, relative to their distance.
    pub(crate) fibre_sharpness: f32,
    /// Slope of the fibres against the layering.
    pub(crate) fibre_slope: f32,
    /// Source of the texture.
    pub(crate) field: Field,
}

impl Material {
    /// A uniform tissue.
    pub(crate) fn plain(echo_db: f32, attenuation: f32, field: Field) -> Self {
        Self {
            echo_db,
            attenuation,
            patch_db: 0.0,
            patch_mm: [1.0, 1.0],
            fibre_db: 0.0,
            fibre_mm: [1.0, 1.0],
            fibre_sharpness: 1.0,
            fibre_slope: 0.0,
            field,
        }
    }

    /// Echo at a point of the tissue, dB.
    pub(crate) fn echo_at(&self, x: f32, z: f32) -> f32 {
        let mut echo = self.echo_db;
        if self.patch_db != 0.0 {
            echo += self.patch_db
                * self.field.octaves(x / self.patch_mm[0], z / self.patch_mm[1] + 31.7, 3);
        }
        if self.fibre_db != 0.0 {
            let across = z - self.fibre_slope * x;
            let [along_mm, across_mm] = self.fibre_mm;
            let coarse =
                self.field.lines(x / along_mm + 57.3, across / across_mm, self.fibre_sharpness);
            let fine = self.field.lines(
                x / (0.45 * along_mm) - 8.9,
                across / (0.4 * across_mm) + 77.0,
                0.7 * self.fibre_sharpness,
            );
            // Fibres come and go along their length.
            let presence = |x: f32, z: f32| (0.3 + 1.3 * self.field.at(x, z)).clamp(0.0, 1.2);
            let coarse = coarse * presence(x / (0.8 * along_mm) - 12.1, z / (2.5 * across_mm));
            let fine = fine * presence(x / (0.4 * along_mm), z / across_mm + 91.0);
            echo += self.fibre_db * (coarse + 0.7 * fine);
        }
        echo
    }
}

/// A layer, from its upper boundary down to the next layer's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    /// Mean depth of the upper boundary, mm.
    pub(crate) top_mm: f32,
    /// Height and length of the boundary's waves, mm.
    pub(crate) waves_mm: [f32; 2],
    /// Slope of the boundary.
    pub(crate) slope: f32,
    /// Brightness of the boundary as a reflector, dB; below -60 means none.
    pub(crate) boundary_db: f32,
    /// Half the thickness of the bright boundary, mm.
    pub(crate) boundary_mm: f32,
    /// The tissue below the boundary.
    pub(crate) material: Material,
}

/// What the beam meets at one place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Local {
    /// Strength of the random scatterers: root mean square echo amplitude; 1 is 0 dB.
    pub(crate) diffuse: f32,
    /// Amplitude of reflectors wider than the beam (walls, fasciae), whose echoes add in phase.
    pub(crate) specular: f32,
    /// One-way attenuation, dB / cm / MHz.
    pub(crate) attenuation: f32,
}

/// A place within the layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    /// Depth within the layering, mm.
    level: f32,
    /// The layer.
    pub(crate) layer: usize,
    /// Distance to the nearest boundary, mm, positive below it.
    pub(crate) distance_mm: f32,
    /// The layer that has the nearest boundary at its top.
    pub(crate) boundary: usize,
}

/// Distance from a boundary beyond which nothing is left of its reflector in single precision,
/// relative to [`Layer::boundary_mm`].
const REFLECTOR_REACH: f32 = 25.0;

/// dB to amplitude.
pub(crate) fn amplitude(db: f32) -> f32 {
    10.0_f32.powf(0.05 * db)
}

/// Layers from the skin down, their boundaries distorted together.
#[derive(Clone, Debug)]
pub(crate) struct LayerStack {
    /// Layers, uppermost first.
    pub(crate) layers: Vec<Layer>,
    /// Depth over which layers follow the probe's face before they turn level, mm.
    pub(crate) conform_mm: f32,
    /// Source of the boundaries' waves and of the spotty attenuation.
    pub(crate) field: Field,
    /// Bending of textures, mm.
    pub(crate) warp_mm: f32,
    /// Relative strength of attenuation that differs from beam to beam (fat, ligaments).
    pub(crate) spotty_attenuation: f32,
}

impl LayerStack {
    /// Depth within the layering, mm: along the beam near the probe, vertical far from it.
    fn level(&self, place: &Place) -> f32 {
        if place.depth == place.z {
            return place.z;
        }
        let near = (-place.depth.max(0.0) / self.conform_mm).exp();
        place.z + (place.depth - place.z) * near
    }

    /// The layer that a place lies in, and the distance to the next boundary.
    pub(crate) fn locate(&self, place: &Place) -> Located {
        let level = self.level(place);
        let (mut inside, mut nearest, mut which) = (0, f32::INFINITY, 0);
        for (index, layer) in self.layers.iter().enumerate() {
            let [height, length] = layer.waves_mm;
            let mut below = level - (layer.top_mm + layer.slope * place.x);
            // Waves stay within three times their height. Farther off than that, and than any
            // reflector reaches, they change nothing and are not worked out.
            if below.abs() < 3.0 * height.abs() + REFLECTOR_REACH * layer.boundary_mm {
                let wave = self.field.octaves(place.x / length, 17.0 * index as f32 + 0.37, 3);
                below = level - (layer.top_mm + layer.slope * place.x + height * wave);
            }
            if below >= 0.0 {
                inside = index;
            }
            if below.abs() < nearest.abs() {
                (nearest, which) = (below, index);
            }
        }
        Located { level, layer: inside, distance_mm: nearest, boundary: which }
    }

    /// The layers' echo at a place without texture, dB. Lesions are compared with it.
    pub(crate) fn mean_echo_db(&self, place: &Place) -> f32 {
        let layer = self.layers.get(self.locate(place).layer);
        layer.map_or(0.0, |layer| layer.material.echo_db)
    }

    /// The tissue that the beam meets at a place; echo in dB, the rest as in [`Local`].
    pub(crate) fn at(&self, place: &Place) -> (f32, Local) {
        let located = self.locate(place);
        let Some((echo, attenuation)) = self.tissue(place, &located) else {
            return (0.0, Local::default());
        };
        let specular = self.boundary(place, &located);
        (echo, Local { diffuse: 0.0, specular, attenuation })
    }

    /// Echo, dB, and attenuation, dB / cm / MHz, of the layer's tissue.
    pub(crate) fn tissue(&self, place: &Place, located: &Located) -> Option<(f32, f32)> {
        let layer = self.layers.get(located.layer)?;
        let level = located.level;
        // A gentle warp keeps textures from looking ruled.
        let bend = self.warp_mm * self.field.octaves(place.x / 9.0 + 5.1, level / 7.0, 2);
        let echo = layer.material.echo_at(place.x + bend, level + bend);
        // Structures that attenuate more than their surroundings are often tall: ligaments, and
        // septa seen edge on.
        let spots = self.field.octaves(place.x / 3.5 + 2.9, level / 18.0, 2);
        let attenuation =
            layer.material.attenuation * (1.0 + self.spotty_attenuation * spots).max(0.1);
        Some((echo, attenuation))
    }

    /// Amplitude of the nearest boundary as a reflector.
    pub(crate) fn boundary(&self, place: &Place, located: &Located) -> f32 {
        let (distance, which) = (located.distance_mm, located.boundary);
        let mut specular = 0.0;
        if let Some(boundary) = self.layers.get(which)
            && boundary.boundary_db > -60.0
            && distance.abs() < REFLECTOR_REACH * boundary.boundary_mm
        {
            // Reflectors shine where they face the probe, which varies along them; here and there
            // they split into two sheets.
            let along = place.x / (18.0 * boundary.boundary_mm);
            let row = 40.0 + 7.3 * which as f32;
            let shine_db = 16.0 * self.field.octaves(along, row, 3) - 4.0;
            let sheet = |offset: f32| {
                let ratio = (distance - offset) / boundary.boundary_mm;
                (-ratio * ratio).exp()
            };
            let split = boundary.boundary_mm * (3.0 + 4.0 * self.field.at(0.3 * along, row + 2.0));
            let facing = place.beam[1].powi(6);
            specular = amplitude(boundary.boundary_db + shine_db.min(5.0))
                * (sheet(0.0) + 0.5 * sheet(split))
                * facing;
        }
        specular
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> LayerStack {
        let layer = |top_mm, echo_db| Layer {
            top_mm,
            waves_mm: [0.0, 10.0],
            slope: 0.0,
            boundary_db: 10.0,
            boundary_mm: 0.2,
            material: Material::plain(echo_db, 0.5, Field::new(1)),
        };
        LayerStack {
            layers: vec![layer(0.0, 3.0), layer(10.0, -6.0)],
            conform_mm: 20.0,
            field: Field::new(2),
            warp_mm: 0.5,
            spotty_attenuation: 0.0,
        }
    }

    fn place(z: f32) -> Place {
        Place { x: 1.0, z, depth: z, beam: [0.0, 1.0] }
    }

    #[test]
    fn layers_follow_each_other_and_their_boundary_shines() {
        let stack = stack();
        assert_eq!(stack.mean_echo_db(&place(9.0)), 3.0);
        assert_eq!(stack.mean_echo_db(&place(11.0)), -6.0);
        let on = stack.at(&place(10.0)).1.specular;
        let off = stack.at(&place(14.0)).1.specular;
        assert!(on > 0.1 && off < 1e-6, "{on} {off}");
        assert!((stack.at(&place(14.0)).1.attenuation - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_plain_material_is_uniform_and_fibres_only_add() {
        let plain = Material::plain(-3.0, 0.5, Field::new(8));
        let fibrous =
            Material { fibre_db: 9.0, fibre_mm: [6.0, 1.0], fibre_sharpness: 6.0, ..plain };
        let mut brightest = f32::MIN;
        for i in 0..400 {
            let (x, z) = (i as f32 * 0.13, i as f32 * 0.07);
            assert_eq!(plain.echo_at(x, z), -3.0);
            assert!(fibrous.echo_at(x, z) >= -3.0);
            brightest = brightest.max(fibrous.echo_at(x, z));
        }
        assert!(brightest > 2.0, "{brightest}");
    }
}
