//! The body region: its probe, its layers, and which targets occur in it.

use crate::geometry::GeometryKind;
use crate::noise::Field;
use crate::stream::Stream;
use crate::target::TargetKind;
use crate::tissue::{Layer, LayerStack, Material};
use serde::{Deserialize, Serialize};

/// The kind of body region that a frame imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anatomy {
    /// Skin, fat, glandular tissue, muscle: the breast, the neck, a soft-tissue lump.
    Superficial,
    /// Skin, fat, and a muscle with its aponeuroses.
    Muscle,
    /// A solid organ below the body wall: liver, kidney, thyroid.
    Parenchyma,
    /// A fetal head in the uterus.
    Fetal,
    /// Organs: the upper abdomen, with liver or spleen.
    Abdomen,
    /// Organs: a kidney from the side or back.
    Flank,
    /// Organs: the bladder and what lies behind it.
    Pelvis,
    /// Organs: prostate or uterus from within.
    Endocavitary,
    /// Organs: the heart.
    Heart,
    /// Organs: thyroid and great vessels.
    Neck,
    /// Organs: muscles, vessels, nerves.
    Limb,
    /// Organs: pregnancy: fluid, placenta, trunk, limbs, head.
    Pregnancy,
    /// Organs: areas of any make side by side.
    Assorted,
}

/// No bright boundary.
pub(crate) const UNSEEN: f32 = -99.0;

impl Anatomy {
    /// A random region that such a probe is used for.
    pub(crate) fn random(kind: GeometryKind, with_targets: bool, stream: &mut Stream) -> Self {
        let weights: &[(Self, f32)] = match (kind, with_targets) {
            (GeometryKind::Linear, true) => {
                &[(Self::Superficial, 0.55), (Self::Muscle, 0.2), (Self::Parenchyma, 0.25)]
            }
            (GeometryKind::Linear, false) => &[(Self::Superficial, 0.7), (Self::Parenchyma, 0.3)],
            (_, true) => &[(Self::Parenchyma, 0.6), (Self::Fetal, 0.4)],
            (_, false) => &[(Self::Parenchyma, 1.0)],
        };
        stream.weighted(weights, Self::Parenchyma)
    }

    /// Usual depth (mm) and frequency (MHz) ranges.
    pub(crate) fn settings(self, kind: GeometryKind) -> ([f32; 2], [f32; 2]) {
        match (self, kind) {
            (Self::Superficial, _) => ([24.0, 44.0], [7.5, 13.0]),
            (Self::Muscle, _) => ([30.0, 58.0], [7.0, 11.0]),
            (Self::Parenchyma, GeometryKind::Linear) => ([24.0, 45.0], [7.5, 12.0]),
            (Self::Parenchyma, _) => ([90.0, 165.0], [2.6, 5.0]),
            (Self::Fetal, _) => ([95.0, 150.0], [3.0, 5.5]),
            (Self::Abdomen | Self::Flank, _) => ([90.0, 180.0], [2.4, 5.0]),
            (Self::Pelvis | Self::Pregnancy, _) => ([80.0, 160.0], [2.6, 5.5]),
            (Self::Endocavitary, _) => ([45.0, 85.0], [4.5, 8.5]),
            (Self::Heart, _) => ([95.0, 180.0], [1.7, 3.6]),
            (Self::Neck | Self::Limb, _) => ([22.0, 52.0], [6.5, 13.0]),
            (Self::Assorted, GeometryKind::Linear) => ([22.0, 60.0], [6.0, 13.0]),
            (Self::Assorted, _) => ([60.0, 180.0], [2.2, 6.5]),
        }
    }

    /// Typical one-way attenuation, dB / cm / MHz, for which the console compensates.
    pub(crate) fn attenuation(self) -> f32 {
        match self {
            Self::Superficial => 0.75,
            Self::Muscle => 0.6,
            Self::Parenchyma => 0.55,
            Self::Fetal | Self::Pregnancy | Self::Heart => 0.45,
            Self::Abdomen | Self::Flank | Self::Pelvis | Self::Endocavitary => 0.52,
            Self::Neck | Self::Limb | Self::Assorted => 0.6,
        }
    }

