//! The kinds of target and how each looks to the beam.

use crate::noise::Field;
use crate::scene::{Structure, Wall};
use crate::shape::{Blob, Shape};
use crate::stream::Stream;
use crate::tissue::Material;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// The kind of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Anechoic, smooth, bright back wall, enhancement below.
    Cyst,
    /// Solid lesion darker than its surround.
    HypoechoicLesion,
    /// Solid lesion brighter than its surround.
    HyperechoicLesion,
    /// Solid lesion as bright as its surroundings; its rim and texture reveal it.
    IsoechoicLesion,
    /// Stone or coarse calcification: bright front, shadow below.
    Calcification,
    /// Fetal head: a bright ellipse with the brain inside.
    FetalHead,
    /// Vessel, across (round) or along (a tube).
    Vessel,
    /// Thin bright strip of fascia, such as an aponeurosis.
    FasciaStrip,
    /// Liver, with its vessels and lesions.
    Liver,
    /// Spleen.
    Spleen,
    /// Kidney: cortex, pyramids and sinus.
    Kidney,
    /// The bright middle of a kidney.
    RenalSinus,
    /// Prostate with its zones.
    Prostate,
    /// A zone within an organ that looks unlike the rest.
    InnerZone,
    /// Uterus with its lining.
    Uterus,
    /// Lining of a uterus.
    Endometrium,
    /// Ovary with its follicles.
    Ovary,
    /// Lobe of the thyroid with its nodules.
    ThyroidLobe,
    /// A solid area of no known organ.
    Organ,
    /// Lumen of a gallbladder.
    Gallbladder,
    /// Lumen of a bladder.
    Bladder,
    /// Fluid elsewhere: amniotic, ascites, a fluid-filled gut.
    FluidPocket,
    /// Wall of a hollow organ, without its lumen.
    HollowWall,
    /// A chamber of the heart.
    Chamber,
    /// Muscle of the left ventricle: a horseshoe or a ring.
    Myocardium,
    /// A muscle in its sheath.
    Muscle,
    /// A nerve across.
    Nerve,
    /// A lymph node.
    LymphNode,
    /// A layer of the body wall: fat or muscle.
    TissueLayer,
    /// Placenta.
    Placenta,
    /// Trunk of a fetus.
    FetalTrunk,
    /// Limb of a fetus.
    FetalLimb,
}

impl TargetKind {
    /// All kinds.
    pub const ALL: [Self; 32] = [
        Self::Cyst,
        Self::HypoechoicLesion,
        Self::HyperechoicLesion,
        Self::IsoechoicLesion,
        Self::Calcification,
        Self::FetalHead,
        Self::Vessel,
        Self::FasciaStrip,
        Self::Liver,
        Self::Spleen,
        Self::Kidney,
        Self::RenalSinus,
        Self::Prostate,
        Self::InnerZone,
        Self::Uterus,
        Self::Endometrium,
        Self::Ovary,
        Self::ThyroidLobe,
        Self::Organ,
        Self::Gallbladder,
        Self::Bladder,
        Self::FluidPocket,
        Self::HollowWall,
        Self::Chamber,
        Self::Myocardium,
        Self::Muscle,
        Self::Nerve,
        Self::LymphNode,
        Self::TissueLayer,
        Self::Placenta,
        Self::FetalTrunk,
        Self::FetalLimb,
    ];
}

/// No halo, no haze.
const NONE: [f32; 2] = [0.0, 0.0];
const NO_HAZE: [f32; 2] = [-99.0, 1.0];

/// Echo of fluid before clutter fills it in, dB.
const FLUID_DB: f32 = -48.0;

