//! f32 layers on ARM with what follows the products in the same pass. The products are those of
//! [`tile`](super::tile), or in f16.

use super::finish::{Added, Finish, Function, Identity, LANES, Nothing, Place, Real};
use super::finish::{Values, WithProduct};
use super::tile::{ROWS, RowPlace, sums};
use super::{Activation, Epilogue, LinearF32, Output, Residual};
use crate::neon::Curve;
use rten_simd::isa::ArmNeonIsa;
use rten_simd::ops::NumOps;

/// What of a block should stay in the first cache, of which the weights of a panel need a part.
const BLOCK_BYTES: usize = 24 << 10;
/// Bytes of a line of the cache.
const LINE: usize = 64;

impl LinearF32 {
    /// Applies the layer, if there is a form for what follows it; sizes were checked. False, and
    /// nothing done, if not.
    pub(super) fn run_fused(
        &self,
        rows: usize,
        x: &[f32],
        epilogue: &Epilogue<'_>,
        out: &mut Output<'_>,
        scratch: &mut Vec<u16>,
    ) -> bool {
        let (k, n) = (self.inputs, self.outputs);
        let Output::Real(out) = out else { return false };
        let Some(isa) = ArmNeonIsa::new() else { return false };
        if n == 0 || !n.is_multiple_of(LANES) || k == 0 {
            return false;
        }
        let target = Real::new(out);
        let mut run = Run { layer: self, isa, x, rows, scratch };
        // SAFETY: NEON is part of aarch64. Output and residual have `rows` rows of `n` values.
        unsafe {
            match (epilogue.activation, epilogue.residual) {
                (Activation::Identity, Residual::None) => {
                    run.blocks(&Finish { added: Nothing, function: Identity, target });
                }
                (Activation::Identity, Residual::Values(values)) => {
                    run.blocks(&Finish { added: Values(values), function: Identity, target });
                }
                (Activation::Identity, Residual::WithProduct { values, rows, columns }) => {
                    let added = WithProduct { values, rows, columns };
                    run.blocks(&Finish { added, function: Identity, target });
                }
                (Activation::Gelu, Residual::None) => {
                    run.blocks(&Finish { added: Nothing, function: Curve::new(), target });
                }
                (Activation::Gelu, Residual::Values(values)) => {
                    run.blocks(&Finish { added: Values(values), function: Curve::new(), target });
                }
                _ => return false,
            }
        }
        true
    }

    /// Products and bias in f16, if the layer has its weights so.
    pub(super) fn products_in_halves(
        &self,
        x: &[f32],
        out: &mut [f32],
        scratch: &mut Vec<u16>,
    ) -> bool {
        let Some(halves) = &self.halves else { return false };
        let finish = Finish { added: Nothing, function: Identity, target: Real::new(out) };
        // SAFETY: `out` has the rows of `x`.
        unsafe { self.run_in_halves(halves, x, &finish, scratch) };
        true
    }
}

struct Run<'a> {
    layer: &'a LinearF32,
    isa: ArmNeonIsa,
    x: &'a [f32],
    rows: usize,
    scratch: &'a mut Vec<u16>,
}

impl Run<'_> {
    /// Rows in blocks, so that a panel of weights is read once for a block whose inputs are in the
    /// cache.
    ///
    /// # Safety
    /// Output and what is added must have all rows of the layer's outputs.
    unsafe fn blocks<A: Added, F: Function>(&mut self, finish: &Finish<A, F, Real<'_>>) {
        if let Some(halves) = &self.layer.halves {
            // SAFETY: the caller's promise.
            return unsafe { self.layer.run_in_halves(halves, self.x, finish, self.scratch) };
        }
        let n = self.layer.outputs;
        let block = (BLOCK_BYTES / (4 * self.layer.inputs + 2 * LINE)).max(ROWS) / ROWS * ROWS;
        let whole = n - n % (2 * LANES);
        for start in (0..self.rows).step_by(block) {
            let rows = [start, block.min(self.rows - start)];
            // SAFETY: the caller's promise; panels and rows are inside.
            unsafe {
                for first in (0..whole).step_by(2 * LANES) {
                    self.panel::<A, F, 2, 2>(rows, first, finish);
                }
                if whole < n {
                    self.panel::<A, F, 1, 4>(rows, whole, finish);
                }
            }
        }
    }

    /// `V` vectors of outputs from `first` for `count` rows from `start`, of which `G` are finished
    /// at once.
    ///
    /// # Safety
    /// As for [`Self::blocks`].
    #[inline(never)]
    #[target_feature(enable = "neon")]
    unsafe fn panel<A: Added, F: Function, const V: usize, const G: usize>(
        &self,
        [start, count]: [usize; 2],
        first: usize,
        finish: &Finish<A, F, Real<'_>>,
    ) {
        let (k, n, isa, finish) = (self.layer.inputs, self.layer.outputs, self.isa, *finish);
        let panel = &self.layer.weights[first * k..][..V * LANES * k];
        let bias = &self.layer.bias[first..][..V * LANES];
        let bias: [_; V] = std::array::from_fn(|v| isa.load(&bias[v * LANES..]));
        let place = RowPlace::dense(k);
        let mut row = start;
        let end = start + count;
        // SAFETY: the caller's promise.
        unsafe {
            while row + ROWS <= end {
                let x = &self.x[row * k..][..ROWS * k];
                let sums = sums::<_, V, ROWS>(isa, panel, |_, v| bias[v], x, place);
                for (g, group) in sums.as_chunks::<G>().0.iter().enumerate() {
                    let place = Place { row: row + g * G, column: first, n };
                    finish.write(place, *group);
                }
                row += ROWS;
            }
            while row < end {
                let x = &self.x[row * k..][..k];
                let sums = sums::<_, V, 1>(isa, panel, |_, v| bias[v], x, place);
                finish.write(Place { row, column: first, n }, sums);
                row += 1;
            }
        }
    }
}
