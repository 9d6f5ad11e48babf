//! Materials of organs. Echo levels are in dB; `grain_mm` is the size of the texture's features.

use crate::noise::Field;
use crate::stream::Stream;
use crate::tissue::Material;

fn field(stream: &mut Stream) -> Field {
    Field::new(stream.field_seed())
}

/// Even parenchyma: liver, spleen, thyroid, testis, placenta.
pub(crate) fn even(echo_db: f32, grain_mm: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(0.6, 2.4),
        patch_mm: [stream.uniform(2.0, 6.0) * grain_mm, stream.uniform(1.5, 5.0) * grain_mm],
        fibre_db: if stream.chance(0.35) { stream.uniform(1.0, 4.0) } else { 0.0 },
        fibre_mm: [4.0 * grain_mm, 2.5 * grain_mm],
        fibre_sharpness: 4.0,
        ..Material::plain(echo_db, stream.uniform(0.4, 0.65), field(stream))
    }
}

/// Coarse, uneven tissue: a zone of the prostate, a tumour, a diseased organ.
pub(crate) fn coarse(echo_db: f32, grain_mm: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(3.0, 7.0),
        patch_mm: [stream.uniform(1.0, 4.0) * grain_mm, stream.uniform(0.8, 3.0) * grain_mm],
        fibre_db: if stream.chance(0.5) { stream.uniform(3.0, 8.0) } else { 0.0 },
        fibre_mm: [stream.uniform(2.0, 6.0) * grain_mm, stream.uniform(1.0, 3.0) * grain_mm],
        fibre_sharpness: stream.uniform(3.0, 8.0),
        fibre_slope: stream.uniform(-0.5, 0.5),
        ..Material::plain(echo_db, stream.uniform(0.5, 0.8), field(stream))
    }
}

/// Fibrous tissue along a slope: muscle, fat with septa, sinus fat.
pub(crate) fn fibrous(echo_db: f32, grain_mm: f32, slope: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(1.5, 4.0),
        patch_mm: [6.0 * grain_mm, 2.5 * grain_mm],
        fibre_db: stream.uniform(6.0, 14.0),
        fibre_mm: [stream.uniform(5.0, 12.0) * grain_mm, stream.uniform(0.7, 2.0) * grain_mm],
        fibre_sharpness: stream.uniform(3.0, 9.0),
        fibre_slope: slope,
        ..Material::plain(echo_db, stream.uniform(0.5, 0.75), field(stream))
    }
}

/// Bowel, mesentery and fat: what lies between organs.
pub(crate) fn mixed(echo_db: f32, grain_mm: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(3.0, 9.0),
        patch_mm: [stream.uniform(5.0, 14.0) * grain_mm, stream.uniform(2.0, 7.0) * grain_mm],
        fibre_db: stream.uniform(2.0, 11.0),
        fibre_mm: [stream.uniform(5.0, 14.0) * grain_mm, stream.uniform(1.5, 5.0) * grain_mm],
        fibre_sharpness: stream.uniform(3.0, 9.0),
        fibre_slope: stream.uniform(-0.4, 0.4),
        ..Material::plain(echo_db, stream.uniform(0.45, 0.75), field(stream))
    }
}

/// Fluid, or blood that swirls: anechoic to hazy.
pub(crate) fn fluid(echo_db: f32, grain_mm: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(0.0, 3.0),
        patch_mm: [6.0 * grain_mm, 4.0 * grain_mm],
        ..Material::plain(echo_db, stream.uniform(0.02, 0.15), field(stream))
    }
}

/// Any of the solid ones.
pub(crate) fn solid(echo_db: f32, grain_mm: f32, stream: &mut Stream) -> Material {
    match stream.integer(0, 3) {
        0 => coarse(echo_db, grain_mm, stream),
        1 => {
            let slope = stream.uniform(-0.4, 0.4);
            fibrous(echo_db - 3.0, grain_mm, slope, stream)
        }
        _ => even(echo_db, grain_mm, stream),
    }
}
