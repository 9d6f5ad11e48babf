//! Integer layers with the widening products of ARMv8.0 (Cortex-A53, A72).
//!
//! A lane is an input: a vector holds 16 inputs of a row, another the 16 weights of an output. The
//! sum of two products of bytes, at most 2 * 128 * 127, fits 16 bits as long as no weight is -128.
//! So 16 inputs of an output take three instructions: `smull` and `smlal2` form eight sums of 16
//! bits, and `sadalp` adds them to four of 32. With an output in each lane, `smlal` would take four
//! and read twice as many bytes. The price is to add up four lanes at the end, once for each
//! output.
//!
//! Layers of few inputs keep the weights of four or eight outputs in registers while all rows pass
//! by. Those of many keep the sums of four rows by four outputs.

use super::LinearI8;
use super::finish::{Added, Finish, Function, LANES, Target};
use super::neon::{Rows, Scales};
use super::pack::by_fours;
use std::arch::aarch64::*;
use std::arch::asm;

/// Inputs of a step, a vector of bytes.
const STEP: usize = 16;
/// Inputs of the last step, if no more are left.
const HALF: usize = 8;
/// Rows computed together where sums stay in registers: with four outputs each, 16 of the 32
/// registers. Four vectors of weights, an input and a product take six more.
const ROWS: usize = 4;

/// Whether the sums of two products always fit 16 bits. Layers with a weight of -128 take the
/// portable path; symmetric quantization makes none.
pub(super) fn fits(weight: &[i8]) -> bool {
    !weight.contains(&i8::MIN)
}

/// Bytes that are read of a row of `inputs`.
pub(super) fn reach(inputs: usize) -> usize {
    inputs.next_multiple_of(HALF)
}

/// Computes all outputs of some rows.
///
/// # Safety
/// The processor must have NEON, each row be readable for [`reach`] bytes, and the output and what
/// is added have these rows, of as many values as the layer's bias.
#[target_feature(enable = "neon")]
pub(super) unsafe fn products<A: Added, F: Function, T: Target>(
    layer: &LinearI8,
    rows: Rows,
    finish: &Finish<A, F, T>,
) {
    let reach = reach(layer.inputs);
    let whole = layer.bias.len() - layer.bias.len() % (2 * LANES);
    // SAFETY: the caller's promises; each panel is inside the outputs.
    unsafe {
        match (reach / STEP, reach % STEP > 0) {
            (1, false) if !F::LONG => {
                for first in (0..whole).step_by(2 * LANES) {
                    by_rows::<A, F, T, 1, false, 2, 2>(layer, rows, finish, first);
                }
                for first in (whole..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 1, false, 1, 4>(layer, rows, finish, first);
                }
            }
            (2, false) if !F::LONG => {
                for first in (0..whole).step_by(2 * LANES) {
                    by_rows::<A, F, T, 2, false, 2, 2>(layer, rows, finish, first);
                }
                for first in (whole..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 2, false, 1, 4>(layer, rows, finish, first);
                }
            }
            (steps, half) => {
                for first in (0..rows.n).step_by(LANES) {
                    match (steps, half) {
                        (1, false) => {
                            by_rows::<A, F, T, 1, false, 1, 4>(layer, rows, finish, first);
                        }
                        (2, false) => {
                            by_rows::<A, F, T, 2, false, 1, 4>(layer, rows, finish, first);
                        }
                        (4, false) => {
                            by_rows::<A, F, T, 4, false, 1, 4>(layer, rows, finish, first);
                        }
                        (4, true) => {
                            by_rows::<A, F, T, 4, true, 1, 4>(layer, rows, finish, first);
                        }
                        _ => by_tiles(layer, rows, finish, first),
                    }
                }
            }
        }
    }
}

/// The weights of `V` vectors of outputs: `S` steps, and a half if `H`.
struct Weights<const S: usize, const H: bool, const V: usize> {
    steps: [[[int8x16_t; LANES]; S]; V],
    half: [[int8x8_t; LANES]; V],
}

impl<const S: usize, const H: bool, const V: usize> Weights<S, H, V> {
    #[inline]
    #[target_feature(enable = "neon")]
    fn load(layer: &LinearI8, first: usize) -> Self {
        let bytes = S * STEP + if H { HALF } else { 0 };
        let packed = &layer.bytes[first * bytes..][..V * LANES * bytes];
        let (steps, half) = ([[[vdupq_n_s8(0); LANES]; S]; V], [[vdup_n_s8(0); LANES]; V]);
        let mut weights = Self { steps, half };
        for v in 0..V {
            for i in 0..LANES {
                // SAFETY: the packed weights of a vector of outputs are `S` steps of `LANES`
                // vectors and, if `H`, as many halves.
                unsafe {
                    let vector = packed.as_ptr().add(v * LANES * bytes);
                    for s in 0..S {
                        let at = vector.add((s * LANES + i) * STEP);
                        weights.steps[v][s][i] = vld1q_s8(at);
                    }
                    if H {
                        let at = vector.add(S * LANES * STEP + i * HALF);
                        weights.half[v][i] = vld1_s8(at);
                    }
                }
            }
        }
        weights
    }

