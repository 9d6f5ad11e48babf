//! Integer layers with the dot products of ARMv8.2 (FEAT_DotProd: Cortex-A55, A76, A78).
//!
//! A lane is an output. `sdot` multiplies the four weights of each of four outputs by four inputs,
//! which it picks from a vector of 16 by a number in the instruction. One load thus brings 16
//! inputs of a row, and no broadcast is needed. Both operands are signed, so nothing needs a
//! correction.
//!
//! Layers of 16 or 32 inputs keep the weights of eight outputs in registers while all rows pass by.
//! Others keep the sums of eight rows by eight outputs.

use super::LinearI8;
use super::finish::{Added, Finish, Function, LANES, Target};
use super::neon::{Rows, Scales};
use super::pack::by_fours;
use std::arch::aarch64::*;
use std::arch::asm;

/// Inputs that one instruction multiplies in a lane.
const DEPTH: usize = 4;
/// Inputs of a step: a vector of bytes, from which the instruction picks a quarter.
const STEP: usize = 16;
/// Quarters of a step.
const QUARTERS: usize = STEP / DEPTH;
/// Rows computed together where sums stay in registers: with two vectors of outputs each, 16 of the
/// 32 registers. 8 hold inputs and 4 weights.
const ROWS: usize = 8;

/// Bytes that are read of a row of `inputs`.
pub(super) fn reach(inputs: usize) -> usize {
    inputs.next_multiple_of(STEP)
}

/// Computes all outputs of some rows.
///
/// # Safety
/// The processor must have FEAT_DotProd, each row be readable for [`reach`] bytes, and the output
/// and what is added have these rows, of as many values as the layer's bias.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn products<A: Added, F: Function, T: Target>(
    layer: &LinearI8,
    rows: Rows,
    finish: &Finish<A, F, T>,
) {
    let whole = rows.n - rows.n % (2 * LANES);
    // SAFETY: the caller's promises; each panel is inside the outputs.
    unsafe {
        match layer.inputs.div_ceil(DEPTH) {
            4 if !F::LONG => {
                for first in (0..whole).step_by(2 * LANES) {
                    by_rows::<A, F, T, 1, 2, 2>(layer, rows, finish, first);
                }
                for first in (whole..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 1, 1, 4>(layer, rows, finish, first);
                }
            }
            8 if !F::LONG => {
                for first in (0..whole).step_by(2 * LANES) {
                    by_rows::<A, F, T, 2, 2, 2>(layer, rows, finish, first);
                }
                for first in (whole..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 2, 1, 4>(layer, rows, finish, first);
                }
            }
            4 => {
                for first in (0..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 1, 1, 4>(layer, rows, finish, first);
                }
            }
            8 => {
                for first in (0..rows.n).step_by(LANES) {
                    by_rows::<A, F, T, 2, 1, 4>(layer, rows, finish, first);
                }
            }
            _ => {
                for first in (0..whole).step_by(2 * LANES) {
                    by_tiles::<A, F, T, 2, 2>(layer, rows, finish, first);
                }
                for first in (whole..rows.n).step_by(LANES) {
                    by_tiles::<A, F, T, 1, 4>(layer, rows, finish, first);
                }
            }
        }
    }
}

/// `V` vectors of outputs from `first`, with the weights of `S` steps in registers, `R` rows at
/// once.
///
/// # Safety
/// As for [`products`].
#[inline(never)]
#[target_feature(enable = "neon,dotprod")]
unsafe fn by_rows<
    A: Added,
    F: Function,
    T: Target,
    const S: usize,
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
    let packed = &layer.bytes[first * S * STEP..][..V * LANES * S * STEP];
    let mut weights = [[[vdupq_n_s8(0); QUARTERS]; S]; V];
    for v in 0..V {
        for s in 0..S {
            for q in 0..QUARTERS {
                let vector = (v * S + s) * QUARTERS + q;
                // SAFETY: the packed weights of a vector of outputs are `S` steps of four vectors.
                weights[v][s][q] = unsafe { vld1q_s8(packed.as_ptr().add(vector * STEP)) };
            }
        }
    }
    let mut row = 0;
    // SAFETY: the rows are inside.
    unsafe {
        while row + R <= rows.count {
            let sums = dots::<S, V, R>(&weights, rows, row);
            finish.write(rows.place(row, first), scales.apply(sums));
            row += R;
        }
        while row < rows.count {
            let sums = dots::<S, V, 1>(&weights, rows, row);
            finish.write(rows.place(row, first), scales.apply(sums));
            row += 1;
        }
    }
}

