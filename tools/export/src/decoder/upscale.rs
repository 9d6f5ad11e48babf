//! Mask logits from image tokens: two 2x upscalings and the product with the mask kernels.

use super::MASKS;
use super::prompt::{EPSILON_2D, layer_norm_2d};
use crate::linear::Linear;
use crate::onnx::{Attribute, Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, NECK_DIM};

/// Channels after the first and the second upscaling.
const UPSCALED: [usize; 2] = [64, 32];

/// A transposed 2x2 stride-2 convolution, `weight [in, out, 2, 2]`.
struct Deconvolution<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    inputs: usize,
}

impl<'a> Deconvolution<'a> {
    fn read(
        weights: &Weights<'a>,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, CheckpointError> {
        let module = weights.module(name);
        let weight = module.tensor("weight", &[inputs, outputs, 2, 2])?;
        Ok(Self { weight, bias: module.tensor("bias", &[outputs])?, inputs })
    }

    fn literal(&self, g: &mut Graph, name: &str, planes: &Value) -> Value {
        g.scoped(name, |g| {
            let weight = g.weight("weight", &[self.inputs, self.bias.len(), 2, 2], self.weight);
            let bias = g.weight("bias", &[self.bias.len()], self.bias);
            let two = [2, 2];
            let attributes =
                [Attribute::Ints("kernel_shape", &two), Attribute::Ints("strides", &two)];
            g.node("ConvTranspose", &[planes, &weight, &bias], &attributes)
        })
    }

    /// The same as a product: input channels to the 2x2 block's pixels, `[pixel, channel]`.
    fn as_linear(&self) -> Linear {
        let outputs = self.bias.len();
        let rows = (0..4).flat_map(|pixel| (0..outputs).map(move |out| (pixel, out)));
        let weight: Vec<f32> = rows
            .flat_map(|(pixel, out)| {
                (0..self.inputs).map(move |input| (input * outputs + out) * 4 + pixel)
            })
            .map(|index| self.weight[index])
            .collect();
        Linear::new(&weight, &self.bias.repeat(4))
    }
}

struct Layers<'a> {
    first: Deconvolution<'a>,
    norm: (&'a [f32], &'a [f32]),
    second: Deconvolution<'a>,
}

impl<'a> Layers<'a> {
    fn read(decoder: &Weights<'a>) -> Result<Self, CheckpointError> {
        let weights = decoder.module("output_upscaling");
        let [a, b] = UPSCALED;
        Ok(Self {
            first: Deconvolution::read(&weights, "0", NECK_DIM, a)?,
            norm: weights.norm("1", a)?,
            second: Deconvolution::read(&weights, "3", a, b)?,
        })
    }
}

/// The literal definition, on planes: `keys [side * side, 256]`, `kernels [4, 32]` to
/// `[1, 4, 4 side, 4 side]`.
pub(super) fn literal(
    g: &mut Graph,
    decoder: &Weights<'_>,
    keys: &Value,
    kernels: &Value,
    side: usize,
) -> Result<Value, CheckpointError> {
    let layers = Layers::read(decoder)?;
    let (n, width) = (side as i64, NECK_DIM as i64);
    Ok(g.scoped("output_upscaling", |g| {
        let planes = g.transpose(keys, &[1, 0]);
        let planes = g.reshape(&planes, &[1, width, n, n]);
        let planes = layers.first.literal(g, "0", &planes);
        let planes = g.add(&planes, &Value::named("high_res_feats_1"));
        let planes = layer_norm_2d(g, &planes, layers.norm);
        let planes = g.gelu(&planes);
        let planes = layers.second.literal(g, "3", &planes);
        let planes = g.add(&planes, &Value::named("high_res_feats_0"));
        let planes = g.gelu(&planes);
        let flat = g.reshape(&planes, &[UPSCALED[1] as i64, -1]);
        let masks = g.matmul(kernels, &flat);
        g.reshape(&masks, &[1, MASKS as i64, 4 * n, 4 * n])
    }))
}

/// The same on blocks. Every step between the upscalings acts on pixels alone, so the pixels may
/// stay in the order in which the products make them: cell, quarter, pixel of the quarter. Only
/// the four logits are put in place at the end, not 64 and 32 channels.
pub(super) fn by_blocks(
    g: &mut Graph,
    decoder: &Weights<'_>,
    keys: &Value,
    kernels: &Value,
    side: usize,
) -> Result<Value, CheckpointError> {
    let layers = Layers::read(decoder)?;
    let n = side as i64;
    let [a, b] = UPSCALED.map(|v| v as i64);
    Ok(g.scoped("output_upscaling", |g| {
        let features = g.reshape(&Value::named("high_res_feats_1"), &[a, n, 2, n, 2]);
        let features = g.transpose(&features, &[1, 3, 2, 4, 0]);
        let features = g.reshape(&features, &[n * n, 4 * a]);
        let quarters = g.linear("0", keys, &layers.first.as_linear());
        let quarters = g.add(&quarters, &features);
        let quarters = g.reshape(&quarters, &[n * n * 4, a]);
        let (gain, shift) = layers.norm;
        let quarters = g.scoped("1", |g| g.layer_norm(&quarters, gain, shift, EPSILON_2D));
        let quarters = g.gelu(&quarters);

        let features = g.reshape(&Value::named("high_res_feats_0"), &[b, n, 2, 2, n, 2, 2]);
        let features = g.transpose(&features, &[1, 4, 2, 5, 3, 6, 0]);
        let features = g.reshape(&features, &[n * n * 4, 4 * b]);
        let pixels = g.linear("3", &quarters, &layers.second.as_linear());
        let pixels = g.add(&pixels, &features);
        let pixels = g.gelu(&pixels);
        let pixels = g.reshape(&pixels, &[n * n * 16, b]);

        let columns = g.transpose(&pixels, &[1, 0]);
        let logits = g.matmul(kernels, &columns);
        let masks = MASKS as i64;
        let split = g.reshape(&logits, &[masks, n, n, 2, 2, 2, 2]);
        let placed = g.transpose(&split, &[0, 1, 3, 5, 2, 4, 6]);
        g.reshape(&placed, &[1, masks, 4 * n, 4 * n])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deconvolution_rows_are_pixel_then_channel() {
        // Two inputs, one output: weight [in, 1, 2, 2] numbered 0..8.
        let weight: Vec<f32> = (0..8_u8).map(f32::from).collect();
        let layer = Deconvolution { weight: &weight, bias: &[0.5], inputs: 2 }.as_linear();
        assert_eq!(layer.weight(), [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        assert_eq!(layer.bias(), [0.5; 4]);
    }
}
