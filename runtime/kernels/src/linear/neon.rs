//! Integer layers on ARM: rows in blocks, with what follows the products in the same pass.

use super::finish::{Added, Bytes, Finish, Function, Identity, LANES, Nothing, Place, Real, Relu};
use super::finish::{Target, Values, WithProduct};
use super::integer::Path;
use super::tile::ROWS;
use super::{Activation, Epilogue, Input, LinearI8, LinearScratch, Output, Repacked};
use super::{Residual, sdot, smull};
use crate::neon::{CoarseCurve, Steps};
use crate::quantize::quantize_all;
use std::arch::aarch64::*;

/// What of a block should stay in the first cache, of which the weights of a panel need a part.
const BLOCK_BYTES: usize = 16 << 10;
/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Rows of int8 values, and their first place in the output.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) x: *const i8,
    /// Bytes from a row to the next.
    pub(super) stride: usize,
    pub(super) count: usize,
    /// The first row in the output.
    pub(super) first: usize,
    /// Values of a row of the output.
    pub(super) n: usize,
}

impl Rows {
    /// The place of a row's output from `column`.
    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        Place { row: self.first + row, column, n: self.n }
    }
}

/// Scale and bias of `V` vectors of outputs.
#[derive(Clone, Copy)]
pub(super) struct Scales<const V: usize> {
    scale: [float32x4_t; V],
    bias: [float32x4_t; V],
}

impl<const V: usize> Scales<V> {
    /// Those of the outputs from `first`.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn load(layer: &LinearI8, first: usize) -> Self {
        let (scale, bias) = (&layer.scale[first..][..V * LANES], &layer.bias[first..][..V * LANES]);
        let mut scales = Self { scale: [vdupq_n_f32(0.0); V], bias: [vdupq_n_f32(0.0); V] };
        for v in 0..V {
            // SAFETY: both hold `V` vectors.
            unsafe {
                scales.scale[v] = vld1q_f32(scale.as_ptr().add(v * LANES));
                scales.bias[v] = vld1q_f32(bias.as_ptr().add(v * LANES));
            }
        }
        scales
    }

    /// Sums as real numbers. Not fused: see the module `integer`.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn apply<const R: usize>(&self, sums: [[int32x4_t; V]; R]) -> [[float32x4_t; V]; R] {
        let mut values = [[vdupq_n_f32(0.0); V]; R];
        for r in 0..R {
            for v in 0..V {
                let scaled = vmulq_f32(vcvtq_f32_s32(sums[r][v]), self.scale[v]);
                values[r][v] = vaddq_f32(scaled, self.bias[v]);
            }
        }
        values
    }
}

