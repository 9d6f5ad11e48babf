//! Layers as their definitions state them: linear, normalisation, convolutions, activations.

use super::maps::Planes;
use super::matrix::Strips;
use super::weights::Weights;

/// Rows converted to `f64` at a time, which bounds the scratch memory.
const ROWS_AT_ONCE: usize = 64;

/// `y = x W^T + b` for each row of `x` [n, in]; weight [out, in] or a 1x1 convolution's [out, in,
/// 1, 1].
pub(super) fn linear(weights: &dyn Weights, name: &str, x: &[f32]) -> Vec<f32> {
    let (shape, weight) = weights.get(&format!("{name}.weight"));
    assert!(shape.len() == 2 || shape[2..] == [1, 1], "`{name}` is not linear: {shape:?}");
    let (outputs, inputs) = (shape[0], shape[1]);
    let bias = weights.of_shape(&format!("{name}.bias"), &[outputs]);
    assert_eq!(x.len() % inputs, 0, "`{name}` takes {inputs} values a row");

    let transposed = Strips::from_fn(inputs, outputs, |i, o| weight[o * inputs + i]);
    let mut y = Vec::with_capacity(x.len() / inputs * outputs);
    for rows in x.chunks(ROWS_AT_ONCE * inputs) {
        let rows: Vec<f64> = rows.iter().copied().map(f64::from).collect();
        for row in transposed.left_product(&rows).chunks_exact(outputs) {
            y.extend(row.iter().zip(bias).map(|(sum, &b)| (sum + f64::from(b)) as f32));
        }
    }
    y
}

/// Linear layers `{name}.layers.0..n` with ReLU between them and none after the last.
pub(super) fn relu_mlp(weights: &dyn Weights, name: &str, layers: usize, x: &[f32]) -> Vec<f32> {
    let mut y = linear(weights, &format!("{name}.layers.0"), x);
    for layer in 1..layers {
        y.iter_mut().for_each(|v| *v = v.max(0.0));
        y = linear(weights, &format!("{name}.layers.{layer}"), &y);
    }
    y
}

/// Each row of `x` [n, C] to zero mean and unit (population) variance, then scaled and shifted.
pub(super) fn layer_norm(weights: &dyn Weights, name: &str, x: &[f32], eps: f64) -> Vec<f32> {
    let (shape, scale) = weights.get(&format!("{name}.weight"));
    let c = shape[0];
    let shift = weights.of_shape(&format!("{name}.bias"), &[c]);
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(c) {
        let mean = row.iter().copied().map(f64::from).sum::<f64>() / c as f64;
        let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / c as f64;
        let inverse = 1.0 / (variance + eps).sqrt();
        y.extend(row.iter().zip(scale).zip(shift).map(|((&v, &a), &b)| {
            ((f64::from(v) - mean) * inverse * f64::from(a) + f64::from(b)) as f32
        }));
    }
    y
}

/// LayerNorm over the channels of each pixel, eps 1e-6.
pub(super) fn layer_norm_2d(weights: &dyn Weights, name: &str, x: &Planes) -> Planes {
    let mut tokens = x.to_tokens();
    tokens.data = layer_norm(weights, name, &tokens.data, 1e-6);
    tokens.to_planes()
}

/// The exact GELU, `x (1 + erf(x / sqrt 2)) / 2`, in place.
pub(super) fn gelu(x: &mut [f32]) {
    for v in x {
        let wide = f64::from(*v);
        *v = (0.5 * wide * (1.0 + libm::erf(wide * std::f64::consts::FRAC_1_SQRT_2))) as f32;
    }
}

/// Convolution of `x` with `weight` [out, C, k, k], zero padding on all sides.
pub(super) fn conv2d(
    x: &Planes,
    shape: &[usize],
    weight: &[f32],
    bias: Option<&[f32]>,
    stride: usize,
    padding: usize,
) -> Planes {
    let &[outputs, inputs, k, _] = shape else { panic!("a 2-D convolution, not {shape:?}") };
    assert_eq!(inputs, x.c, "input channels of a convolution");
    let h = (x.h + 2 * padding - k) / stride + 1;
    let w = (x.w + 2 * padding - k) / stride + 1;
    let mut y = Planes::zeros(outputs, h, w);
    let mut patch = vec![0.0; inputs * k * k];
    for row in 0..h {
        for column in 0..w {
            let mut value = patch.iter_mut();
            for c in 0..inputs {
                for dy in 0..k {
                    for dx in 0..k {
                        let at = (row * stride + dy, column * stride + dx);
                        let inside = (padding..x.h + padding).contains(&at.0)
                            && (padding..x.w + padding).contains(&at.1);
                        if let Some(value) = value.next() {
                            *value =
                                if inside { x.at(c, at.0 - padding, at.1 - padding) } else { 0.0 };
                        }
                    }
                }
            }
            for (o, kernel) in weight.chunks_exact(patch.len()).enumerate() {
                let sum: f64 =
                    kernel.iter().zip(&patch).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                *y.at_mut(o, row, column) = (sum + bias.map_or(0.0, |b| f64::from(b[o]))) as f32;
            }
        }
    }
    y
}

