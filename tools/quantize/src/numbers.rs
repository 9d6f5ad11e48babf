//! A layer's 8-bit numbers, and how much they lose on rows that calibration kept.

use crate::calibrate::{STEPS, TensorStats, mean_square_error, scale};
use crate::config::{QuantizeConfig, WeightRange};
use crate::graph::{Int8Layer, Layer, LayerKind};
use crate::weights::quantize_weight;
use serde::Serialize;

/// Rows on which the signal-to-noise ratio is measured.
const SQNR_ROWS: usize = 128;

/// What a report says of one layer's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LayerNumbers {
    /// Smallest activation seen; of an equalised tensor, among the rows that calibration kept.
    pub activation_min: f32,
    /// Largest activation seen, likewise.
    pub activation_max: f32,
    /// Magnitude up to which 8 bits cover the activation.
    pub activation_range: f32,
    /// Signal-to-noise ratio of the activation alone, in dB.
    pub activation_sqnr_db: f64,
    /// Largest weight magnitude.
    pub weight_max: f32,
    /// Smallest and largest scale of an output channel's weights.
    pub weight_scales: [f32; 2],
    /// Signal-to-noise ratio of the layer's output with 8-bit activations and weights, in dB; of
    /// convolutions it is not computed.
    pub output_sqnr_db: Option<f64>,
}

/// Quantizes a layer whose input has the statistics given. With the range that it was `trained` with,
/// its numbers are those of the training: the scale of that range, weights up to their largest
/// magnitude, and its bias unchanged.
pub(crate) fn int8_layer(
    layer: &Layer,
    stats: &TensorStats,
    trained: Option<f32>,
    config: &QuantizeConfig,
) -> (Int8Layer, LayerNumbers) {
    let (input_scale, weight_range, corrects) = match trained {
        Some(range) => (range / STEPS, WeightRange::Max, false),
        None => (scale(stats, config), config.weight_range, config.correct_bias),
    };
    let means = stats.mean_squares();
    // A convolution's inputs are channel by channel, each as often as its kernel has taps.
    let taps = layer.inputs / means.len().max(1);
    let importance: Vec<f64> =
        means.iter().flat_map(|mean| std::iter::repeat_n(*mean, taps.max(1))).collect();
    let weight = quantize_weight(&layer.weight, layer.inputs, &importance, weight_range);
    let mut int8 = Int8Layer { input_scale, weight, bias: layer.bias.clone() };
    let is_product = layer.kind != LayerKind::Convolution && !stats.rows.is_empty();
    if is_product && corrects && layer.bias.is_some() {
        correct_bias(layer, &stats.rows, &mut int8);
    }
    let scales = int8.weight.scales.iter();
    let numbers = LayerNumbers {
        activation_min: stats.min,
        activation_max: stats.max,
        activation_range: input_scale * STEPS,
        activation_sqnr_db: decibel(
            means.iter().sum::<f64>() / means.len().max(1) as f64,
            mean_square_error(stats, input_scale * STEPS),
        ),
        weight_max: layer.weight.iter().fold(0.0, |largest: f32, w| largest.max(w.abs())),
        weight_scales: scales
            .fold([f32::INFINITY, 0.0], |[low, high], &scale| [low.min(scale), high.max(scale)]),
        output_sqnr_db: is_product.then(|| output_sqnr(layer, &stats.rows, &int8)),
    };
    (int8, numbers)
}

fn decibel(signal: f64, noise: f64) -> f64 {
    // A noiseless layer, e.g. of zeros: as good as single precision.
    10.0 * (signal / noise.max(signal * 1e-14).max(f64::MIN_POSITIVE)).log10()
}

/// The value that 8 bits make of an activation.
fn dequantized(value: f32, scale: f32) -> f32 {
    (value / scale).round_ties_even().clamp(-128.0, 127.0) * scale
}

/// Takes the mean error of each output out of its bias. The mean of a product is the product of the
/// mean, so that one row says it all.
fn correct_bias(layer: &Layer, rows: &[f32], int8: &mut Int8Layer) {
    let inputs = layer.inputs;
    let (mut before, mut after) = (vec![0.0_f64; inputs], vec![0.0_f64; inputs]);
    for row in rows.chunks_exact(inputs) {
        for (channel, &value) in row.iter().enumerate() {
            before[channel] += f64::from(value);
            after[channel] += f64::from(dequantized(value, int8.input_scale));
        }
    }
    let count = (rows.len() / inputs).max(1) as f64;
    let Some(bias) = &mut int8.bias else { return };
    let quantized = int8.weight.values.chunks_exact(inputs).zip(&int8.weight.scales);
    let rows = layer.weight.chunks_exact(inputs).zip(quantized);
    for (bias, (float, (steps, &scale))) in bias.iter_mut().zip(rows) {
        let terms = float.iter().zip(steps).zip(before.iter().zip(&after));
        let error: f64 = terms
            .map(|((&w, &q), (x, xq))| f64::from(q) * f64::from(scale) * xq - f64::from(w) * x)
            .sum();
        *bias -= (error / count) as f32;
    }
}

