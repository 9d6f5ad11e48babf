//! The comparison of the student's features with the teacher's.

use crate::model::{Params, Stages, Stream, lateral_maps};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Floor of a target's variance, so that a constant map does not divide by nothing.
const LEAST_VARIANCE: f64 = 1e-6;

/// Feature distillation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillConfig {
    /// Weights of the levels with strides 4, 8 and 16; 0 leaves one out.
    pub levels: [f64; 3],
    /// Weight of the sum of both streams, which the decoder receives.
    pub sum: f64,
    /// Weight of the Hiera stream.
    pub hiera: f64,
    /// Weight of the adapter stream.
    pub adapter: f64,
    /// Where features are compared.
    pub through: Through,
    /// What squared errors are divided by.
    pub normalise: Normalise,
    /// Disk space for the teacher's features, GiB; 0 computes them anew each time. Cached features
    /// are those of the unchanged images and their mirror images, so no other augmentation is
    /// allowed with it.
    pub cache_gib: f64,
}

impl Default for DistillConfig {
    fn default() -> Self {
        Self {
            levels: [1.0; 3],
            sum: 1.0,
            hiera: 1.0,
            adapter: 1.0,
            through: Through::Neck,
            normalise: Normalise::None,
            cache_gib: 0.0,
        }
    }
}

/// Where features are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Through {
    /// After the neck, 256 channels at every level, as published.
    Neck,
    /// After `conv_s0` and `conv_s1`, too: 32, 64 and 256 channels, all that the decoder reads.
    Decoder,
}

/// What squared errors are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalise {
    /// Nothing: plain mean squared error, as published.
    None,
    /// The target's variance over the batch, so that levels and streams count alike.
    Variance,
}

impl DistillConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let weights = [self.levels.as_slice(), &[self.sum, self.hiera, self.adapter]].concat();
        ensure!(
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
            "distill: expected weights of at least 0, found {weights:?}"
        );
        ensure!(
            self.levels.iter().sum::<f64>() * (self.sum + self.hiera + self.adapter) > 0.0,
            "distill: expected a level and a stream with a weight above 0"
        );
        ensure!(
            self.cache_gib.is_finite() && self.cache_gib >= 0.0,
            "distill.cache_gib: expected at least 0, found {}",
            self.cache_gib
        );
        Ok(())
    }

    /// The streams that count, with their weights.
    pub(crate) fn streams(&self) -> Vec<(Stream, f64)> {
        let all =
            [(Stream::Sum, self.sum), (Stream::Hiera, self.hiera), (Stream::Adapter, self.adapter)];
        all.into_iter().filter(|(_, weight)| *weight > 0.0).collect()
    }

    /// Whether more than the sum is needed.
    pub(crate) fn needs_streams(&self) -> bool {
        self.hiera > 0.0 || self.adapter > 0.0
    }

    /// A stream's maps of the three levels, as they are compared; `None` for a stream that is not
    /// there.
    pub(crate) fn maps(
        &self,
        params: &Params,
        stages: &Stages,
        stream: Stream,
    ) -> Option<[Tensor; 3]> {
        let [level_4, level_8, level_16] = lateral_maps(params, stages.stream(stream)?);
        Some(match self.through {
            Through::Neck => [level_4, level_8, level_16],
            Through::Decoder => [
                params.conv("sam_mask_decoder.conv_s0", &level_4, 1, 0),
                params.conv("sam_mask_decoder.conv_s1", &level_8, 1, 0),
                level_16,
            ],
        })
    }

    /// Squared error of one map.
    pub(crate) fn error(&self, found: &Tensor, wanted: &Tensor) -> Tensor {
        let error = (found - wanted).square().mean(Kind::Float);
        match self.normalise {
            Normalise::None => error,
            Normalise::Variance => {
                // Each channel about its own mean: a constant offset explains nothing.
                let over = [0_i64, 2, 3];
                let mean = wanted.mean_dim(over.as_slice(), true, Kind::Float);
                let variance = (wanted - mean).square().mean(Kind::Float);
                error / variance.clamp_min(LEAST_VARIANCE)
            }
        }
    }
}
