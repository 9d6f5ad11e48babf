//! Attention in f32, four queries a block: the same bits as `tile`.

use super::{Arithmetic, LANES, PANEL, Parts, Softmax, TOGETHER};
use crate::attention::{Attention, Task};
use crate::exp::{LOWEST, ROUNDER, TERMS};
use std::arch::aarch64::*;
use std::arch::asm;

/// Queries of a block.
const FOUR: usize = 4;
/// Vectors of a panel's row.
const VECTORS: usize = PANEL / FOUR;

pub(super) fn attend(
    attention: &Attention<'_>,
    task: &Task,
    parts: &mut Parts<f32>,
    out: &mut [f32],
) {
    parts.gather::<Real>(attention, task);
    parts.attend::<Real>(attention.k.tokens(), attention.dim_v, out);
}

struct Real;

impl Arithmetic for Real {
    type Value = f32;
    const LANES: usize = FOUR;

    #[inline(always)]
    fn convert(from: &[f32; PANEL], scale: f32, to: &mut [f32; PANEL]) {
        // SAFETY: NEON is part of every processor that this target runs on, and both are `VECTORS`
        // vectors. (The compiler moves values one by one here.)
        unsafe {
            for i in (0..PANEL).step_by(FOUR) {
                let vector = vld1q_f32(from.as_ptr().add(i));
                vst1q_f32(to.as_mut_ptr().add(i), vmulq_n_f32(vector, scale));
            }
        }
    }

    #[inline(always)]
    fn transpose(rows: &[f32], columns: &mut [f32]) {
        // SAFETY: as above.
        unsafe { transpose(rows, columns) }
    }

    #[inline(always)]
    fn score(
        columns: &[f32],
        k: &[f32],
        is_first: bool,
        scores: &mut [f32],
        max: &mut [f32; LANES],
    ) {
        // SAFETY: as above.
        unsafe {
            if is_first {
                score::<true>(columns, k, scores, max);
            } else {
                score::<false>(columns, k, scores, max);
            }
        }
    }

    #[inline(always)]
    fn mask(scores: &mut [f32], count: usize) {
        // The weight becomes 2^-126, which changes no total: that is at least 1.
        let start = scores.len() - count * FOUR;
        scores[start..].fill(f32::NEG_INFINITY);
    }

    #[inline(always)]
    fn weigh(
        scores: &mut [f32],
        v: &[f32],
        count: usize,
        is_first: bool,
        shrink: &[f32; LANES],
        softmax: &mut Softmax,
        sums: &mut [f32],
    ) {
        // SAFETY: as above.
        unsafe {
            if is_first {
                weights(scores, softmax);
            }
            weigh(scores, &v[..count * PANEL], shrink, sums);
        }
    }
}

/// Powers of two of numbers that are at most zero, as `exp2_nonpositive` computes them.
pub(super) fn powers(x: [f32; LANES]) -> [f32; LANES] {
    let mut scores = [0.0; 4 * FOUR];
    scores[..LANES].copy_from_slice(&x);
    // SAFETY: NEON is part of every processor that this target runs on.
    unsafe { weights(&mut scores, &mut Softmax { max: [0.0; LANES], total: [0.0; LANES] }) };
    let mut powers = x;
    powers.copy_from_slice(&scores[..LANES]);
    powers
}