    /// The sums of a row.
    ///
    /// # Safety
    /// The row must be readable for all steps.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn sums(&self, row: *const i8) -> [int32x4_t; V] {
        let (mut x, mut rest) = ([vdupq_n_s8(0); S], vdup_n_s8(0));
        // SAFETY: the caller's promise.
        unsafe {
            for (s, x) in x.iter_mut().enumerate() {
                *x = vld1q_s8(row.add(s * STEP));
            }
            if H {
                rest = vld1_s8(row.add(S * STEP));
            }
        }
        let mut sums = [vdupq_n_s32(0); V];
        for v in 0..V {
            let mut four = [vdupq_n_s32(0); LANES];
            for i in 0..LANES {
                four[i] = vpaddlq_s16(pairs(x[0], self.steps[v][0][i]));
                for s in 1..S {
                    four[i] = vpadalq_s16(four[i], pairs(x[s], self.steps[v][s][i]));
                }
                if H {
                    four[i] = vpadalq_s16(four[i], vmull_s8(rest, self.half[v][i]));
                }
            }
            sums[v] = across(four);
        }
        sums
    }
}

/// Sums of two products in each of eight lanes. `smlal2` in assembly: of its intrinsic the compiler
/// makes `smlal` of upper halves that it extracts before the loop, which takes twice the registers.
#[inline]
#[target_feature(enable = "neon")]
fn pairs(x: int8x16_t, weight: int8x16_t) -> int16x8_t {
    let mut pairs = vmull_s8(vget_low_s8(x), vget_low_s8(weight));
    // SAFETY: works on registers alone.
    unsafe {
        asm!(
            "smlal2 {pairs:v}.8h, {x:v}.16b, {weight:v}.16b",
            pairs = inlateout(vreg) pairs,
            x = in(vreg) x,
            weight = in(vreg) weight,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    pairs
}

/// Four vectors, each the four partial sums of an output, as one of four outputs.
#[inline]
#[target_feature(enable = "neon")]
fn across([a, b, c, d]: [int32x4_t; LANES]) -> int32x4_t {
    vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d))
}

