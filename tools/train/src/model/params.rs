//! Named parameters on a device, and the layers that read them.

use super::init;
use super::quantization::FakeQuant;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor, no_grad};
use uniultra_checkpoint::{
    Architecture, Checkpoint, Component, Hiera, Need, Parameter, ParameterKind,
};
use uniultra_manifest::EdgeLayout;

/// Epsilon of LayerNorms over the channels of a map.
pub(super) const NORM_2D_EPS: f64 = 1e-6;

/// The network that the parameters belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Size of the encoder, and whether it has CH-Adapters.
    pub architecture: Architecture,
    /// Layout of the adapters' edges; ignored without adapters.
    pub edge_layout: EdgeLayout,
}

/// Arithmetic of matrix products, convolutions and attention; all else is 32-bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// Inputs rounded to bfloat16; sums stay in 32 bit inside the products.
    Bf16,
}

/// The parts to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trainable {
    /// UniUltra's fine-tuning: CH-Adapters, `edge_blocks`, and all that is not the image encoder.
    Peft,
    /// The same, and the neck.
    PeftAndNeck,
    /// The image encoder alone.
    Encoder,
    /// Everything.
    All,
    /// Nothing: a teacher.
    Nothing,
}

impl Trainable {
    /// Whether a parameter is trained. Buffers and the fixed Sobel kernels never are.
    #[must_use]
    pub fn takes(self, parameter: &Parameter) -> bool {
        let encoder = parameter.component.is_image_encoder();
        let frozen = parameter.kind == ParameterKind::Frozen;
        let sobel = encoder && frozen && parameter.name.contains(".train_edge.");
        if parameter.kind == ParameterKind::Buffer || sobel {
            return false;
        }
        match self {
            Self::Peft => !frozen,
            Self::PeftAndNeck => !frozen || parameter.component == Component::Neck,
            Self::Encoder => encoder,
            Self::All => true,
            Self::Nothing => false,
        }
    }
}

/// Parameters of one network, by their names in Meta's state dict.
#[derive(Debug)]
pub struct Params {
    /// The network that they belong to.
    pub spec: Spec,
    /// Arithmetic of the forward pass.
    pub precision: Precision,
    tensors: BTreeMap<String, Tensor>,
    fixed_sobel: bool,
    device: Device,
    /// Rounding to 8 bits in the forward pass.
    pub(super) fake_quant: Option<FakeQuant>,
}

