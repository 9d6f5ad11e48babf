//! The choices that determine a network's graph.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Size of the Hiera image encoder (MODEL.md section 2; UniUltra, SAM 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Variant {
    /// UniUltra-mini, embedding width 16.
    #[serde(rename = "mini")]
    Mini,
    /// SAM 2 Hiera-T, embedding width 96.
    #[serde(rename = "tiny")]
    Tiny,
    /// SAM 2 Hiera-S, embedding width 96.
    #[serde(rename = "small")]
    Small,
    /// SAM 2 Hiera-B+, embedding width 112.
    #[serde(rename = "base+")]
    BasePlus,
    /// SAM 2 Hiera-L, embedding width 144.
    #[serde(rename = "large")]
    Large,
}

impl Variant {
    /// Every variant, smallest first.
    pub const ALL: [Self; 5] = [Self::Mini, Self::Tiny, Self::Small, Self::BasePlus, Self::Large];

    /// The name used in `model.toml` and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mini => "mini",
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::BasePlus => "base+",
            Self::Large => "large",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the CH-Adapter's edge branch is laid out in memory (MODEL.md section 2, "Edge layouts").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeLayout {
    /// Edges stay where they are in the image, as the paper describes.
    #[default]
    Spatial,
    /// Axes are swapped and memory is reinterpreted, as checkpoints of the published code expect.
    Reference,
}

impl EdgeLayout {
    /// The name used in `model.toml` and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spatial => "spatial",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for EdgeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Channels of the encoder's `image` input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// One channel, `[1, 1, S, S]`, values in 0..=1; mean and standard deviation are in the graph.
    #[default]
    Gray,
    /// Three channels, `[1, 3, S, S]`, already normalised by the caller.
    Rgb,
}

impl Channels {
    /// Number of channels of the `image` tensor.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }

    /// The name used in `model.toml` and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "rgb",
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Arithmetic of the pack's graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point throughout.
    #[default]
    F32,
    /// Linear layers on 8-bit integers, the rest in 32-bit floating point;
    /// [`Quantization`](crate::Quantization) says how they were quantized.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        })
    }
}

/// How the pack's files store floating-point weights. [`Precision`] alone decides the arithmetic.
/// Weights of 8-bit layers always have 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// As 32-bit numbers.
    #[default]
    F32,
    /// Large weights as 16-bit numbers, each read by a `Cast` to f32.
    F16,
}

impl WeightFormat {
    /// The name used in `model.toml` and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
