//! Linear layers in f16, for ARM processors with FEAT_FP16 (Cortex-A55, A76, A78): an instruction multiplies eight
//! values instead of four.
//!
//! Inputs and weights are rounded to f16, by up to 2^-11 of themselves. The largest weight is scaled to between 0.5 and
//! 1 by a power of two, and the sums are multiplied by it again. Sums of 64 products are in f16, those of more are sums
//! of such in f32. A sum that overflows is infinite, or NaN; that row is then computed anew in f32 for the same 16
//! outputs, so only the row and the layer decide.
//!
//! Stable Rust has no f16 and no intrinsics for it: halves are `u16`, and the loops assembly.

mod products;

use super::LinearF32;
use super::finish::{Added, Finish, Function, LANES, Place, Real};
use super::tile::{RowPlace, sums};
use products::{convert, products};
use rten_simd::isa::ArmNeonIsa;
use rten_simd::ops::NumOps;
use std::arch::aarch64::*;

/// Rows computed together.
const ROWS: usize = 8;
/// Outputs of a panel.
const PANEL: usize = 16;
/// Inputs of a step: a vector.
const STEP: usize = 8;
/// Steps whose products are added up in f16.
const CHUNK: usize = 8;
/// What of a block should stay in the first cache, of which the weights of a panel need a part.
const BLOCK_BYTES: usize = 24 << 10;

/// A layer's weights in f16.
#[derive(Clone, Debug)]
pub(super) struct Halves {
    /// Panels of 16 outputs, `[inputs][16]` each; the last has eight if that is enough. Inputs are padded to whole
    /// steps.
    weights: Vec<u16>,
    steps: usize,
    /// What the sums have to be multiplied by.
    scale: f32,
}

/// Whether the processor calculates in f16.
pub(super) fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("fp16")
}

impl Halves {
    /// Packs `weight [inputs, outputs]`. `None` without FEAT_FP16, if the outputs are not a multiple of four, or if the
    /// weights are all zero, not finite or of an extreme size.
    pub(super) fn new(weight: &[f32], [inputs, outputs]: [usize; 2]) -> Option<Self> {
        let largest = weight.iter().fold(0.0, |largest: f32, w| largest.max(w.abs()));
        let sizes_fit = inputs > 0 && outputs > 0 && outputs.is_multiple_of(LANES);
        let all = weight.iter().all(|w| w.is_finite());
        if !(is_available() && sizes_fit && all && (1e-20..1e20).contains(&largest)) {
            return None;
        }
        let scale = f32::from_bits(((largest.to_bits() >> 23) + 1) << 23);
        let steps = inputs.div_ceil(STEP);
        let mut weights = Vec::with_capacity(steps * STEP * outputs.next_multiple_of(STEP));
        let mut first = 0;
        while first < outputs {
            let width = width(outputs - first);
            for k in 0..steps * STEP {
                for from in (first..first + width).step_by(STEP) {
                    let eight = std::array::from_fn(|i| match from + i {
                        n if n < outputs && k < inputs => weight[k * outputs + n] / scale,
                        _ => 0.0,
                    });
                    weights.extend(narrow(&eight));
                }
            }
            first += width;
        }
        Some(Self { weights, steps, scale })
    }
}

/// Outputs of a panel if so many are left.
fn width(left: usize) -> usize {
    if left > STEP { PANEL } else { STEP }
}

/// Rounds eight values.
fn narrow(values: &[f32; STEP]) -> [u16; STEP] {
    let mut halves = [0; STEP];
    // SAFETY: conversions to f16 are part of NEON. Both are two vectors and one.
    unsafe { convert(values.as_ptr(), 1, halves.as_mut_ptr(), STEP) };
    halves
}