impl Params {
    /// Parameters from a checkpoint; those that it lacks start as [`init`] says, and their names
    /// are returned. Video parts are left out.
    ///
    /// # Errors
    /// A tensor of another shape than the architecture has.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        spec: Spec,
        seed: u64,
        device: Device,
    ) -> Result<(Self, Vec<String>)> {
        let mut tensors = BTreeMap::new();
        let mut fresh = Vec::new();
        let mut fixed_sobel = true;
        for parameter in spec.architecture.parameters() {
            if parameter.component.need() == Need::VideoOnly {
                continue;
            }
            let name = &parameter.name;
            let values = if checkpoint.contains(name) {
                checkpoint.tensor(name, &parameter.shape)?.data().to_vec()
            } else {
                fresh.push(name.clone());
                init::values(&parameter, seed)
            };
            fixed_sobel &= init::is_fixed_sobel(name, &values);
            let shape: Vec<i64> = parameter.shape.iter().map(|&n| n as i64).collect();
            let tensor = Tensor::f_from_slice(&values)
                .and_then(|tensor| tensor.f_reshape(&shape))
                .with_context(|| format!("cannot make the tensor {name}"))?;
            tensors.insert(parameter.name, tensor.to_device(device));
        }
        let precision = Precision::F32;
        Ok((Self { spec, precision, tensors, fixed_sobel, device, fake_quant: None }, fresh))
    }

    /// The same parameters once more: not copies, but handles of the same tensors.
    #[must_use]
    pub fn share(&self) -> Self {
        let tensors = self.tensors.iter().map(|(name, t)| (name.clone(), t.shallow_clone()));
        let fake_quant = self.fake_quant.as_ref().map(FakeQuant::share);
        Self { tensors: tensors.collect(), fake_quant, ..*self }
    }

    /// The same with other tensors in place of some.
    pub(super) fn replaced(&self, tensors: BTreeMap<String, Tensor>, fake: FakeQuant) -> Self {
        let mut replaced = self.share();
        replaced.tensors.extend(tensors);
        replaced.fake_quant = Some(fake);
        replaced
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// The trunk's numbers.
    #[must_use]
    pub fn hiera(&self) -> Hiera {
        Hiera::for_variant(self.spec.architecture.variant)
    }

    /// Whether the adapters hold the fixed Sobel kernels, as all checkpoints known do.
    pub(super) fn has_fixed_sobel(&self) -> bool {
        self.fixed_sobel
    }

    /// Marks the trained tensors and returns them by name.
    pub fn train(&mut self, what: Trainable) -> Vec<(String, Tensor)> {
        let mut chosen = Vec::new();
        for parameter in self.spec.architecture.parameters() {
            let Some(tensor) = self.tensors.get_mut(&parameter.name) else { continue };
            let fits = what.takes(&parameter);
            *tensor = tensor.set_requires_grad(fits);
            if fits {
                chosen.push((parameter.name, tensor.shallow_clone()));
            }
        }
        chosen
    }

    /// A tensor by name.
    ///
    /// # Panics
    /// If the network has no tensor of that name. That is a mistake in this module, because
    /// [`Params::from_checkpoint`] makes all of them.
    pub fn get(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }

    /// Whether there is a tensor of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Whether the weights are those of the exported layers, for training in 8 bits.
    pub(super) fn is_folded(&self) -> bool {
        self.fake_quant.as_ref().is_some_and(FakeQuant::is_prepared)
    }

    /// Whether heads of `dim` channels attend to that many keys in 8-bit integers.
    pub(super) fn attends_in_integers(&self, keys: i64, dim: i64) -> bool {
        self.fake_quant.as_ref().is_some_and(|fake| fake.attends_in_integers(keys, dim))
    }

    /// The input of a layer as the layer takes it: rounded, in training for 8 bits.
    fn input(&self, name: &str, x: &Tensor) -> Option<Tensor> {
        self.fake_quant.as_ref()?.input(name, x)
    }

    /// All tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Overwrites values in place, so that an optimiser's handles stay good.
    ///
    /// # Errors
    /// An unknown name or another shape.
    pub fn assign(&mut self, name: &str, value: &Tensor) -> Result<()> {
        let tensor = self
            .tensors
            .get_mut(name)
            .with_context(|| format!("the network has no tensor {name}"))?;
        ensure!(
            tensor.size() == value.size(),
            "{name}: expected shape {:?}, found {:?}",
            tensor.size(),
            value.size()
        );
        no_grad(|| tensor.copy_(value));
        Ok(())
    }

    /// `x W^T + b` over the last axis.
    pub(super) fn linear(&self, name: &str, x: &Tensor) -> Tensor {
        let rounded = self.input(name, x);
        let x = rounded.as_ref().unwrap_or(x);
        let (weight, bias) = self.pair(name);
        match self.precision {
            Precision::F32 => x.linear(weight, Some(bias)),
            Precision::Bf16 => {
                half(x).linear(&half(weight), Some(&half(bias))).to_kind(Kind::Float)
            }
        }
    }

    /// Convolution with bias, `[B, C, H, W]`.
    pub(crate) fn conv(&self, name: &str, x: &Tensor, stride: i64, padding: i64) -> Tensor {
        let rounded = self.input(name, x);
        let x = rounded.as_ref().unwrap_or(x);
        let (weight, bias) = self.pair(name);
        let run = |x: &Tensor, w: &Tensor, b: &Tensor| {
            x.conv2d(w, Some(b), [stride, stride], [padding, padding], [1, 1], 1)
        };
        match self.precision {
            Precision::F32 => run(x, weight, bias),
            Precision::Bf16 => run(&half(x), &half(weight), &half(bias)).to_kind(Kind::Float),
        }
    }

    /// Transposed 2x2 convolution of stride 2 with bias over the last axis of `[.., C]`:
    /// `[.., 4 D]`, D channels of each of the four pixels, row by row. As a product it is several
    /// times as fast as libtorch's own, whose gradient of the bias is not vectorised.
    pub(super) fn conv_transpose_cells(&self, name: &str, x: &Tensor) -> Tensor {
        let rounded = self.input(name, x);
        let x = rounded.as_ref().unwrap_or(x);
        let (weight, bias) = self.pair(name);
        let channels = weight.size()[0];
        // `[C, D, 2, 2]` to `[4 D, C]`.
        let weight = weight.permute([2, 3, 1, 0]).reshape([-1, channels]);
        x.linear(&weight, Some(bias.repeat([4])))
    }

    /// LayerNorm over the last axis.
    pub(super) fn norm(&self, name: &str, x: &Tensor, eps: f64) -> Tensor {
        let (weight, bias) = self.pair(name);
        x.layer_norm(weight.size(), Some(weight), Some(bias), eps, false)
    }

    /// LayerNorm over the channels of `[B, C, H, W]`.
    pub(super) fn norm_2d(&self, name: &str, x: &Tensor) -> Tensor {
        self.norm(name, &x.permute([0, 2, 3, 1]), NORM_2D_EPS).permute([0, 3, 1, 2])
    }

    /// Linear layers with `activation` between them.
    pub(super) fn mlp(
        &self,
        name: &str,
        layers: usize,
        x: &Tensor,
        activation: fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let mut y = x.shallow_clone();
        for layer in 0..layers {
            y = self.linear(&format!("{name}.layers.{layer}"), &y);
            if layer + 1 < layers {
                y = activation(&y);
            }
        }
        y
    }

    fn pair(&self, name: &str) -> (&Tensor, &Tensor) {
        (self.get(&format!("{name}.weight")), self.get(&format!("{name}.bias")))
    }
}

/// The same values in bfloat16.
pub(super) fn half(x: &Tensor) -> Tensor {
    x.to_kind(Kind::BFloat16)
}

/// Exact GELU.
pub(super) fn gelu(x: &Tensor) -> Tensor {
    x.gelu("none")
}