/// A convolution whose weight and bias are stored under `name`.
pub(super) fn named_conv2d(
    weights: &dyn Weights,
    name: &str,
    x: &Planes,
    stride: usize,
    padding: usize,
) -> Planes {
    let (shape, weight) = weights.get(&format!("{name}.weight"));
    let bias = weights.of_shape(&format!("{name}.bias"), &shape[..1]);
    conv2d(x, shape, weight, Some(bias), stride, padding)
}

/// Transposed 2x2 convolution with stride 2, weight [in, out, 2, 2]: each pixel becomes a square of
/// four.
pub(super) fn conv_transpose_2x2(weights: &dyn Weights, name: &str, x: &Planes) -> Planes {
    let (shape, weight) = weights.get(&format!("{name}.weight"));
    let &[inputs, outputs, 2, 2] = shape else { panic!("`{name}` is not [in, out, 2, 2]") };
    assert_eq!(inputs, x.c, "input channels of `{name}`");
    let bias = weights.of_shape(&format!("{name}.bias"), &[outputs]);
    let mut y = Planes::zeros(outputs, 2 * x.h, 2 * x.w);
    let tokens = x.to_tokens();
    let mut square = vec![0.0_f64; outputs * 4];
    for row in 0..x.h {
        for column in 0..x.w {
            for (o, values) in square.chunks_exact_mut(4).enumerate() {
                values.fill(f64::from(bias[o]));
            }
            for (&v, kernels) in
                tokens.token(row, column).iter().zip(weight.chunks_exact(outputs * 4))
            {
                for (sum, &k) in square.iter_mut().zip(kernels) {
                    *sum += f64::from(v) * f64::from(k);
                }
            }
            for (o, values) in square.chunks_exact(4).enumerate() {
                for (i, &value) in values.iter().enumerate() {
                    *y.at_mut(o, 2 * row + i / 2, 2 * column + i % 2) = value as f32;
                }
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::super::weights::Tensors;
    use super::*;

    fn tensors(list: &[(&str, &[usize], &[f32])]) -> Tensors {
        list.iter()
            .map(|(name, shape, values)| (name.to_string(), (shape.to_vec(), values.to_vec())))
            .collect()
    }

    #[test]
    fn linear_multiplies_by_the_transposed_weight() {
        let weights = tensors(&[
            ("fc.weight", &[2, 3], &[1.0, 2.0, 3.0, 0.0, -1.0, 0.5]),
            ("fc.bias", &[2], &[10.0, 20.0]),
        ]);
        let y = linear(&weights, "fc", &[1.0, 1.0, 1.0, 2.0, 0.0, -2.0]);
        assert_eq!(y, [16.0, 19.5, 6.0, 19.0]);
    }

    #[test]
    fn layer_norm_uses_the_population_variance() {
        let weights = tensors(&[("n.weight", &[2], &[2.0, 2.0]), ("n.bias", &[2], &[0.5, 0.5])]);
        // Mean 3, variance 1: -1 and 1 before scale and shift.
        assert_eq!(layer_norm(&weights, "n", &[2.0, 4.0], 0.0), [-1.5, 2.5]);
    }

    #[test]
    fn gelu_is_the_exact_form() {
        let mut x = [0.0, 1.0, -1.0];
        gelu(&mut x);
        // Phi(1) = 0.841_344_746; the tanh form would give 0.841_192.
        assert_eq!(x[0], 0.0);
        assert!((x[1] - 0.841_344_8).abs() < 1e-7 && (x[2] + 0.158_655_25).abs() < 1e-7);
    }

    #[test]
    fn convolution_pads_with_zeros_and_does_not_flip_its_kernel() {
        let x = Planes::new(1, 2, 2, vec![1.0, 2.0, 3.0, 4.0]);
        // The kernel picks the right-hand neighbour.
        let kernel = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let y = conv2d(&x, &[1, 1, 3, 3], &kernel, Some(&[0.5]), 1, 1);
        assert_eq!(y.data, [2.5, 0.5, 4.5, 0.5]);
        let strided = conv2d(&x, &[1, 1, 3, 3], &[1.0; 9], None, 2, 1);
        assert_eq!((strided.h, strided.w, strided.data), (1, 1, vec![10.0]));
    }

    #[test]
    fn transposed_convolution_spreads_each_pixel_over_a_square() {
        let weights = tensors(&[
            ("up.weight", &[1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]),
            ("up.bias", &[1], &[0.25]),
        ]);
        let y = conv_transpose_2x2(&weights, "up", &Planes::new(1, 1, 2, vec![1.0, 10.0]));
        assert_eq!(y.data, [1.25, 2.25, 10.25, 20.25, 3.25, 4.25, 30.25, 40.25]);
    }
}