/// Makes a structure of a kind in an outline. `around_db` is the echo of the tissue around, dB;
/// `frequency_mhz` is the probe's. Gives the structure and its contrast in dB.
pub(crate) fn fill(
    kind: TargetKind,
    shape: Shape,
    around_db: f32,
    frequency_mhz: f32,
    stream: &mut Stream,
) -> (Structure, f32) {
    let field = Field::new(stream.field_seed());
    let size = shape.radii()[1];
    let bare = |material, shape| Structure {
        shape,
        material,
        edge_mm: 0.1,
        wall: None,
        halo: NONE,
        haze: NO_HAZE,
        edge_loss: 0.0,
    };
    match kind {
        TargetKind::Cyst => {
            let structure = Structure {
                wall: Some(Wall {
                    half_mm: stream.uniform(0.10, 0.2),
                    diffuse_db: around_db.max(-4.0) + stream.uniform(2.0, 6.0),
                    specular_db: stream.uniform(6.0, 12.0),
                    front: 0.7,
                    back: 1.2,
                    side: 0.35,
                }),
                haze: [around_db + stream.uniform(-20.0, -9.0), stream.uniform(0.12, 0.3) * size],
                edge_loss: stream.uniform(0.5, 1.6),
                ..bare(Material::plain(FLUID_DB, 0.03, field), shape)
            };
            (structure, FLUID_DB - around_db)
        }
        TargetKind::Vessel => {
            let blood = stream.uniform(-36.0, -24.0);
            let structure = Structure {
                wall: Some(Wall {
                    half_mm: stream.uniform(0.15, 0.35),
                    diffuse_db: around_db + stream.uniform(1.0, 7.0),
                    specular_db: stream.uniform(4.0, 12.0),
                    front: 1.0,
                    back: 1.0,
                    side: 0.25,
                }),
                haze: [around_db + stream.uniform(-18.0, -10.0), 0.3 * size],
                edge_loss: stream.uniform(0.1, 0.6),
                ..bare(Material::plain(blood, 0.15, field), shape)
            };
            (structure, blood - around_db)
        }
        TargetKind::HypoechoicLesion => {
            let contrast = stream.uniform(-20.0, -8.0);
            let invasive = matches!(&shape, Shape::Blob(blob) if !blob.spikes.is_empty());
            let attenuation =
                if invasive { stream.uniform(0.9, 1.8) } else { stream.uniform(0.25, 0.7) };
            let halo = if invasive { [stream.uniform(2.0, 5.0), 0.5 * size] } else { NONE };
            let structure = Structure {
                edge_mm: if invasive {
                    stream.uniform(0.06, 0.14) * size
                } else {
                    stream.uniform(0.03, 0.11) * size
                },
                halo,
                edge_loss: stream.uniform(0.2, 1.0),
                ..bare(solid(around_db + contrast, attenuation, size, field, stream), shape)
            };
            (structure, contrast)
        }
        TargetKind::HyperechoicLesion => {
            let contrast = stream.uniform(6.0, 12.0);
            let material =
                solid(around_db + contrast, stream.uniform(0.4, 0.8), size, field, stream);
            let structure =
                Structure { edge_mm: stream.uniform(0.05, 0.16) * size, ..bare(material, shape) };
            (structure, contrast)
        }
        TargetKind::IsoechoicLesion => {
            let contrast = stream.uniform(-2.5, 2.5);
            let material =
                solid(around_db + contrast, stream.uniform(0.4, 0.7), size, field, stream);
            let structure = Structure {
                edge_mm: 0.06 * size,
                // A dark rim of compressed tissue and vessels reveals it.
                halo: [stream.uniform(-13.0, -7.0), stream.uniform(0.14, 0.3) * size],
                edge_loss: stream.uniform(0.4, 1.2),
                ..bare(material, shape)
            };
            (structure, contrast)
        }
        TargetKind::Calcification => {
            let contrast = stream.uniform(9.0, 15.0);
            let loss_db = stream.uniform(24.0, 44.0);
            let through_cm = 0.2 * size;
            let structure = Structure {
                edge_mm: 0.05 * size,
                wall: Some(Wall {
                    half_mm: 0.22 * size,
                    diffuse_db: around_db + contrast + 7.0,
                    specular_db: stream.uniform(8.0, 14.0),
                    front: 1.0,
                    back: 0.05,
                    side: 0.25,
                }),
                ..bare(
                    solid(
                        around_db + contrast,
                        loss_db / (2.0 * through_cm * frequency_mhz),
                        size,
                        field,
                        stream,
                    ),
                    shape,
                )
            };
            (structure, contrast)
        }
        TargetKind::FetalHead => {
            let brain = stream.uniform(-19.0, -12.0);
            let skull = stream.uniform(0.8, 1.4);
            let mut material = solid(brain, 0.4, size, field, stream);
            material.patch_db = stream.uniform(3.0, 5.0);
            material.fibre_db = stream.uniform(4.0, 9.0);
            material.fibre_mm = [9.0, 5.0];
            let structure = Structure {
                edge_mm: 0.3,
                wall: Some(Wall {
                    half_mm: skull,
                    diffuse_db: stream.uniform(2.0, 8.0),
                    specular_db: stream.uniform(12.0, 19.0),
                    front: 1.0,
                    back: 1.25,
                    side: stream.uniform(0.08, 0.3),
                }),
                haze: [stream.uniform(-16.0, -10.0), 0.15 * size],
                edge_loss: stream.uniform(0.4, 1.2),
                ..bare(material, shape)
            };
            (structure, brain - around_db)
        }
        // Organs are painted by their regions; asked for here, they are strips like a fascia.
        _ => {
            let contrast = stream.uniform(11.0, 17.0);
            let structure = Structure {
                edge_mm: 0.35 * size,
                wall: Some(Wall {
                    half_mm: 0.6 * size,
                    diffuse_db: around_db + contrast - 3.0,
                    specular_db: around_db + contrast - stream.uniform(1.0, 5.0),
                    front: 1.0,
                    back: 1.0,
                    side: 0.5,
                }),
                ..bare(Material::plain(around_db + contrast, 0.7, field), shape)
            };
            (structure, contrast)
        }
    }
}

