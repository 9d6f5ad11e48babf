//! Linear layers in f32.

use super::tile::{ROWS, RowPlace, lanes, rows_at_once, tile};
use super::{Epilogue, Output, by_blocks, check};
use crate::error::expect_size;
use crate::{KernelError, LinearScratch};
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// A layer with its weights packed for this processor.
#[derive(Clone, Debug)]
pub struct LinearF32 {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    lanes: usize,
    /// Panels of two vectors of outputs, `[K][width]` each; the last has one vector if that is
    /// enough. A tile reads its panel from front to back, where rows of `[K, N]` would be `N`
    /// values apart.
    pub(super) weights: Vec<f32>,
    /// Padded to the width of all panels.
    pub(super) bias: Vec<f32>,
    #[cfg(target_arch = "aarch64")]
    pub(super) halves: Option<super::half::Halves>,
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
        expect_size("weights", inputs.saturating_mul(outputs), weight.len())?;
        expect_size("values of a bias", outputs, bias.len())?;
        let lanes = lanes();
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
        Ok(Self {
            inputs,
            outputs,
            lanes,
            weights,
            bias,
            #[cfg(target_arch = "aarch64")]
            halves: None,
        })
    }

    /// The same layer with inputs and weights rounded to f16 on ARM processors that calculate in it (FEAT_FP16), if it
    /// has a multiple of four outputs; elsewhere no change. `weight` is that of [`new`](Self::new).
    #[must_use]
    pub fn in_halves(
        self,
        #[cfg_attr(not(target_arch = "aarch64"), expect(unused_variables))] weight: &[f32],
    ) -> Self {
        Self {
            #[cfg(target_arch = "aarch64")]
            halves: super::half::Halves::new(weight, [self.inputs, self.outputs]),
            ..self
        }
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
        #[cfg_attr(not(target_arch = "aarch64"), expect(unused_mut))] mut out: Output<'_>,
        scratch: &mut LinearScratch,
    ) -> Result<(), KernelError> {
        let (k, n) = (self.inputs, self.outputs);
        let rows = check(k, n, x.len(), epilogue, &out)?;
        #[cfg(target_arch = "aarch64")]
        if self.run_fused(rows, x, epilogue, &mut out, &mut scratch.halves) {
            return Ok(());
        }
        by_blocks([rows, n], epilogue, out, &mut scratch.rows, |first, count, out| {
            let x = &x[first * k..][..count * k];
            #[cfg(target_arch = "aarch64")]
            if self.products_in_halves(x, out, &mut scratch.halves) {
                return;
            }
            self.products(x, RowPlace::dense(k), out);
        });
        Ok(())
    }

    /// Products and bias, without what follows. `place` says where the rows of `x` lie; `out` says
    /// how many there are.
    pub(crate) fn products(&self, x: &[f32], place: RowPlace, out: &mut [f32]) {
        Products { layer: self, x, place, out }.dispatch();
    }
}

struct Products<'a> {
    layer: &'a LinearF32,
    x: &'a [f32],
    place: RowPlace,
    out: &'a mut [f32],
}

impl SimdOp for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let lanes = isa.f32().len();
        // rten-simd picks the instructions by the processor, so packing and this run saw the same
        // vectors.
        assert_eq!([lanes, self.place.inputs()], [self.layer.lanes, self.layer.inputs]);
        // Panels outside, rows inside: a panel stays in the cache while all rows of the block pass
        // by.
        let padded = self.layer.bias.len();
        let mut first = 0;
        while first < padded {
            if padded - first >= 2 * lanes {
                self.panel::<I, 2>(isa, first);
                first += 2 * lanes;
            } else {
                self.panel::<I, 1>(isa, first);
                first += lanes;
            }
        }
    }
}

impl Products<'_> {
    /// Computes `V` vectors of outputs from `first`, for all rows.
    #[inline(always)]
    fn panel<I: Isa, const V: usize>(&mut self, isa: I, first: usize) {
        let n = self.layer.outputs;
        let rows = self.out.len() / n;
        let mut row = 0;
        if rows_at_once(isa.f32().len()) == ROWS {
            while row + ROWS <= rows {
                self.rows::<I, V, ROWS>(isa, row, first);
                row += ROWS;
            }
        } else {
            while row + 4 <= rows {
                self.rows::<I, V, 4>(isa, row, first);
                row += 4;
            }
        }
        // The last rows one by one. Their sums have the same order, so also the same bits.
        while row < rows {
            self.rows::<I, V, 1>(isa, row, first);
            row += 1;
        }
    }

    #[inline(always)]
    fn rows<I: Isa, const V: usize, const R: usize>(&mut self, isa: I, row: usize, first: usize) {
        let (k, n, ops) = (self.layer.inputs, self.layer.outputs, isa.f32());
        let panel = &self.layer.weights[first * k..][..V * ops.len() * k];
        let bias = &self.layer.bias[first..][..V * ops.len()];
        let start = |_, v: usize| ops.load(&bias[v * ops.len()..]);
        let (x, out) = (&self.x[row * self.place.row..], &mut self.out[row * n..]);
        tile::<I, V, R>(isa, panel, start, x, self.place, out, [n, first]);
    }
}