#[target_feature(enable = "neon")]
fn transpose(rows: &[f32], columns: &mut [f32]) {
    let (rows, columns) = (&rows[..FOUR * PANEL], &mut columns[..FOUR * PANEL]);
    for first in (0..PANEL).step_by(FOUR) {
        let mut row = [vdupq_n_f32(0.0); FOUR];
        for (i, row) in row.iter_mut().enumerate() {
            // SAFETY: `rows` holds four rows of a panel, and a vector is left from `first` on.
            *row = unsafe { vld1q_f32(rows.as_ptr().add(i * PANEL + first)) };
        }
        let [a, b, c, d] = row;
        let [ab, cd] = [[vtrn1q_f32(a, b), vtrn2q_f32(a, b)], [vtrn1q_f32(c, d), vtrn2q_f32(c, d)]];
        let double = |x| vreinterpretq_f64_f32(x);
        let square = [
            vtrn1q_f64(double(ab[0]), double(cd[0])),
            vtrn1q_f64(double(ab[1]), double(cd[1])),
            vtrn2q_f64(double(ab[0]), double(cd[0])),
            vtrn2q_f64(double(ab[1]), double(cd[1])),
        ];
        for (j, column) in square.into_iter().enumerate() {
            let to = &mut columns[(first + j) * FOUR..][..FOUR];
            // SAFETY: `to` is a vector.
            unsafe { vst1q_f32(to.as_mut_ptr(), vreinterpretq_f32_f64(column)) };
        }
    }
}

#[target_feature(enable = "neon")]
fn score<const FIRST: bool>(
    columns: &[f32],
    k: &[f32],
    scores: &mut [f32],
    max: &mut [f32; LANES],
) {
    let keys = k.len() / PANEL;
    let (columns, scores) = (&columns[..PANEL * FOUR], &mut scores[..keys * FOUR]);
    let mut column = [vdupq_n_f32(0.0); PANEL];
    for (d, column) in column.iter_mut().enumerate() {
        // SAFETY: `columns` holds `PANEL` vectors.
        *column = unsafe { vld1q_f32(columns.as_ptr().add(d * FOUR)) };
    }
    // SAFETY: `max` holds a vector.
    let mut highest = unsafe { vld1q_f32(max.as_ptr()) };
    for (k, scores) in
        k.chunks_exact(TOGETHER * PANEL).zip(scores.chunks_exact_mut(TOGETHER * FOUR))
    {
        let mut sums = [vdupq_n_f32(0.0); TOGETHER];
        if !FIRST {
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `scores` holds `TOGETHER` vectors.
                *sum = unsafe { vld1q_f32(scores.as_ptr().add(i * FOUR)) };
            }
        }
        for j in 0..VECTORS {
            let mut part = [vdupq_n_f32(0.0); TOGETHER];
            for (i, part) in part.iter_mut().enumerate() {
                // SAFETY: `k` holds `TOGETHER` rows of a panel.
                *part = unsafe { vld1q_f32(k.as_ptr().add(i * PANEL + j * FOUR)) };
            }
            // Starting with a product instead of zero can only change the sign of a zero.
            for (sum, part) in sums.iter_mut().zip(part) {
                *sum = match FIRST && j == 0 {
                    true => vmulq_laneq_f32::<0>(column[0], part),
                    false => vfmaq_laneq_f32::<0>(*sum, column[j * FOUR], part),
                };
            }
            for (sum, part) in sums.iter_mut().zip(part) {
                *sum = vfmaq_laneq_f32::<1>(*sum, column[j * FOUR + 1], part);
            }
            for (sum, part) in sums.iter_mut().zip(part) {
                *sum = vfmaq_laneq_f32::<2>(*sum, column[j * FOUR + 2], part);
            }
            for (sum, part) in sums.iter_mut().zip(part) {
                *sum = vfmaq_laneq_f32::<3>(*sum, column[j * FOUR + 3], part);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            highest = vmaxq_f32(highest, sum);
            // SAFETY: `scores` holds `TOGETHER` vectors.
            unsafe { vst1q_f32(scores.as_mut_ptr().add(i * FOUR), sum) };
        }
    }
    // SAFETY: `max` holds a vector.
    unsafe { vst1q_f32(max.as_mut_ptr(), highest) };
}

/// Constants of the exponential's polynomial, each four times, from the second highest down.
///
/// A multiply-add of NEON overwrites its addend, so each step needs a fresh copy of its constant.
/// One instruction loads four copies, for four vectors; copying from a register takes four.
static COPIES: [[f32; 16]; 5] =
    [[TERMS[4]; 16], [TERMS[3]; 16], [TERMS[2]; 16], [TERMS[1]; 16], [TERMS[0]; 16]];

