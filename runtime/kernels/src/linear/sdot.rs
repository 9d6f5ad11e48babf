//! Integer layers with the dot products of ARMv8.2 (FEAT_DotProd: Cortex-A55, A76, A78).
//!
//! A lane is an output. `sdot` multiplies the four weights of each of four outputs by four inputs,
//! which it picks from a vector of 16 by a number in the instruction. One load thus brings 16
//! inputs of a row, and no broadcast is needed. Both operands are signed, so nothing needs a
//! correction.

use super::LinearI8;
use super::neon::{LANES, finish, rows_of};
use std::arch::aarch64::*;
use std::arch::asm;

/// Inputs that one instruction multiplies in a lane.
pub(super) const DEPTH: usize = 4;
/// Inputs of a step: a vector of bytes, from which the instruction picks a quarter.
pub(super) const STEP: usize = 16;
/// Rows computed together: with two vectors of outputs each, 16 of the 32 registers are sums, 8
/// hold inputs and one holds weights.
const ROWS: usize = 8;

/// Computes `out [rows, N]` from `x [rows, K]`, padded to whole steps.
///
/// # Safety
/// The processor must have FEAT_DotProd.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn products(layer: &LinearI8, x: &[i8], out: &mut [f32]) {
    let (k, padded) = (layer.inputs.next_multiple_of(STEP), layer.bias.len());
    let mut first = 0;
    while first < padded {
        if padded - first >= 2 * LANES {
            panel::<2>(layer, x, out, first, k);
            first += 2 * LANES;
        } else {
            panel::<1>(layer, x, out, first, k);
            first += LANES;
        }
    }
}

#[target_feature(enable = "neon,dotprod")]
fn panel<const V: usize>(layer: &LinearI8, x: &[i8], out: &mut [f32], first: usize, k: usize) {
    let n = layer.outputs;
    let rows = out.len() / n;
    let mut row = 0;
    while row + ROWS <= rows {
        group::<V, { ROWS }>(layer, &x[row * k..], &mut out[row * n..], first, k);
        row += ROWS;
    }
    while row < rows {
        group::<V, 1>(layer, &x[row * k..], &mut out[row * n..], first, k);
        row += 1;
    }
}

#[target_feature(enable = "neon,dotprod")]
fn group<const V: usize, const R: usize>(
    layer: &LinearI8,
    x: &[i8],
    out: &mut [f32],
    first: usize,
    k: usize,
) {
    let weights = &layer.bytes[first * k..][..V * LANES * k];
    let x = rows_of::<R>(x, k);
    let mut sums = [[vdupq_n_s32(0); V]; R];
    for step in 0..k / STEP {
        // All rows first: their vectors stay in registers for the four quarters and all vectors of
        // outputs.
        let mut rows = [vdupq_n_s8(0); R];
        for (row, x) in rows.iter_mut().zip(x) {
            // SAFETY: each row of `x` holds `k` bytes, `k / STEP` vectors.
            *row = unsafe { vld1q_s8(x.as_ptr().add(step * STEP)) };
        }
        let at = step * STEP * V * LANES;
        // Written out, because the quarter is part of the instruction: it must be a constant.
        quarter::<V, R, 0>(&weights[at..], &rows, &mut sums);
        quarter::<V, R, 1>(&weights[at..], &rows, &mut sums);
        quarter::<V, R, 2>(&weights[at..], &rows, &mut sums);
        quarter::<V, R, 3>(&weights[at..], &rows, &mut sums);
    }
    for (r, sums) in sums.into_iter().enumerate() {
        let row = &mut out[r * layer.outputs..][..layer.outputs];
        for (v, sum) in sums.into_iter().enumerate() {
            finish(layer, sum, first + v * LANES, row);
        }
    }
}

/// Adds the products of quarter `Q` of the rows' vectors, four inputs.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn quarter<const V: usize, const R: usize, const Q: usize>(
    weights: &[i8],
    rows: &[int8x16_t; R],
    sums: &mut [[int32x4_t; V]; R],
) {
    let weights = &weights[Q * V * LANES * DEPTH..][..V * LANES * DEPTH];
    for v in 0..V {
        // SAFETY: `weights` holds `V` vectors of `LANES * DEPTH` bytes.
        let weight = unsafe { vld1q_s8(weights.as_ptr().add(v * LANES * DEPTH)) };
        for (row, sums) in rows.iter().zip(sums.iter_mut()) {
            sums[v] = sdot::<Q>(sums[v], weight, *row);
        }
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