    /// Targets and how often they occur.
    pub(crate) fn targets(self) -> &'static [(TargetKind, f32)] {
        use TargetKind as T;
        match self {
            Self::Superficial => &[
                (T::HypoechoicLesion, 0.42),
                (T::Cyst, 0.24),
                (T::HyperechoicLesion, 0.11),
                (T::IsoechoicLesion, 0.11),
                (T::Calcification, 0.05),
                (T::Vessel, 0.07),
            ],
            Self::Muscle => &[(T::FasciaStrip, 1.0)],
            Self::Parenchyma => &[
                (T::Cyst, 0.22),
                (T::HypoechoicLesion, 0.2),
                (T::HyperechoicLesion, 0.2),
                (T::IsoechoicLesion, 0.1),
                (T::Calcification, 0.12),
                (T::Vessel, 0.16),
            ],
            Self::Fetal => &[(T::FetalHead, 1.0)],
            // Scenes with organs choose targets from what they show.
            _ => &[],
        }
    }

    /// Random layers for a depth of `depth` mm.
    pub(crate) fn layers(self, depth: f32, stream: &mut Stream) -> LayerStack {
        let layers = match self {
            Self::Superficial => superficial(depth, stream),
            Self::Muscle => muscle(depth, stream),
            Self::Parenchyma => parenchyma(depth, stream),
            Self::Fetal => uterus(depth, stream),
            _ => parenchyma(depth, stream),
        };
        LayerStack {
            layers,
            conform_mm: 0.4 * depth,
            field: Field::new(stream.field_seed()),
            warp_mm: stream.uniform(0.4, 1.6) * (depth / 40.0).min(2.0),
            spotty_attenuation: 0.08 + 0.5 * stream.unit().powi(2),
        }
    }
}

pub(crate) fn layer(
    top_mm: f32,
    boundary_db: f32,
    waves_mm: [f32; 2],
    material: Material,
) -> Layer {
    Layer { top_mm, waves_mm, slope: 0.0, boundary_db, boundary_mm: 0.13, material }
}

fn field(stream: &mut Stream) -> Field {
    Field::new(stream.field_seed())
}

pub(crate) fn skin(stream: &mut Stream) -> Layer {
    let material = Material {
        patch_db: 2.0,
        patch_mm: [4.0, 0.5],
        ..Material::plain(stream.uniform(0.0, 6.0), 0.6, field(stream))
    };
    layer(-50.0, UNSEEN, [0.0, 10.0], material)
}

pub(crate) fn fat(stream: &mut Stream) -> Material {
    Material {
        patch_db: 2.0,
        patch_mm: [5.0, 3.0],
        fibre_db: stream.uniform(8.0, 16.0),
        fibre_mm: [stream.uniform(9.0, 16.0), stream.uniform(2.5, 5.0)],
        fibre_sharpness: stream.uniform(12.0, 24.0),
        fibre_slope: stream.uniform(-0.3, 0.3),
        ..Material::plain(stream.uniform(-11.0, -6.0), stream.uniform(0.45, 0.65), field(stream))
    }
}

pub(crate) fn striated(echo_db: f32, slope: f32, stream: &mut Stream) -> Material {
    Material {
        patch_db: 2.5,
        patch_mm: [9.0, 3.0],
        fibre_db: stream.uniform(8.0, 14.0),
        fibre_mm: [stream.uniform(8.0, 16.0), stream.uniform(0.7, 1.5)],
        fibre_sharpness: stream.uniform(3.0, 6.0),
        fibre_slope: slope,
        ..Material::plain(echo_db, stream.uniform(0.5, 0.75), field(stream))
    }
}

fn superficial(depth: f32, stream: &mut Stream) -> Vec<Layer> {
    let skin_mm = stream.uniform(1.0, 2.4);
    let fat_mm = skin_mm + depth * stream.uniform(0.08, 0.28);
    let gland_mm = fat_mm + depth * stream.uniform(0.3, 0.5);
    let muscle_mm = gland_mm + depth * stream.uniform(0.1, 0.22);
    let gland = Material {
        patch_db: stream.uniform(4.0, 10.0),
        patch_mm: [stream.uniform(5.0, 12.0), stream.uniform(2.0, 4.5)],
        fibre_db: stream.uniform(6.0, 15.0),
        fibre_mm: [stream.uniform(5.0, 11.0), stream.uniform(0.9, 2.2)],
        fibre_sharpness: stream.uniform(4.0, 9.0),
        fibre_slope: stream.uniform(-0.25, 0.25),
        ..Material::plain(stream.uniform(-6.0, 1.0), stream.uniform(0.65, 0.95), field(stream))
    };
    let muscle = striated(stream.uniform(-11.0, -6.0), stream.uniform(-0.08, 0.08), stream);
    let deep = Material {
        patch_db: 3.0,
        patch_mm: [8.0, 1.5],
        ..Material::plain(stream.uniform(-13.0, -5.0), 0.9, field(stream))
    };
    vec![
        skin(stream),
        layer(skin_mm, stream.uniform(0.0, 8.0), [0.4, 14.0], fat(stream)),
        layer(fat_mm, stream.uniform(-6.0, 6.0), [stream.uniform(0.8, 3.0), 12.0], gland),
        layer(gland_mm, stream.uniform(-4.0, 7.0), [stream.uniform(0.6, 2.2), 16.0], muscle),
        layer(muscle_mm, stream.uniform(-2.0, 11.0), [stream.uniform(0.5, 2.0), 20.0], deep),
    ]
}