impl LinearI8 {
    /// Applies the layer, if there is a form for what follows it; sizes were checked. False, and
    /// nothing done, if not.
    pub(super) fn run_fused(
        &self,
        rows: usize,
        x: Input<'_>,
        epilogue: &Epilogue<'_>,
        out: &mut Output<'_>,
        scratch: &mut LinearScratch,
    ) -> bool {
        let n = self.outputs;
        let vectors = n > 0 && n.is_multiple_of(LANES) && self.inputs > 0;
        if self.path == Path::Portable || !vectors {
            return false;
        }
        match (out, epilogue.activation, epilogue.residual) {
            (Output::Real(out), Activation::Identity, residual) => {
                let (function, target) = (Identity, Real::new(out));
                match residual {
                    Residual::None => {
                        let finish = Finish { added: Nothing, function, target };
                        self.blocks(rows, x, scratch, &finish);
                    }
                    Residual::Values(values) => {
                        let finish = Finish { added: Values(values), function, target };
                        self.blocks(rows, x, scratch, &finish);
                    }
                    Residual::WithProduct { values, rows: factors, columns } => {
                        let added = WithProduct { values, rows: factors, columns };
                        self.blocks(rows, x, scratch, &Finish { added, function, target });
                    }
                }
            }
            (Output::Quantized { scale, values }, activation, Residual::None) => {
                let Some(steps) = Steps::new(*scale) else { return false };
                let (added, target) = (Nothing, Bytes::new(values, steps));
                match activation {
                    Activation::Identity => {
                        let finish = Finish { added, function: Identity, target };
                        self.blocks(rows, x, scratch, &finish);
                    }
                    Activation::Relu => {
                        let finish = Finish { added, function: Relu, target };
                        self.blocks(rows, x, scratch, &finish);
                    }
                    Activation::Gelu => {
                        // SAFETY: NEON is part of aarch64.
                        let function = unsafe { CoarseCurve::new() };
                        self.blocks(rows, x, scratch, &Finish { added, function, target });
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// Rows in blocks: real inputs become bytes that are still in the cache when they are
    /// multiplied, and a panel of weights is read once for a block.
    fn blocks<A: Added, F: Function, T: Target>(
        &self,
        rows: usize,
        x: Input<'_>,
        scratch: &mut LinearScratch,
        finish: &Finish<A, F, T>,
    ) {
        let k = self.inputs;
        // Of a block, a panel reads all inputs, and of each row a line of the output and one of
        // what is added.
        let block = (BLOCK_BYTES / (k + 2 * LINE)).max(ROWS) / ROWS * ROWS;
        for first in (0..rows).step_by(block) {
            let range = first * k..(first + block.min(rows - first)) * k;
            let x = match x {
                Input::Quantized(values) => &values[range],
                Input::Real { scale, values } => {
                    scratch.quantized.resize(range.len(), 0);
                    quantize_all(&values[range], scale, &mut scratch.quantized);
                    &scratch.quantized[..]
                }
            };
            // SAFETY: `check` found that input, output and residual have `rows` rows.
            unsafe { self.multiply(x, first, finish, &mut scratch.repacked.tail) };
        }
    }

    /// Products of a block of rows, without what follows them.
    pub(super) fn products_alone(&self, x: &[i8], out: &mut [f32], buffers: &mut Repacked) {
        let Repacked { tail, wide, .. } = buffers;
        let (n, padded) = (self.outputs.max(1), self.bias.len());
        let (added, function) = (Nothing, Identity);
        if n == padded {
            let target = Real::new(out);
            // SAFETY: `out` has as many rows as `x`.
            unsafe { self.multiply(x, 0, &Finish { added, function, target }, tail) };
            return;
        }
        // Rows of whole vectors, of which only the outputs that exist are kept.
        wide.resize(out.len() / n * padded, 0.0);
        let target = Real::new(wide);
        // SAFETY: `wide` has as many rows as `x`, of whole vectors.
        unsafe { self.multiply(x, 0, &Finish { added, function, target }, tail) };
        for (out, wide) in out.chunks_exact_mut(n).zip(wide.chunks_exact(padded.max(1))) {
            out.copy_from_slice(&wide[..n]);
        }
    }

    /// Products of all rows of `x`, whose first is row `first` of the output.
    ///
    /// # Safety
    /// The output and what is added must have these rows, of as many values as `bias`.
    unsafe fn multiply<A: Added, F: Function, T: Target>(
        &self,
        x: &[i8],
        first: usize,
        finish: &Finish<A, F, T>,
        tail: &mut Vec<i8>,
    ) {
        let (k, n) = (self.inputs, self.bias.len());
        let reach = match self.path {
            Path::Sdot => sdot::reach(k),
            _ => smull::reach(k),
        };
        let count = x.len().checked_div(k).unwrap_or(0);
        // Vectors reach beyond the end of a row, where weights are 0 and the next row lies. For the
        // last rows nothing may lie there: they are copied.
        let last = (reach - k).div_ceil(k.max(1)).min(count);
        let rows = Rows { x: x.as_ptr(), stride: k, count: count - last, first, n };
        tail.clear();
        for row in x[(count - last) * k..].chunks_exact(k.max(1)) {
            tail.extend_from_slice(row);
            tail.resize(tail.len() + reach - k, 0);
        }
        let first = first + rows.count;
        let tail = Rows { x: tail.as_ptr(), stride: reach, count: last, first, n };
        for rows in [rows, tail] {
            // SAFETY: `Path::detect` found the instructions on this processor, and each row of both
            // can be read for `reach` bytes.
            unsafe {
                match self.path {
                    Path::Sdot => sdot::products(self, rows, finish),
                    _ => smull::products(self, rows, finish),
                }
            }
        }
    }
}