/// Turns scores into weights, `2^(score - max)`, and adds them to the totals. The steps are those
/// of `exp2_nonpositive`, with two differences that change no bit of a number. The exponent is
/// added to the polynomial's bits, which multiplies it by the power of two: the smallest result is
/// 2^-126, still a normal number. And NEON's maximum keeps a NaN, so nothing is selected; the bits
/// of a NaN are then lost in that addition, but `finish` finds it in the maximum.
#[target_feature(enable = "neon")]
fn weights(scores: &mut [f32], softmax: &mut Softmax) {
    let vectors = scores.len() / FOUR;
    // SAFETY: both hold a vector.
    let (max, mut total) =
        unsafe { (vld1q_f32(softmax.max.as_ptr()), vld1q_f32(softmax.total.as_ptr())) };
    let groups = vectors / 4;
    assert!(vectors.is_multiple_of(4));
    if groups > 0 {
        // SAFETY: reads and writes `groups` times four vectors of `scores`, and reads `COPIES`.
        unsafe {
            asm!(
                "2:",
                "ldp q0, q1, [{x}]",
                "ldp q2, q3, [{x}, #32]",
                "fsub v0.4s, v0.4s, {max:v}.4s",
                "fsub v1.4s, v1.4s, {max:v}.4s",
                "fsub v2.4s, v2.4s, {max:v}.4s",
                "fsub v3.4s, v3.4s, {max:v}.4s",
                "fmax v0.4s, v0.4s, {lowest:v}.4s",
                "fmax v1.4s, v1.4s, {lowest:v}.4s",
                "fmax v2.4s, v2.4s, {lowest:v}.4s",
                "fmax v3.4s, v3.4s, {lowest:v}.4s",
                "fadd v4.4s, v0.4s, {rounder:v}.4s",
                "fadd v5.4s, v1.4s, {rounder:v}.4s",
                "fadd v6.4s, v2.4s, {rounder:v}.4s",
                "fadd v7.4s, v3.4s, {rounder:v}.4s",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{c}], #64",
                "fsub v20.4s, v4.4s, {rounder:v}.4s",
                "fsub v21.4s, v5.4s, {rounder:v}.4s",
                "fsub v22.4s, v6.4s, {rounder:v}.4s",
                "fsub v23.4s, v7.4s, {rounder:v}.4s",
                "fsub v0.4s, v0.4s, v20.4s",
                "fsub v1.4s, v1.4s, v21.4s",
                "fsub v2.4s, v2.4s, v22.4s",
                "fsub v3.4s, v3.4s, v23.4s",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{c}], #64",
                "shl v4.4s, v4.4s, #23",
                "shl v5.4s, v5.4s, #23",
                "shl v6.4s, v6.4s, #23",
                "shl v7.4s, v7.4s, #23",
                "fmla v16.4s, v0.4s, {top:v}.4s",
                "fmla v17.4s, v1.4s, {top:v}.4s",
                "fmla v18.4s, v2.4s, {top:v}.4s",
                "fmla v19.4s, v3.4s, {top:v}.4s",
                "fmla v20.4s, v16.4s, v0.4s",
                "fmla v21.4s, v17.4s, v1.4s",
                "fmla v22.4s, v18.4s, v2.4s",
                "fmla v23.4s, v19.4s, v3.4s",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{c}], #64",
                "fmla v16.4s, v20.4s, v0.4s",
                "fmla v17.4s, v21.4s, v1.4s",
                "fmla v18.4s, v22.4s, v2.4s",
                "fmla v19.4s, v23.4s, v3.4s",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{c}], #64",
                "fmla v20.4s, v16.4s, v0.4s",
                "fmla v21.4s, v17.4s, v1.4s",
                "fmla v22.4s, v18.4s, v2.4s",
                "fmla v23.4s, v19.4s, v3.4s",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{c}]",
                "sub {c}, {c}, #256",
                "fmla v16.4s, v20.4s, v0.4s",
                "fmla v17.4s, v21.4s, v1.4s",
                "fmla v18.4s, v22.4s, v2.4s",
                "fmla v19.4s, v23.4s, v3.4s",
                "subs {n}, {n}, #1",
                "add v16.4s, v16.4s, v4.4s",
                "add v17.4s, v17.4s, v5.4s",
                "add v18.4s, v18.4s, v6.4s",
                "add v19.4s, v19.4s, v7.4s",
                "fadd {total:v}.4s, {total:v}.4s, v16.4s",
                "stp q16, q17, [{x}], #32",
                "fadd {total:v}.4s, {total:v}.4s, v17.4s",
                "fadd {total:v}.4s, {total:v}.4s, v18.4s",
                "stp q18, q19, [{x}], #32",
                "fadd {total:v}.4s, {total:v}.4s, v19.4s",
                "b.ne 2b",
                x = inout(reg) scores.as_mut_ptr() => _,
                n = inout(reg) groups => _,
                c = inout(reg) COPIES.as_ptr() => _,
                max = in(vreg) max,
                lowest = in(vreg) vdupq_n_f32(LOWEST),
                rounder = in(vreg) vdupq_n_f32(ROUNDER),
                top = in(vreg) vdupq_n_f32(TERMS[5]),
                total = inout(vreg) total,
                out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _,
                out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                options(nostack),
            );
        }
    }
    // SAFETY: `total` holds a vector.
    unsafe { vst1q_f32(softmax.total.as_mut_ptr(), total) };
}