fn muscle(depth: f32, stream: &mut Stream) -> Vec<Layer> {
    let skin_mm = stream.uniform(1.0, 2.0);
    let fat_mm = skin_mm + depth * stream.uniform(0.03, 0.09);
    // Pennation: fascicles run at 8 to 25 degrees to the aponeuroses.
    let slope = stream.uniform(0.12, 0.4) * if stream.chance(0.5) { 1.0 } else { -1.0 };
    let echo = stream.uniform(-10.0, -5.0);
    let upper = striated(echo, slope, stream);
    let deep_mm = depth * stream.uniform(0.6, 0.85);
    let lower = striated(echo + stream.uniform(-4.0, 1.0), -0.6 * slope, stream);
    vec![
        skin(stream),
        layer(skin_mm, stream.uniform(2.0, 8.0), [0.2, 20.0], fat(stream)),
        layer(fat_mm, stream.uniform(-4.0, 4.0), [0.3, 25.0], upper),
        layer(deep_mm, UNSEEN, [0.8, 25.0], lower),
    ]
}

fn parenchyma(depth: f32, stream: &mut Stream) -> Vec<Layer> {
    let wall = depth * stream.uniform(0.1, 0.22);
    let skin_mm = stream.uniform(0.12, 0.2) * wall;
    let fat_mm = stream.uniform(0.45, 0.65) * wall;
    let grain = depth / 40.0;
    let organ = Material {
        patch_db: stream.uniform(1.0, 2.6),
        patch_mm: [stream.uniform(2.0, 5.0) * grain, stream.uniform(1.6, 3.5) * grain],
        fibre_db: stream.uniform(0.0, 3.0),
        fibre_mm: [4.0 * grain, 2.5 * grain],
        fibre_sharpness: 4.0,
        ..Material::plain(stream.uniform(-3.0, 1.5), stream.uniform(0.45, 0.65), field(stream))
    };
    let behind = Material {
        patch_db: 4.0,
        patch_mm: [6.0 * grain, 2.0 * grain],
        ..Material::plain(stream.uniform(-12.0, -3.0), 0.6, field(stream))
    };
    let mut layers = vec![
        skin(stream),
        layer(skin_mm, stream.uniform(2.0, 8.0), [0.3, 16.0], fat(stream)),
        layer(fat_mm, stream.uniform(0.0, 6.0), [0.03 * depth, 0.4 * depth], {
            striated(stream.uniform(-8.0, -3.0), 0.02, stream)
        }),
        layer(wall, stream.uniform(4.0, 10.0), [0.03 * depth, 0.5 * depth], organ),
        layer(
            depth * stream.uniform(0.78, 0.98),
            stream.uniform(-3.0, 11.0),
            [stream.uniform(0.03, 0.08) * depth, 0.8 * depth],
            behind,
        ),
    ];
    for layer in &mut layers[1..] {
        layer.boundary_mm *= grain.max(1.0).sqrt();
    }
    if let Some(diaphragm) = layers.last_mut() {
        diaphragm.slope = stream.uniform(-0.25, 0.25);
        diaphragm.boundary_mm *= 1.5;
    }
    layers
}

fn uterus(depth: f32, stream: &mut Stream) -> Vec<Layer> {
    let wall = depth * stream.uniform(0.06, 0.14);
    let placenta = Material {
        patch_db: 3.0,
        patch_mm: [14.0, 9.0],
        ..Material::plain(stream.uniform(-6.0, -1.0), 0.5, field(stream))
    };
    let mixed = Material {
        patch_db: stream.uniform(5.0, 9.0),
        patch_mm: [stream.uniform(14.0, 28.0), stream.uniform(8.0, 16.0)],
        fibre_db: stream.uniform(3.0, 8.0),
        fibre_mm: [22.0, 12.0],
        fibre_sharpness: 5.0,
        ..Material::plain(stream.uniform(-15.0, -6.0), 0.4, field(stream))
    };
    let back = Material {
        patch_db: 4.0,
        patch_mm: [15.0, 6.0],
        ..Material::plain(stream.uniform(-5.0, 1.0), 0.6, field(stream))
    };
    vec![
        skin(stream),
        layer(0.35 * wall, stream.uniform(2.0, 8.0), [1.0, 30.0], striated(-5.0, 0.05, stream)),
        layer(wall, stream.uniform(2.0, 9.0), [2.5, 40.0], placenta),
        layer(depth * stream.uniform(0.15, 0.3), UNSEEN, [6.0, 45.0], mixed),
        layer(depth * stream.uniform(0.72, 0.9), stream.uniform(0.0, 8.0), [5.0, 50.0], back),
    ]
}
