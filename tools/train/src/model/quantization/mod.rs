//! Training for 8 bits: the forward pass rounds as an int8 pack of `uniultra-tools quantize` does,
//! and gradients pass as if it did not (straight through).
//!
//! Inputs of a layer are symmetric int8 with one scale a tensor, whose range follows the values
//! ([`ranges`]); weights have one scale an output channel, their largest magnitude; where the
//! exporter folds weights into each other, they are folded before they are rounded ([`fold`]); the
//! image encoder's attention is that of the runtime's integers ([`attention`]). A network without
//! `[train.qat]` runs none of this.

pub(super) mod attention;
pub(super) mod block;
mod fold;
mod layers;
mod ranges;

use crate::model::Params;
use crate::run::tensor_file::Tensors;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tch::{Kind, Tensor};

use layers::layer_names;
pub(super) use layers::layer_of;
pub use ranges::Observed;
use ranges::{Range, mse_range};

/// Prefix of the names that training for 8 bits adds to a checkpoint.
pub const PREFIX: &str = "quantization.";
/// Behind a layer's name: the magnitude that 8 bits of its input cover, `[1]`.
const RANGE: &str = ".input_range";
/// `[1]`: 1 if the image encoder was trained with its attention in 8-bit integers, otherwise 0.
const ATTENTION: &str = "integer_attention";

/// Steps to one side of zero.
pub(super) const STEPS: f32 = 127.0;

/// `[train.qat]`: training for 8 bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QatConfig {
    /// Whether the run trains for 8 bits at all.
    pub enabled: bool,
    /// First step that rounds; before it ranges are only observed. 0 where the checkpoint has
    /// ranges.
    pub start_step: u64,
    /// Steps between two updates of the ranges from then on.
    pub observe_every: u64,
    /// First step that leaves the ranges alone; they follow to the end where absent.
    pub freeze_step: Option<u64>,
    /// Weight of the past in a range, once there is one.
    pub decay: f64,
    /// Whether the image encoder's attention is that of 8-bit integers.
    pub attention: bool,
    /// Layers that stay in float, as `uniultra-tools quantize` names them: a layer, or the
    /// beginning of one before a `/`.
    pub float_layers: Vec<String>,
}

impl Default for QatConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            start_step: 20,
            observe_every: 8,
            freeze_step: None,
            decay: 0.9,
            attention: true,
            // If this layer is float, the runtime makes masks from its output without storing it.
            float_layers: vec!["mask_decoder/output_upscaling/3".to_string()],
        }
    }
}

impl QatConfig {
    /// # Errors
    /// A value out of range, or a layer that no network has.
    pub(crate) fn check(&self, blocks: usize) -> Result<()> {
        ensure!(self.observe_every >= 1, "train.qat.observe_every: expected at least 1, found 0");
        ensure!(
            (0.0..1.0).contains(&self.decay),
            "train.qat.decay: expected 0 to below 1, found {}",
            self.decay
        );
        let names = layer_names(blocks);
        for name in &self.float_layers {
            let one = Self { float_layers: vec![name.clone()], ..Self::default() };
            ensure!(
                names.iter().any(|layer| one.is_float(layer)),
                "train.qat.float_layers: `{name}` is neither a layer nor the beginning of one; the first layers are {}",
                names[..4].join(", ")
            );
        }
        Ok(())
    }

    fn is_float(&self, layer: &str) -> bool {
        self.float_layers.iter().any(|name| {
            layer == name || layer.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('/'))
        })
    }
}

/// What a forward pass does besides computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pass {
    /// Whether the weights are folded; they are in every pass.
    prepared: bool,
    /// Whether it rounds.
    rounds: bool,
    /// Whether it looks at the ranges.
    observes: bool,
}

/// Rounding of one network; its ranges are shared by all handles of it.
#[derive(Debug)]
pub(super) struct FakeQuant {
    config: Arc<QatConfig>,
    ranges: Arc<RwLock<BTreeMap<String, Range>>>,
    /// The ranges that this handle's passes saw since [`Params::take_observed`].
    observed: Arc<Mutex<Observed>>,
    pass: Pass,
}

impl FakeQuant {
    fn new(config: QatConfig) -> Self {
        Self {
            config: Arc::new(config),
            ranges: Arc::default(),
            observed: Arc::default(),
            pass: Pass::default(),
        }
    }

    /// For a part of a batch: the same ranges, observations of its own.
    pub(super) fn share(&self) -> Self {
        Self { observed: Arc::default(), ..self.handle(self.pass) }
    }

    fn handle(&self, pass: Pass) -> Self {
        Self {
            config: Arc::clone(&self.config),
            ranges: Arc::clone(&self.ranges),
            observed: Arc::clone(&self.observed),
            pass,
        }
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.pass.prepared
    }

    /// Whether heads of `dim` channels attend to that many keys in 8-bit integers.
    pub(super) fn attends_in_integers(&self, keys: i64, dim: i64) -> bool {
        self.pass.rounds && self.config.attention && attention::fits(keys, dim)
    }

    /// Whether a layer is in 8 bits at all.
    fn is_int8(&self, layer: &str) -> bool {
        !self.config.is_float(layer)
    }

    fn range(&self, layer: &str) -> Option<f32> {
        let ranges = self.ranges.read().unwrap_or_else(PoisonError::into_inner);
        ranges.get(layer).map(|range| range.value)
    }