/// Rows as halves: `[groups of eight rows][step][row][8]`, then the last rows one by one.
fn pack(x: &[f32], inputs: usize, to: &mut Vec<u16>) {
    let steps = inputs.div_ceil(STEP);
    let rows = x.len() / inputs;
    to.resize(rows * steps * STEP, 0);
    let grouped = rows - rows % ROWS;
    for (row, x) in x.chunks_exact(inputs).enumerate() {
        let (start, stride) = if row < grouped {
            (row / ROWS * ROWS * steps * STEP + row % ROWS * STEP, ROWS * STEP)
        } else {
            (row * steps * STEP, STEP)
        };
        let to = &mut to[start..];
        let (whole, rest) = (inputs / STEP, inputs % STEP);
        assert!(to.len() > (steps - 1) * stride + STEP - 1);
        // SAFETY: the row has `whole` steps, and the last step's place is inside.
        unsafe {
            if whole > 0 {
                convert(x.as_ptr(), whole, to.as_mut_ptr(), stride);
            }
            if rest > 0 {
                let mut last = [0.0; STEP];
                last[..rest].copy_from_slice(&x[whole * STEP..]);
                convert(last.as_ptr(), 1, to.as_mut_ptr().add(whole * stride), STEP);
            }
        }
    }
}

impl LinearF32 {
    /// Applies the layer to `x [rows, inputs]` in f16, with what follows.
    ///
    /// # Safety
    /// What `finish` adds and its target must have as many rows of the layer's outputs.
    pub(super) unsafe fn run_in_halves<A: Added, F: Function>(
        &self,
        halves: &Halves,
        x: &[f32],
        finish: &Finish<A, F, Real<'_>>,
        scratch: &mut Vec<u16>,
    ) {
        let (k, n) = (self.inputs, self.outputs);
        let block = (BLOCK_BYTES / (2 * STEP * halves.steps)).max(ROWS) / ROWS * ROWS;
        for (b, x) in x.chunks(block * k).enumerate() {
            pack(x, k, scratch);
            let rows = [b * block, x.len() / k];
            let mut first = 0;
            while first < n {
                let panel = Panel { layer: self, halves, x, packed: scratch, first };
                // SAFETY: the caller's promise, and that there are halves says that the processor has FEAT_FP16.
                unsafe {
                    match width(n - first) {
                        PANEL => panel.run::<A, F, 2>(rows, finish),
                        _ => panel.run::<A, F, 1>(rows, finish),
                    }
                }
                first += width(n - first);
            }
        }
    }
}

/// A panel of outputs, for a block of rows.
struct Panel<'a> {
    layer: &'a LinearF32,
    halves: &'a Halves,
    x: &'a [f32],
    packed: &'a [u16],
    first: usize,
}