/// The sums of `R` rows from `row`.
///
/// # Safety
/// The rows must be inside.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dots<const S: usize, const V: usize, const R: usize>(
    weights: &[[[int8x16_t; QUARTERS]; S]; V],
    rows: Rows,
    row: usize,
) -> [[int32x4_t; V]; R] {
    let mut sums = [[vdupq_n_s32(0); V]; R];
    for s in 0..S {
        let mut x = [vdupq_n_s8(0); R];
        for (r, x) in x.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *x = unsafe { vld1q_s8(rows.x.add((row + r) * rows.stride + s * STEP)) };
        }
        // The quarter is part of the instruction: it must be a constant.
        add::<S, V, R, 0>(&mut sums, &x, weights, s);
        add::<S, V, R, 1>(&mut sums, &x, weights, s);
        add::<S, V, R, 2>(&mut sums, &x, weights, s);
        add::<S, V, R, 3>(&mut sums, &x, weights, s);
    }
    sums
}

/// Adds the products of quarter `Q` of step `s`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add<const S: usize, const V: usize, const R: usize, const Q: usize>(
    sums: &mut [[int32x4_t; V]; R],
    x: &[int8x16_t; R],
    weights: &[[[int8x16_t; QUARTERS]; S]; V],
    s: usize,
) {
    for r in 0..R {
        for v in 0..V {
            sums[r][v] = sdot::<Q>(sums[r][v], weights[v][s][Q], x[r]);
        }
    }
}

/// `V` vectors of outputs from `first`, with sums in registers, of which `G` rows are finished at
/// once.
///
/// # Safety
/// As for [`products`].
#[inline(never)]
#[target_feature(enable = "neon,dotprod")]
unsafe fn by_tiles<A: Added, F: Function, T: Target, const V: usize, const G: usize>(
    layer: &LinearI8,
    rows: Rows,
    finish: &Finish<A, F, T>,
    first: usize,
) {
    let (finish, scales) = (*finish, Scales::<V>::load(layer, first));
    let mut row = 0;
    // SAFETY: the rows are inside.
    unsafe {
        while row + ROWS <= rows.count {
            tile::<A, F, T, V, ROWS, G>(layer, rows, [row, first], scales, finish);
            row += ROWS;
        }
        while row < rows.count {
            tile::<A, F, T, V, 1, 1>(layer, rows, [row, first], scales, finish);
            row += 1;
        }
    }
}

