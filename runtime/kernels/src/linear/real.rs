//! Linear layers in f32.

use super::{Epilogue, GROUP, Lanes, Output, by_blocks, check};
use crate::error::same;
use crate::{KernelError, LinearScratch};
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// A layer with its weights packed for this processor.
#[derive(Clone, Debug)]
pub struct LinearF32 {
    inputs: usize,
    outputs: usize,
    lanes: usize,
    /// Panels of two vectors of outputs, the last of one where that is enough: `[K][width]` each.
    weights: Vec<f32>,
    /// As wide as all panels.
    bias: Vec<f32>,
}

impl LinearF32 {
    /// Packs `weight [inputs, outputs]`, row-major.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn new(
        weight: &[f32],
        [inputs, outputs]: [usize; 2],
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        same("weights", inputs.saturating_mul(outputs), weight.len())?;
        same("values of a bias", outputs, bias.len())?;
        let lanes = Lanes.dispatch();
        let padded = outputs.next_multiple_of(lanes);
        let mut weights = Vec::with_capacity(inputs * padded);
        let mut first = 0;
        while first < padded {
            let width = (2 * lanes).min(padded - first);
            for k in 0..inputs {
                for n in first..first + width {
                    weights.push(if n < outputs { weight[k * outputs + n] } else { 0.0 });
                }
            }
            first += width;
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        Ok(Self { inputs, outputs, lanes, weights, bias })
    }

    /// Values of a row of the input and of the output.
    #[must_use]
    pub fn sizes(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// Applies the layer to `x [rows, inputs]`.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn run(
        &self,
        x: &[f32],
        epilogue: &Epilogue<'_>,
        out: Output<'_>,
        scratch: &mut LinearScratch,
    ) -> Result<(), KernelError> {
        let (k, n) = (self.inputs, self.outputs);
        let rows = check(k, n, x.len(), epilogue, &out)?;
        by_blocks([rows, n], epilogue, out, &mut scratch.rows, |first, count, out| {
            Products { layer: self, x: &x[first * k..][..count * k], out }.dispatch();
        });
        Ok(())
    }
}

struct Products<'a> {
    layer: &'a LinearF32,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl SimdOp for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let lanes = isa.f32().len();
        // The weights were packed for the same choice: rten-simd makes it from the processor.
        assert_eq!(lanes, self.layer.lanes);
        let padded = self.layer.bias.len();
        let mut first = 0;
        while first < padded {
            if padded - first >= 2 * lanes {
                panel::<I, 2>(isa, self.layer, self.x, self.out, first);
                first += 2 * lanes;
            } else {
                panel::<I, 1>(isa, self.layer, self.x, self.out, first);
                first += lanes;
            }
        }
    }
}

/// All rows of a block for the outputs from `first`, `V` vectors of them.
#[inline(always)]
fn panel<I: Isa, const V: usize>(
    isa: I,
    layer: &LinearF32,
    x: &[f32],
    out: &mut [f32],
    first: usize,
) {
    let (k, n, lanes) = (layer.inputs, layer.outputs, isa.f32().len());
    let weights = &layer.weights[first * k..][..V * lanes * k];
    let bias = &layer.bias[first..][..V * lanes];
    let rows = out.len() / n;
    let mut row = 0;
    // AVX2 has 16 registers; the others have 32.
    if lanes == 8 {
        while row + 4 <= rows {
            group::<I, V, 4>(isa, weights, bias, &x[row * k..], &mut out[row * n..], [k, n, first]);
            row += 4;
        }
    } else {
        while row + GROUP <= rows {
            let (x, out) = (&x[row * k..], &mut out[row * n..]);
            group::<I, V, GROUP>(isa, weights, bias, x, out, [k, n, first]);
            row += GROUP;
        }
    }
    while row < rows {
        group::<I, V, 1>(isa, weights, bias, &x[row * k..], &mut out[row * n..], [k, n, first]);
        row += 1;
    }
}

#[inline(always)]
fn group<I: Isa, const V: usize, const R: usize>(
    isa: I,
    weights: &[f32],
    bias: &[f32],
    x: &[f32],
    out: &mut [f32],
    [k, n, first]: [usize; 3],
) {
    let ops = isa.f32();
    let lanes = ops.len();
    assert!(x.len() >= R * k && weights.len() >= k * V * lanes && out.len() >= R * n);
    let start: [I::F32; V] = std::array::from_fn(|v| ops.load(&bias[v * lanes..]));
    let mut sums = [start; R];
    for i in 0..k {
        // SAFETY: `i < k`, and `weights` holds `k` rows of `V` vectors (asserted above).
        let weight: [I::F32; V] = std::array::from_fn(|v| unsafe {
            ops.load_ptr(weights.as_ptr().add((i * V + v) * lanes))
        });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `r < R` and `i < k`, and `x` holds `R` rows of `k` (asserted above).
            let value = ops.splat(unsafe { *x.get_unchecked(r * k + i) });
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = ops.mul_add(value, weight, *sum);
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        let row = &mut out[r * n..(r + 1) * n];
        for (v, sum) in sums.into_iter().enumerate() {
            let row = &mut row[(first + v * lanes).min(n)..];
            if row.len() >= lanes {
                ops.store(sum, row);
            } else {
                // SAFETY: the mask has as many lanes as `row` has values.
                unsafe { ops.store_ptr_mask(sum, row.as_mut_ptr(), ops.first_n_mask(row.len())) };
            }
        }
    }
}