impl Panel<'_> {
    /// `V` vectors of eight outputs for `count` rows; the block's first row is `start`.
    ///
    /// # Safety
    /// As for [`LinearF32::run_in_halves`].
    #[inline(never)]
    #[target_feature(enable = "neon")]
    unsafe fn run<A: Added, F: Function, const V: usize>(
        &self,
        [start, count]: [usize; 2],
        finish: &Finish<A, F, Real<'_>>,
    ) {
        let row = self.halves.steps * STEP;
        // SAFETY: groups of rows and single ones are packed in this order.
        unsafe {
            let mut done = 0;
            while done + ROWS <= count {
                self.rows::<A, F, ROWS, V>(start, done, &self.packed[done * row..], finish);
                done += ROWS;
            }
            while done < count {
                self.rows::<A, F, 1, V>(start, done, &self.packed[done * row..], finish);
                done += 1;
            }
        }
    }

    /// `R` rows from row `done` of the block.
    ///
    /// # Safety
    /// As above.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn rows<A: Added, F: Function, const R: usize, const V: usize>(
        &self,
        start: usize,
        done: usize,
        packed: &[u16],
        finish: &Finish<A, F, Real<'_>>,
    ) {
        let (finish, n, steps) = (*finish, self.layer.outputs, self.halves.steps);
        let weights = &self.halves.weights[self.first * steps * STEP..][..steps * STEP * V * STEP];
        assert!(packed.len() >= R * steps * STEP);
        let mut sums = [[[0.0; STEP]; V]; R];
        // SAFETY: there are as many steps of both (asserted), and halves mean FEAT_FP16.
        unsafe { products(packed.as_ptr(), weights.as_ptr(), steps, &mut sums) };
        let bias = &self.layer.bias[self.first..];
        // Of the panel: the last one may be padded.
        let vectors = (V * STEP).min(n - self.first) / LANES;
        // Zero as long as every sum is finite.
        let mut lost = vdupq_n_f32(0.0);
        for (r, sums) in sums.iter().enumerate() {
            let place = Place { row: start + done + r, column: self.first, n };
            // SAFETY: a row is inside, and has `vectors` vectors here.
            unsafe {
                if vectors == 2 * V {
                    for (v, sums) in sums.iter().enumerate() {
                        let at = Place { column: self.first + v * STEP, ..place };
                        let values = scaled(sums, &bias[v * STEP..], self.halves.scale, &mut lost);
                        finish.write(at, [values]);
                    }
                } else {
                    for v in 0..vectors {
                        let at = Place { column: self.first + v * LANES, ..place };
                        let mut bias_of_two = [0.0; STEP];
                        bias_of_two[..LANES].copy_from_slice(&bias[v * LANES..][..LANES]);
                        let mut two = [0.0; STEP];
                        two[..LANES].copy_from_slice(&sums.as_flattened()[v * LANES..][..LANES]);
                        let values = scaled(&two, &bias_of_two, self.halves.scale, &mut lost);
                        finish.write(at, [[values[0]]]);
                    }
                }
            }
        }
        // NaN is not equal to zero, either.
        if vaddvq_f32(lost) != 0.0 {
            for (r, sums) in sums.iter().enumerate() {
                if sums.as_flattened().iter().any(|sum| !sum.is_finite()) {
                    // SAFETY: as above.
                    unsafe { self.row_in_f32(start, done + r, vectors, finish) };
                }
            }
        }
    }

    /// A row of the block anew, in f32.
    ///
    /// # Safety
    /// As above.
    #[cold]
    #[target_feature(enable = "neon")]
    unsafe fn row_in_f32<A: Added, F: Function>(
        &self,
        start: usize,
        row: usize,
        vectors: usize,
        finish: Finish<A, F, Real<'_>>,
    ) {
        let Some(isa) = ArmNeonIsa::new() else { return };
        let (k, n) = (self.layer.inputs, self.layer.outputs);
        let x = &self.x[row * k..][..k];
        let whole = n - n % (2 * LANES);
        for v in 0..vectors {
            let column = self.first + v * LANES;
            // The f32 weights lie in panels of two vectors; the last may have one.
            let two = column < whole;
            let panel = if two { column - column % (2 * LANES) } else { column };
            let weights = &self.layer.weights[panel * k..];
            let bias = |v: usize| isa.load(&self.layer.bias[panel + v * LANES..]);
            let place = RowPlace::dense(k);
            let sum = if two {
                let sums =
                    sums::<_, 2, 1>(isa, &weights[..2 * LANES * k], |_, v| bias(v), x, place);
                sums[0][(column - panel) / LANES]
            } else {
                sums::<_, 1, 1>(isa, &weights[..LANES * k], |_, v| bias(v), x, place)[0][0]
            };
            // SAFETY: the caller's promise.
            unsafe { finish.write(Place { row: start + row, column, n }, [[sum]]) };
        }
    }
}

/// `bias + sums * scale`. `lost` becomes NaN if a sum is not finite.
#[inline]
#[target_feature(enable = "neon")]
fn scaled(
    sums: &[f32; STEP],
    bias: &[f32],
    scale: f32,
    lost: &mut float32x4_t,
) -> [float32x4_t; 2] {
    let bias = &bias[..STEP];
    let zero = vdupq_n_f32(0.0);
    // SAFETY: both hold two vectors.
    let (sums, bias) = unsafe {
        (
            [vld1q_f32(sums.as_ptr()), vld1q_f32(sums.as_ptr().add(LANES))],
            [vld1q_f32(bias.as_ptr()), vld1q_f32(bias.as_ptr().add(LANES))],
        )
    };
    *lost = vfmaq_f32(vfmaq_f32(*lost, sums[0], zero), sums[1], zero);
    [vfmaq_n_f32(bias[0], sums[0], scale), vfmaq_n_f32(bias[1], sums[1], scale)]
}