/// `R` rows from `row`, `V` vectors of outputs from `first`.
///
/// # Safety
/// As for [`products`].
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<A: Added, F: Function, T: Target, const V: usize, const R: usize, const G: usize>(
    layer: &LinearI8,
    rows: Rows,
    [row, first]: [usize; 2],
    scales: Scales<V>,
    finish: Finish<A, F, T>,
) {
    let depths = layer.inputs.div_ceil(DEPTH);
    let vector = depths * DEPTH * LANES;
    let mut sums = [[vdupq_n_s32(0); V]; R];
    // SAFETY: the rows are inside, each readable for whole steps, and the packed weights of a
    // vector of outputs are `depths` quarters.
    unsafe {
        let mut x = rows.x.add(row * rows.stride);
        let mut weights = layer.bytes.as_ptr().add(first * depths * DEPTH);
        for _ in 0..depths / QUARTERS {
            step(&mut sums, x, rows.stride, weights, vector);
            (x, weights) = (x.add(STEP), weights.add(QUARTERS * STEP));
        }
        let rest = depths % QUARTERS;
        if rest > 0 {
            let inputs = inputs::<R>(x, rows.stride);
            for v in 0..V {
                let weights = weights.add(v * vector);
                quarter::<V, R, 0>(&mut sums, &inputs, vld1q_s8(weights), v);
                if rest > 1 {
                    quarter::<V, R, 1>(&mut sums, &inputs, vld1q_s8(weights.add(STEP)), v);
                }
                if rest > 2 {
                    quarter::<V, R, 2>(&mut sums, &inputs, vld1q_s8(weights.add(2 * STEP)), v);
                }
            }
        }
        for (g, group) in sums.as_chunks::<G>().0.iter().enumerate() {
            finish.write(rows.place(row + g * G, first), scales.apply(*group));
        }
    }
}

/// Adds the products of 16 inputs of each row.
///
/// # Safety
/// A vector must be readable in each of `R` rows, and of the weights of each of `V` vectors of
/// outputs four vectors.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn step<const V: usize, const R: usize>(
    sums: &mut [[int32x4_t; V]; R],
    x: *const i8,
    stride: usize,
    weights: *const i8,
    vector: usize,
) {
    // SAFETY: the caller's promises.
    unsafe {
        let inputs = inputs::<R>(x, stride);
        for v in 0..V {
            let weights = weights.add(v * vector);
            let mut quarters = [vdupq_n_s8(0); QUARTERS];
            for (q, quarter) in quarters.iter_mut().enumerate() {
                *quarter = vld1q_s8(weights.add(q * STEP));
            }
            quarter::<V, R, 0>(sums, &inputs, quarters[0], v);
            quarter::<V, R, 1>(sums, &inputs, quarters[1], v);
            quarter::<V, R, 2>(sums, &inputs, quarters[2], v);
            quarter::<V, R, 3>(sums, &inputs, quarters[3], v);
        }
    }
}

/// A vector of each of `R` rows.
///
/// # Safety
/// Each must be readable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn inputs<const R: usize>(x: *const i8, stride: usize) -> [int8x16_t; R] {
    let mut inputs = [vdupq_n_s8(0); R];
    for (r, input) in inputs.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *input = unsafe { vld1q_s8(x.add(r * stride)) };
    }
    inputs
}

/// Adds the products of quarter `Q` of the rows' vectors to vector `v` of the sums.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn quarter<const V: usize, const R: usize, const Q: usize>(
    sums: &mut [[int32x4_t; V]; R],
    x: &[int8x16_t; R],
    weight: int8x16_t,
    v: usize,
) {
    for (sums, x) in sums.iter_mut().zip(x) {
        sums[v] = sdot::<Q>(sums[v], weight, *x);
    }
}

/// `sum + weight . row[4 Q..4 Q + 4]` in every lane. In assembly, because stable Rust has no
/// intrinsic for it.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot<const Q: usize>(mut sum: int32x4_t, weight: int8x16_t, row: int8x16_t) -> int32x4_t {
    // SAFETY: works on registers alone, and the caller's processor has the instruction.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weight:v}.16b, {row:v}.4b[{quarter}]",
            sum = inlateout(vreg) sum,
            weight = in(vreg) weight,
            row = in(vreg) row,
            quarter = const Q,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Packs `weight [K, N]` as `[N / 4][K / 4][4][4]`, padded with zeros: the four inputs that an
/// instruction adds up in a lane lie side by side.
pub(super) fn pack(weight: &[i8], [inputs, outputs]: [usize; 2]) -> Vec<i8> {
    let reach = inputs.next_multiple_of(DEPTH);
    let mut packed = vec![0; outputs.next_multiple_of(LANES) * reach];
    by_fours(weight, outputs, &mut packed, |k, n| (n * reach + k * LANES, DEPTH));
    packed
}
