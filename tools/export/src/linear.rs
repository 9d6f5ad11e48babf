//! A linear layer's weights, and the exact rewrites that fold one operation into the next.
//!
//! Sums are formed in f64 and rounded once, so a fold costs less accuracy than it saves rounding.

/// `y = W x + b`, `W` stored row-major as `[out, in]`, the checkpoints' order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// `weight` is `[out, in]` with `out = bias.len()`.
    pub(crate) fn new(weight: &[f32], bias: &[f32]) -> Self {
        debug_assert!(!bias.is_empty() && weight.len().is_multiple_of(bias.len()));
        Self { weight: weight.to_vec(), bias: bias.to_vec() }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    pub(crate) fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    pub(crate) fn weight(&self) -> &[f32] {
        &self.weight
    }

    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// `W` as `[in, out]`, ONNX `MatMul`'s order.
    pub(crate) fn transposed(&self) -> Vec<f32> {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        (0..inputs * outputs).map(|i| self.weight[i % outputs * inputs + i / outputs]).collect()
    }

    /// The layer that takes what came before a LayerNorm's affine part: `W (g * x + s) + b`.
    pub(crate) fn after_affine(&self, gain: &[f32], shift: &[f32]) -> Self {
        let rows = self.weight.chunks_exact(self.inputs());
        let bias = rows.zip(&self.bias).map(|(row, &b)| {
            let extra: f64 =
                row.iter().zip(shift).map(|(&w, &s)| f64::from(w) * f64::from(s)).sum();
            (f64::from(b) + extra) as f32
        });
        let weight = self.weight.iter().zip(gain.iter().cycle()).map(|(w, g)| w * g);
        Self { bias: bias.collect(), weight: weight.collect() }
    }

    /// The first `rows` outputs multiplied by `factor`, the others kept.
    pub(crate) fn scale_first(&self, rows: usize, factor: f32) -> Self {
        let mut scaled = self.clone();
        let inputs = self.inputs();
        scaled.weight[..rows * inputs].iter_mut().for_each(|w| *w *= factor);
        scaled.bias[..rows].iter_mut().for_each(|b| *b *= factor);
        scaled
    }

    /// Every output multiplied by `factor`.
    pub(crate) fn scale(&self, factor: f32) -> Self {
        self.scale_first(self.outputs(), factor)
    }

    /// `shift` added to the outputs.
    pub(crate) fn shift(&self, shift: &[f32]) -> Self {
        let bias = self.bias.iter().zip(shift).map(|(b, s)| b + s).collect();
        Self { weight: self.weight.clone(), bias }
    }

    /// Both layers on the same input, outputs one after the other.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        Self {
            weight: [self.weight.as_slice(), &other.weight].concat(),
            bias: [self.bias.as_slice(), &other.bias].concat(),
        }
    }

    /// The sum of both layers, on inputs one after the other.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let rows = self.weight.chunks_exact(self.inputs());
        let pairs = rows.zip(other.weight.chunks_exact(other.inputs()));
        let weight = pairs.flat_map(|(a, b)| [a, b].concat()).collect();
        Self { weight, bias: self.shift(&other.bias).bias }
    }

    /// `self` after `first`: one layer for `W2 (W1 x + b1) + b2`.
    pub(crate) fn compose(&self, first: &Self) -> Self {
        let inputs = first.inputs();
        let mut weight = Vec::with_capacity(self.outputs() * inputs);
        let mut bias = Vec::with_capacity(self.outputs());
        for (row, &b) in self.weight.chunks_exact(self.inputs()).zip(&self.bias) {
            let mut sums = vec![0.0_f64; inputs];
            let mut shift = f64::from(b);
            for ((&w, first_row), &first_bias) in
                row.iter().zip(first.weight.chunks_exact(inputs)).zip(&first.bias)
            {
                let w = f64::from(w);
                shift += w * f64::from(first_bias);
                sums.iter_mut().zip(first_row).for_each(|(sum, &v)| *sum += w * f64::from(v));
            }
            weight.extend(sums.iter().map(|&v| v as f32));
            bias.push(shift as f32);
        }
        Self { weight, bias }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(layer: &Linear, x: &[f32]) -> Vec<f32> {
        let rows = layer.weight.chunks_exact(layer.inputs());
        rows.zip(&layer.bias)
            .map(|(row, b)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + b)
            .collect()
    }

    fn layer(outputs: usize, inputs: usize, seed: u32) -> Linear {
        let value = |i: usize| ((i as u32 * 37 + seed * 11) % 17) as f32 / 8.0 - 1.0;
        let weight: Vec<f32> = (0..outputs * inputs).map(value).collect();
        let bias: Vec<f32> = (0..outputs).map(|i| value(i + 5)).collect();
        Linear::new(&weight, &bias)
    }

    /// Values are small multiples of 1/8, so that f32 sums are exact and folds must be equal.
    const X: [f32; 3] = [0.5, -1.25, 2.0];

    #[test]
    fn transposed_swaps_rows_and_columns() {
        let layer = Linear::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.0, 0.0]);
        assert_eq!(layer.transposed(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn affine_part_folds_into_the_next_layer() {
        let (gain, shift) = ([2.0, 0.5, -1.0], [0.25, -0.5, 1.0]);
        let affine: Vec<f32> = X.iter().zip(gain).zip(shift).map(|((x, g), s)| x * g + s).collect();
        let second = layer(4, 3, 1);
        assert_eq!(apply(&second.after_affine(&gain, &shift), &X), apply(&second, &affine));
    }

    #[test]
    fn composition_equals_one_after_the_other() {
        let (first, second) = (layer(5, 3, 1), layer(2, 5, 2));
        assert_eq!(apply(&second.compose(&first), &X), apply(&second, &apply(&first, &X)));
    }

    #[test]
    fn parallel_layers_join_on_outputs_and_on_inputs() {
        let (a, b) = (layer(2, 3, 1), layer(4, 3, 2));
        assert_eq!(apply(&a.beside(&b), &X), [apply(&a, &X), apply(&b, &X)].concat());

        let (c, d) = (layer(2, 3, 3), layer(2, 1, 4));
        let sum: Vec<f32> =
            apply(&c, &X).iter().zip(apply(&d, &[0.5])).map(|(c, d)| c + d).collect();
        assert_eq!(apply(&c.plus(&d), &[X.as_slice(), &[0.5]].concat()), sum);
    }

    #[test]
    fn scaling_some_outputs_leaves_the_others() {
        let plain = apply(&layer(3, 3, 1), &X);
        let scaled = apply(&layer(3, 3, 1).scale_first(2, 0.5), &X);
        assert_eq!(scaled, [plain[0] * 0.5, plain[1] * 0.5, plain[2]]);
    }
}
