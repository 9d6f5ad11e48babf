//! Integer layers with the widening products of ARMv8.0 (Cortex-A53, A72).
//!
//! A lane is an input: a vector holds 16 inputs of a row, another the 16 weights of an output. The
//! sum of two products of bytes, at most 2 * 128 * 127, fits 16 bits as long as no weight is -128.
//! So 16 inputs of an output take three instructions: `smull` and `smlal2` form eight sums of 16
//! bits, and `sadalp` adds them to four of 32. With an output in each lane, `smlal` would take four
//! and read twice as many bytes. The price is to add up four lanes at the end, once for each
//! output.

use super::LinearI8;
use super::neon::{LANES, finish, rows_of};
use std::arch::aarch64::*;

/// Inputs of a step, a vector of bytes.
pub(super) const STEP: usize = 16;
/// Rows computed together: with four outputs each, 16 of the 32 registers are sums. Four vectors of
/// weights, an input and a product take six more.
const ROWS: usize = 4;

/// Whether the sums of two products always fit 16 bits. Layers with a weight of -128 take the
/// portable path; symmetric quantization makes none.
pub(super) fn fits(weight: &[i8]) -> bool {
    !weight.contains(&i8::MIN)
}

/// Computes `out [rows, N]` from `x [rows, K]`, padded to whole steps.
///
/// # Safety
/// The processor must have NEON.
#[target_feature(enable = "neon")]
pub(super) fn products(layer: &LinearI8, x: &[i8], out: &mut [f32]) {
    let (k, n) = (layer.inputs.next_multiple_of(STEP), layer.outputs);
    let rows = out.len() / n;
    for first in (0..n).step_by(LANES) {
        let mut row = 0;
        while row + ROWS <= rows {
            group::<{ ROWS }>(layer, &x[row * k..], &mut out[row * n..], first, k);
            row += ROWS;
        }
        while row < rows {
            group::<1>(layer, &x[row * k..], &mut out[row * n..], first, k);
            row += 1;
        }
    }
}

#[target_feature(enable = "neon")]
fn group<const R: usize>(layer: &LinearI8, x: &[i8], out: &mut [f32], first: usize, k: usize) {
    let weights = &layer.bytes[first * k..][..LANES * k];
    let x = rows_of::<R>(x, k);
    let mut sums = [[vdupq_n_s32(0); LANES]; R];
    for step in 0..k / STEP {
        let mut weight = [vdupq_n_s8(0); LANES];
        for (i, weight) in weight.iter_mut().enumerate() {
            // SAFETY: `weights` holds `k / STEP` steps of `LANES` vectors.
            *weight = unsafe { vld1q_s8(weights.as_ptr().add((step * LANES + i) * STEP)) };
        }
        for (x, sums) in x.iter().zip(&mut sums) {
            // SAFETY: each row of `x` holds `k` bytes, `k / STEP` vectors.
            let row = unsafe { vld1q_s8(x.as_ptr().add(step * STEP)) };
            for (sum, weight) in sums.iter_mut().zip(weight) {
                let low = vmull_s8(vget_low_s8(row), vget_low_s8(weight));
                *sum = vpadalq_s16(*sum, vmlal_high_s8(low, row, weight));
            }
        }
    }
    for (r, [a, b, c, d]) in sums.into_iter().enumerate() {
        // Pairwise additions turn four vectors, each the four partial sums of an output, into one
        // of four outputs.
        let sum = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
        finish(layer, sum, first, &mut out[r * layer.outputs..][..layer.outputs]);
    }
}

/// Packs `weight [K, N]` as `[N / 4][K / 16][4][16]`, padded with zeros.
pub(super) fn pack(weight: &[i8], [inputs, outputs]: [usize; 2]) -> Vec<i8> {
    let steps = inputs.div_ceil(STEP);
    let mut packed = vec![0; outputs.next_multiple_of(LANES) * steps * STEP];
    for (k, row) in weight.chunks_exact(outputs.max(1)).enumerate() {
        for (n, value) in row.iter().enumerate() {
            let vector = ((n / LANES) * steps + k / STEP) * LANES + n % LANES;
            packed[vector * STEP + k % STEP] = *value;
        }
    }
    packed
}