fn output_sqnr(layer: &Layer, rows: &[f32], int8: &Int8Layer) -> f64 {
    let inputs = layer.inputs;
    let total = (rows.len() / inputs).max(1);
    let taken = SQNR_ROWS.min(total);
    let none = vec![0.0; layer.outputs];
    let float_bias = layer.bias.as_ref().unwrap_or(&none);
    let int8_bias = int8.bias.as_ref().unwrap_or(&none);
    let (mut signal, mut noise) = (0.0, 0.0);
    for row in (0..taken).filter_map(|i| rows.chunks_exact(inputs).nth(i * total / taken)) {
        let quantized: Vec<f32> =
            row.iter().map(|&value| dequantized(value, int8.input_scale)).collect();
        let weights = layer.weight.chunks_exact(inputs);
        let steps = int8.weight.values.chunks_exact(inputs).zip(&int8.weight.scales);
        for ((float, (steps, &scale)), (fb, ib)) in
            weights.zip(steps).zip(float_bias.iter().zip(int8_bias))
        {
            let product: f32 = float.iter().zip(row).map(|(w, x)| w * x).sum();
            let sums: f32 = steps.iter().zip(&quantized).map(|(&w, x)| f32::from(w) * x).sum();
            signal += f64::from(product + fb).powi(2);
            noise += f64::from(sums * scale + ib - product - fb).powi(2);
        }
    }
    decibel(signal, noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::ChannelAxis;
    use crate::graph::NetworkKind;
    use uniultra_engine::ProbeTensor;

    fn layer(inputs: usize, outputs: usize) -> Layer {
        let value = |i: usize| ((i * 37 + 11) % 23) as f32 / 11.0 - 1.0;
        Layer {
            network: NetworkKind::ImageEncoder,
            name: "layer".to_string(),
            kind: LayerKind::Linear,
            inputs,
            outputs,
            weight: (0..inputs * outputs).map(value).collect(),
            bias: Some(vec![0.25; outputs]),
            input: "x".to_string(),
            node: 0,
            add: Some(1),
            weight_shape: vec![inputs, outputs],
        }
    }

    /// Rows with a mean that rounding shifts.
    fn stats(inputs: usize) -> TensorStats {
        let value = |i: usize| ((i * 29 + 3) % 31) as f32 / 7.0 - 0.3;
        let values = (0..64 * inputs).map(value).collect();
        let mut stats = TensorStats::new(ChannelAxis::Last, 1);
        stats.add("x", &ProbeTensor { shape: vec![64, inputs], values }).unwrap();
        stats
    }

    #[test]
    fn a_corrected_bias_leaves_no_mean_error() {
        let (layer, stats) = (layer(12, 5), stats(12));
        let config = QuantizeConfig::default();
        let (int8, numbers) = int8_layer(&layer, &stats, None, &config);
        let mean_error = |int8: &Int8Layer, output: usize| -> f64 {
            let row = |k: usize| output * 12 + k;
            let rows = stats.rows.chunks_exact(12).map(|x| {
                let float: f32 = (0..12).map(|k| layer.weight[row(k)] * x[k]).sum();
                let steps: f32 = (0..12)
                    .map(|k| {
                        f32::from(int8.weight.values[row(k)]) * dequantized(x[k], int8.input_scale)
                    })
                    .sum();
                let bias = int8.bias.as_ref().unwrap()[output];
                f64::from(steps * int8.weight.scales[output] + bias - float - 0.25)
            });
            rows.sum::<f64>() / 16.0
        };
        let plain = QuantizeConfig { correct_bias: false, ..config };
        let (uncorrected, _) = int8_layer(&layer, &stats, None, &plain);
        let worst = |int8| (0..5).map(|n| mean_error(int8, n).abs()).fold(0.0, f64::max);
        // The rows kept are those the mean is taken of: single-precision rounding remains.
        assert!(worst(&int8) < 1e-5, "{}", worst(&int8));
        assert!(worst(&uncorrected) > 1e-4, "{}", worst(&uncorrected));
        assert!(numbers.output_sqnr_db.is_some_and(|db| (25.0..60.0).contains(&db)), "{numbers:?}");
    }
}