fn solid(echo_db: f32, attenuation: f32, size: f32, field: Field, stream: &mut Stream) -> Material {
    Material {
        patch_db: stream.uniform(2.0, 6.0),
        patch_mm: [stream.uniform(0.3, 0.9) * size, stream.uniform(0.25, 0.6) * size],
        fibre_db: if stream.chance(0.5) { stream.uniform(3.0, 9.0) } else { 0.0 },
        fibre_mm: [0.8 * size, 0.4 * size],
        fibre_sharpness: stream.uniform(4.0, 9.0),
        fibre_slope: stream.uniform(-0.6, 0.6),
        ..Material::plain(echo_db, attenuation, field)
    }
}

/// An outline for a lesion-like target of mean radius `radius_mm`.
pub(crate) fn outline(
    kind: TargetKind,
    centre: [f32; 2],
    radius_mm: f32,
    stream: &mut Stream,
) -> Shape {
    let (flattening, deform) = match kind {
        TargetKind::Cyst => (stream.uniform(0.62, 1.0), stream.uniform(0.0, 0.05)),
        TargetKind::Vessel => (stream.uniform(0.75, 1.0), stream.uniform(0.0, 0.03)),
        TargetKind::Calcification => (stream.uniform(0.6, 0.95), stream.uniform(0.02, 0.1)),
        TargetKind::HypoechoicLesion => (stream.uniform(0.45, 1.05), stream.uniform(0.03, 0.13)),
        _ => (stream.uniform(0.5, 0.95), stream.uniform(0.03, 0.11)),
    };
    let stretch = flattening.sqrt();
    let radii = [radius_mm / stretch, radius_mm * stretch];
    let mut blob = Blob::ellipse(centre, radii, stream.uniform(-0.45, 0.45));
    for order in 2..=6 {
        let amplitude = deform * stream.normal().clamp(-2.0, 2.0) / (order as f32 - 1.0).sqrt();
        blob.harmonics.push((order as f32, amplitude, stream.uniform(0.0, TAU)));
    }
    if kind == TargetKind::HypoechoicLesion && stream.chance(0.4) {
        let count = stream.integer(6, 14);
        for spike in 0..count {
            let angle = TAU * (spike as f32 + stream.uniform(-0.3, 0.3)) / count as f32;
            blob.spikes.push((
                angle.rem_euclid(TAU),
                stream.uniform(0.08, 0.4),
                stream.uniform(0.26, 0.48),
            ));
        }
    }
    Shape::Blob(blob)
}