#[target_feature(enable = "neon")]
fn weigh(weights: &[f32], v: &[f32], shrink: &[f32; LANES], sums: &mut [f32]) {
    let keys = v.len() / PANEL;
    let (weights, sums) = (&weights[..keys * FOUR], &mut sums[..FOUR * PANEL]);
    let mut sum = [[vdupq_n_f32(0.0); VECTORS]; FOUR];
    for (i, sum) in sum.iter_mut().enumerate() {
        for (j, sum) in sum.iter_mut().enumerate() {
            // SAFETY: `sums` holds four rows of a panel.
            let before = unsafe { vld1q_f32(sums.as_ptr().add(i * PANEL + j * FOUR)) };
            *sum = vmulq_n_f32(before, shrink[i]);
        }
    }
    // Two keys a step, for half of the loop's own instructions.
    let whole = keys - keys % 2;
    for (weights, v) in weights.chunks_exact(2 * FOUR).zip(v.chunks_exact(2 * PANEL)) {
        add_key(&mut sum, &weights[..FOUR], &v[..PANEL]);
        add_key(&mut sum, &weights[FOUR..], &v[PANEL..]);
    }
    if whole < keys {
        add_key(&mut sum, &weights[whole * FOUR..], &v[whole * PANEL..]);
    }
    for (i, sum) in sum.into_iter().enumerate() {
        for (j, sum) in sum.into_iter().enumerate() {
            // SAFETY: `sums` holds four rows of a panel.
            unsafe { vst1q_f32(sums.as_mut_ptr().add(i * PANEL + j * FOUR), sum) };
        }
    }
}

/// Adds a key's 16 values times the weights of four queries.
#[inline]
#[target_feature(enable = "neon")]
fn add_key(sum: &mut [[float32x4_t; VECTORS]; FOUR], weights: &[f32], v: &[f32]) {
    let (weights, v) = (&weights[..FOUR], &v[..PANEL]);
    // SAFETY: `weights` is a vector.
    let weight = unsafe { vld1q_f32(weights.as_ptr()) };
    for j in 0..VECTORS {
        // SAFETY: `v` is a panel's row.
        let value = unsafe { vld1q_f32(v.as_ptr().add(j * FOUR)) };
        sum[0][j] = vfmaq_laneq_f32::<0>(sum[0][j], value, weight);
        sum[1][j] = vfmaq_laneq_f32::<1>(sum[1][j], value, weight);
        sum[2][j] = vfmaq_laneq_f32::<2>(sum[2][j], value, weight);
        sum[3][j] = vfmaq_laneq_f32::<3>(sum[3][j], value, weight);
    }
}