/// The same pointer, but not before the sum is known. Without this the compiler computes four rows
/// at once and spills them, because the weights of four steps leave too few registers. This
/// function becomes no instruction, so it costs the processor nothing.
#[inline]
#[target_feature(enable = "neon")]
fn after(mut x: *const i8, sum: int32x4_t) -> *const i8 {
    // SAFETY: the text is a comment.
    unsafe {
        asm!(
            "/* {x} {sum:v} */",
            x = inout(reg) x,
            sum = in(vreg) sum,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    x
}

/// `V` vectors of outputs from `first`, with weights in registers, `R` rows at once.
///
/// # Safety
/// As for [`products`].
#[inline(never)]
#[target_feature(enable = "neon")]
unsafe fn by_rows<
    A: Added,
    F: Function,
    T: Target,
    const S: usize,
    const H: bool,
    const V: usize,
    const R: usize,
>(
    layer: &LinearI8,
    rows: Rows,
    finish: &Finish<A, F, T>,
    first: usize,
) {
    // Copies: the compiler keeps them in registers, as no store can change them.
    let (finish, scales) = (*finish, Scales::<V>::load(layer, first));
    let weights = Weights::<S, H, V>::load(layer, first);
    let mut row = 0;
    // SAFETY: the rows are inside.
    unsafe {
        while row + R <= rows.count {
            let mut sums = [[vdupq_n_s32(0); V]; R];
            let mut x = rows.x.add(row * rows.stride);
            // Written out, for the compiler keeps a loop of so long a body, and the sums in memory.
            macro_rules! sums_of_row {
                ($r:expr) => {
                    if $r < R {
                        sums[$r] = weights.sums(x);
                        x = x.wrapping_add(rows.stride);
                        if S >= 4 {
                            x = after(x, sums[$r][0]);
                        }
                    }
                };
            }
            sums_of_row!(0);
            sums_of_row!(1);
            sums_of_row!(2);
            sums_of_row!(3);
            finish.write(rows.place(row, first), scales.apply(sums));
            row += R;
        }
        while row < rows.count {
            let sums = [weights.sums(rows.x.add(row * rows.stride))];
            finish.write(rows.place(row, first), scales.apply(sums));
            row += 1;
        }
    }
}

/// Four outputs from `first`, with sums in registers.
///
/// # Safety
/// As for [`products`].
#[inline(never)]
#[target_feature(enable = "neon")]
unsafe fn by_tiles<A: Added, F: Function, T: Target>(
    layer: &LinearI8,
    rows: Rows,
    finish: &Finish<A, F, T>,
    first: usize,
) {
    let (finish, scales) = (*finish, Scales::<1>::load(layer, first));
    let mut row = 0;
    // SAFETY: the rows are inside.
    unsafe {
        while row + ROWS <= rows.count {
            tile::<A, F, T, ROWS>(layer, rows, [row, first], scales, finish);
            row += ROWS;
        }
        while row < rows.count {
            tile::<A, F, T, 1>(layer, rows, [row, first], scales, finish);
            row += 1;
        }
    }
}

/// `R` rows from `row`, four outputs from `first`.
///
/// # Safety
/// As for [`products`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn tile<A: Added, F: Function, T: Target, const R: usize>(
    layer: &LinearI8,
    rows: Rows,
    [row, first]: [usize; 2],
    scales: Scales<1>,
    finish: Finish<A, F, T>,
) {
    let reach = reach(layer.inputs);
    let mut sums = [[vdupq_n_s32(0); LANES]; R];
    // SAFETY: the rows are inside, each readable for `reach` bytes, and the packed weights of each
    // output are as many.
    unsafe {
        let x = rows.x.add(row * rows.stride);
        let (mut at, mut weights) = (0, layer.bytes.as_ptr().add(first * reach));
        // Two steps at once: a load of two neighbouring vectors is one instruction.
        while at + 2 * STEP <= reach {
            let mut next = [vdupq_n_s8(0); R];
            let mut inputs = [vdupq_n_s8(0); R];
            for r in 0..R {
                let row = x.add(r * rows.stride + at);
                (inputs[r], next[r]) = (vld1q_s8(row), vld1q_s8(row.add(STEP)));
            }
            step(&mut sums, &inputs, weights);
            step(&mut sums, &next, weights.add(LANES * STEP));
            (at, weights) = (at + 2 * STEP, weights.add(2 * LANES * STEP));
        }
        if at + STEP <= reach {
            let mut inputs = [vdupq_n_s8(0); R];
            for r in 0..R {
                inputs[r] = vld1q_s8(x.add(r * rows.stride + at));
            }
            step(&mut sums, &inputs, weights);
            (at, weights) = (at + STEP, weights.add(LANES * STEP));
        }
        if at < reach {
            let mut half = [vdup_n_s8(0); LANES];
            for (i, half) in half.iter_mut().enumerate() {
                *half = vld1_s8(weights.add(i * HALF));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = vld1_s8(x.add(r * rows.stride + at));
                for (sum, half) in sums.iter_mut().zip(half) {
                    *sum = vpadalq_s16(*sum, vmull_s8(x, half));
                }
            }
        }
    }
    let mut outputs = [[vdupq_n_s32(0); 1]; R];
    for r in 0..R {
        outputs[r] = [across(sums[r])];
    }
    // SAFETY: the caller's promise.
    unsafe { finish.write(rows.place(row, first), scales.apply(outputs)) };
}

/// Adds the products of 16 inputs of each row.
///
/// # Safety
/// `weights` must hold four vectors.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn step<const R: usize>(
    sums: &mut [[int32x4_t; LANES]; R],
    x: &[int8x16_t; R],
    weights: *const i8,
) {
    let mut weight = [vdupq_n_s8(0); LANES];
    for (i, weight) in weight.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *weight = unsafe { vld1q_s8(weights.add(i * STEP)) };
    }
    for (x, sums) in x.iter().zip(sums) {
        for (sum, weight) in sums.iter_mut().zip(weight) {
            *sum = vpadalq_s16(*sum, pairs(*x, weight));
        }
    }
}

/// Packs `weight [K, N]` as `[N / 4][K / 16][4][16]`, then `[4][8]` if no more than 8 inputs are
/// left, padded with zeros.
pub(super) fn pack(weight: &[i8], [inputs, outputs]: [usize; 2]) -> Vec<i8> {
    let reach = reach(inputs);
    let whole = reach - reach % STEP;
    let mut packed = vec![0; outputs.next_multiple_of(LANES) * reach];
    by_fours(weight, outputs, &mut packed, |k, n| {
        // Where the step begins in the vector's weights, and its inputs.
        let (start, width) = if k < whole { (k - k % STEP, STEP) } else { (whole, HALF) };
        (n * reach + start * LANES + k - start, width)
    });
    packed
}
