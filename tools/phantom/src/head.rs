//! The inside of a fetal head: midline, cavum, ventricle walls, choroid plexus, sulci.

use crate::noise::Field;
use crate::scene::Structure;
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::tissue::Material;

/// The brain within a skull, for the transthalamic or transventricular plane.
pub(crate) fn brain(skull: &Blob, stream: &mut Stream) -> Vec<Structure> {
    let [length, width] = skull.radii;
    let (sin, cos) = skull.tilt.sin_cos();
    // (along, across) are shares of the skull's semi-axes.
    let mut parts = Vec::new();
    let mut part = |at: [f32; 2], radii: [f32; 2], turn: f32, echo_db: f32, stream: &mut Stream| {
        let (along, across) = (at[0] * length, at[1] * width);
        let centre = [
            skull.centre[0] + along * cos - across * sin,
            skull.centre[1] + along * sin + across * cos,
        ];
        let field = Field::new(stream.field_seed());
        let mut blob = Blob::ellipse(centre, radii, skull.tilt + turn);
        blob.bow = radii[0] * stream.uniform(-0.16, 0.16) * if at[1] == 0.0 { 0.3 } else { 1.0 };
        if radii[1] > 1.5 {
            for order in 2..=4 {
                blob.harmonics.push((
                    order as f32,
                    stream.uniform(-0.08, 0.08),
                    stream.uniform(0.0, 6.0),
                ));
            }
        }
        let material = Material {
            patch_db: 7.0,
            patch_mm: [6.0, 4.0],
            ..Material::plain(echo_db, 0.45, field)
        };
        parts.push(Structure {
            shape: Shape::Blob(blob),
            material,
            edge_mm: (0.6 * radii[1]).clamp(0.4, 2.0),
            wall: None,
            halo: [0.0, 0.0],
            haze: [-99.0, 1.0],
            edge_loss: 0.0,
        });
    };

    // Thalami beside the midline, darker than the brain.
    for side in [-1.0, 1.0] {
        let size = [0.2 * length, 0.17 * width];
        part([-0.05, 0.17 * side], size, 0.2 * side, stream.uniform(-22.0, -17.0), stream);
    }
    // The midline (falx), broken by the cavum.
    let midline = stream.uniform(-6.0, 3.0);
    let thin = stream.uniform(0.45, 0.8);
    part([-0.52, 0.0], [0.34 * length, thin], 0.0, midline, stream);
    part([0.66, 0.0], [0.22 * length, thin], 0.0, midline, stream);
    if stream.chance(0.7) {
        part([0.33, 0.0], [0.13 * length, 0.07 * width], 0.0, -32.0, stream);
        for side in [-1.0, 1.0] {
            part([0.33, 0.08 * side], [0.12 * length, 0.5], 0.0, -3.0, stream);
        }
    }
    // Ventricle walls run along the midline; the far one is easier to see.
    for side in [-1.0, 1.0] {
        if stream.chance(0.7) {
            let at = [stream.uniform(-0.45, -0.2), 0.38 * side];
            part(at, [0.3 * length, 0.6], 0.12 * side, stream.uniform(-9.0, -2.0), stream);
        }
    }
    if stream.chance(0.65) {
        let at = [stream.uniform(-0.5, -0.3), stream.uniform(0.28, 0.42)];
        part(at, [0.2 * length, 0.11 * width], 0.2, stream.uniform(-4.0, 2.0), stream);
    }
    // Insula and sulci: short bright arcs off the midline.
    for _ in 0..stream.integer(3, 8) {
        let at = [stream.uniform(-0.6, 0.6), stream.uniform(-0.7, 0.7)];
        let size = [stream.uniform(2.0, 0.16 * length), stream.uniform(0.4, 0.9)];
        let turn = stream.uniform(-0.7, 0.7);
        part(at, size, turn, stream.uniform(-11.0, -3.0), stream);
    }
    parts
}