    /// The input of a parameter's layer, rounded to the steps of its range. The input is unchanged
    /// if the layer stays in float or has no range yet.
    pub(super) fn input(&self, name: &str, x: &Tensor) -> Option<Tensor> {
        let layer = layer_of(name).filter(|layer| self.is_int8(layer))?;
        if self.pass.observes
            && let Some(range) = mse_range(x)
        {
            let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = observed.entry(layer.clone()).or_insert(0.0);
            *seen = seen.max(range);
        }
        let range = self.range(&layer).filter(|_| self.pass.rounds)?;
        Some(x.fake_quantize_per_tensor_affine(f64::from(range / STEPS), 0, -128, 127))
    }

    /// A layer's weight, rounded with one scale for each index of `axis`.
    fn weight(&self, layer: &str, weight: &Tensor, axis: i64) -> Tensor {
        // Without a range of its input the layer is still in float.
        if !self.pass.rounds || !self.is_int8(layer) || self.range(layer).is_none() {
            return weight.shallow_clone();
        }
        let others: Vec<i64> = (0..weight.dim() as i64).filter(|&other| other != axis).collect();
        let largest = weight.detach().abs().amax(others, false);
        let scale = (largest / f64::from(STEPS)).clamp_min(f64::from(f32::MIN_POSITIVE));
        let zero = scale.zeros_like().to_kind(Kind::Int);
        weight.fake_quantize_per_channel_affine(&scale, &zero, axis, -127, 127)
    }
}

impl Params {
    /// From now on, [`Params::prepared`] rounds as `config` says.
    ///
    /// # Errors
    /// If ranges in `checkpoint` are not positive numbers.
    pub fn train_for_8_bits(
        &mut self,
        config: &QatConfig,
        checkpoint: &uniultra_checkpoint::Checkpoint,
    ) -> Result<()> {
        let fake = FakeQuant::new(config.clone());
        let mut ranges = BTreeMap::new();
        for (name, tensor) in checkpoint.tensors() {
            let layer = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(RANGE));
            if let Some(layer) = layer.filter(|layer| fake.is_int8(layer)) {
                let range = Range::known(tensor.data())
                    .with_context(|| format!("the checkpoint's {name}"))?;
                ranges.insert(layer.to_string(), range);
            }
        }
        log::info!("trains for 8 bits; {} ranges from the checkpoint", ranges.len());
        *fake.ranges.write().unwrap_or_else(PoisonError::into_inner) = ranges;
        self.fake_quant = Some(fake);
        Ok(())
    }

    /// The parameters of a forward pass: weights folded and rounded in training for 8 bits,
    /// otherwise the unchanged parameters. `step` is the training step, `None` for a measurement.
    #[must_use]
    pub fn prepared(&self, step: Option<u64>) -> Self {
        let Some(fake) = &self.fake_quant else { return self.share() };
        let config = &fake.config;
        let pass = match step {
            None => Pass { prepared: true, rounds: true, observes: false },
            Some(step) => {
                let rounds = step >= config.start_step;
                let due = !rounds || step.is_multiple_of(config.observe_every);
                let frozen = config.freeze_step.is_some_and(|freeze| step >= freeze);
                Pass { prepared: true, rounds, observes: due && !frozen }
            }
        };
        fold::prepared(self, fake.handle(pass))
    }

    /// The widest range of each layer that this handle's passes saw since the last call.
    pub fn take_observed(&self) -> Observed {
        let Some(fake) = &self.fake_quant else { return Observed::default() };
        std::mem::take(&mut *fake.observed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Moves the ranges towards those that were seen.
    pub fn follow(&self, observed: &Observed) {
        let Some(fake) = &self.fake_quant else { return };
        let mut ranges = fake.ranges.write().unwrap_or_else(PoisonError::into_inner);
        for (layer, &seen) in observed {
            ranges
                .entry(layer.clone())
                .and_modify(|range| range.follow(seen, fake.config.decay))
                .or_insert_with(|| Range::first(seen));
        }
    }

    /// The ranges as tensors of a checkpoint, and whether attention was in integers; empty without
    /// training for 8 bits.
    #[must_use]
    pub fn quantization(&self) -> Tensors {
        let Some(fake) = &self.fake_quant else { return Tensors::new() };
        let ranges = fake.ranges.read().unwrap_or_else(PoisonError::into_inner);
        let mut tensors: Tensors = ranges
            .iter()
            .map(|(layer, range)| (format!("{PREFIX}{layer}{RANGE}"), scalar(range.value)))
            .collect();
        let attention = f32::from(u8::from(fake.config.attention));
        tensors.insert(format!("{PREFIX}{ATTENTION}"), scalar(attention));
        tensors
    }

    /// The ranges with all that a resumed run needs to let them follow as before, by layer.
    pub(crate) fn ranges_state(&self) -> Tensors {
        let Some(fake) = &self.fake_quant else { return Tensors::new() };
        let ranges = fake.ranges.read().unwrap_or_else(PoisonError::into_inner);
        ranges.iter().map(|(layer, range)| (layer.clone(), range.tensor())).collect()
    }

    /// Takes back what [`Params::ranges_state`] gave.
    ///
    /// # Errors
    /// If a tensor is not such a state.
    pub(crate) fn load_ranges_state(&self, state: &Tensors) -> Result<()> {
        let Some(fake) = &self.fake_quant else { return Ok(()) };
        let mut loaded = BTreeMap::new();
        for (layer, tensor) in state {
            let range =
                Range::from_tensor(tensor).with_context(|| format!("the range of {layer}"))?;
            loaded.insert(layer.clone(), range);
        }
        *fake.ranges.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }
}

fn scalar(value: f32) -> Tensor {
    Tensor::from_slice(&[value])
}

#[cfg(test)]
mod tests;
