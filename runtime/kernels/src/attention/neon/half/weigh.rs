//! From scores to weights, and the values weighted with them.

use super::{CHUNK, LANES, PANEL, narrow, widened};
use std::arch::aarch64::*;
use std::arch::asm;

/// The bits of 1, where the fraction bits of a half have the weight of 1, and half an octave.
const ONE: u16 = 15 << 10;
const HALF_OCTAVE: u16 = 1 << 9;
/// The parabola's height: 0.3432 / 4 in the same units.
const HEIGHT: u16 = 88;
/// What the distance is subtracted from, before the parabola is added; a copy for each of four
/// vectors, because the addition overwrites it.
static COPIES: [u16; 4 * LANES] = [ONE + HALF_OCTAVE - HEIGHT; 4 * LANES];

/// Adds a key's 16 values, in `$low` and `$high`, times the eight weights in `$weights` to the sums.
macro_rules! weighted {
    ($weights:literal, $low:literal, $high:literal) => {
        concat!(
            "fmla v16.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[0]\n",
            "fmla v17.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[0]\n",
            "fmla v18.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[1]\n",
            "fmla v19.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[1]\n",
            "fmla v20.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[2]\n",
            "fmla v21.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[2]\n",
            "fmla v22.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[3]\n",
            "fmla v23.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[3]\n",
            "fmla v24.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[4]\n",
            "fmla v25.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[4]\n",
            "fmla v26.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[5]\n",
            "fmla v27.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[5]\n",
            "fmla v28.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[6]\n",
            "fmla v29.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[6]\n",
            "fmla v30.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[7]\n",
            "fmla v31.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[7]\n",
        )
    };
}

/// Turns a tile's scores into weights and adds the values times these to the sums.
///
/// A weight `2^-y`, where `y` is the distance from the largest score, is made in integers, in units
/// of 2^-10, the last fraction bit of a half. Read as integers, halves are their own logarithm, with
/// straight lines between the powers of two: `y` subtracted from the bits of 1 is nearly `2^-y`. A
/// parabola over the fraction `f` of the result, which is 0 at both ends of an octave, corrects it:
/// `1 + f - 0.3432 f (1 - f)` is `2^f` within 0.2 %. The distance is taken from half an octave above
/// the maximum. Its fraction, shifted to the top of a signed number, is then `u = 1 - 2 f`, and
/// `4 f (1 - f) = 1 - u^2`. The saturating subtraction makes 0 of all weights below 2^-15.
#[target_feature(enable = "neon,fp16,rdm")]
pub(super) fn weigh(
    scores: &[u16],
    v: &[u16],
    shrink: &[f32; LANES],
    max: &[f32; LANES],
    totals: &mut [f32; LANES],
    sums: &mut [f32],
) {
    let mut partial = [0_u16; LANES * PANEL];
    // SAFETY: both hold two vectors.
    let max = unsafe { [vld1q_f32(max.as_ptr()), vld1q_f32(max.as_ptr().add(4))] };
    // With half an octave, which is exact: no maximum is large.
    let [first, last] = max.map(|max| vaddq_f32(max, vdupq_n_f32(0.5)));
    let max = narrow(first, last);
    let [mut low, mut high] =
        unsafe { [vld1q_f32(totals.as_ptr()), vld1q_f32(totals.as_ptr().add(4))] };
    for (scores, v) in scores.chunks(CHUNK * LANES).zip(v.chunks(CHUNK * PANEL)) {
        let groups = v.len() / (4 * PANEL);
        assert!(groups > 0 && scores.len() >= groups * 4 * LANES);
        let total: uint16x8_t;
        // SAFETY: reads `groups` times four vectors of `scores` and rows of `v` (asserted above),
        // and reads and writes `partial`, 16 vectors.
        unsafe {
            asm!(
                "movi v16.16b, #0",
                "movi v17.16b, #0",
                "movi v18.16b, #0",
                "movi v19.16b, #0",
                "movi v20.16b, #0",
                "movi v21.16b, #0",
                "movi v22.16b, #0",
                "movi v23.16b, #0",
                "movi v24.16b, #0",
                "movi v25.16b, #0",
                "movi v26.16b, #0",
                "movi v27.16b, #0",
                "movi v28.16b, #0",
                "movi v29.16b, #0",
                "movi v30.16b, #0",
                "movi v31.16b, #0",
                "2:",
                "ldp q0, q1, [{x}], #32",
                "ldp q2, q3, [{x}], #32",
                "fsub v0.8h, v13.8h, v0.8h",
                "fsub v1.8h, v13.8h, v1.8h",
                "fsub v2.8h, v13.8h, v2.8h",
                "fsub v3.8h, v13.8h, v3.8h",
                "ld1 {{v8.8h, v9.8h, v10.8h, v11.8h}}, [{c}]",
                "fcvtzu v0.8h, v0.8h, #10",
                "fcvtzu v1.8h, v1.8h, #10",
                "fcvtzu v2.8h, v2.8h, #10",
                "fcvtzu v3.8h, v3.8h, #10",
                "shl v4.8h, v0.8h, #6",
                "shl v5.8h, v1.8h, #6",
                "shl v6.8h, v2.8h, #6",
                "shl v7.8h, v3.8h, #6",
                "sqrdmulh v4.8h, v4.8h, v4.8h",
                "sqrdmulh v5.8h, v5.8h, v5.8h",
                "sqrdmulh v6.8h, v6.8h, v6.8h",
                "sqrdmulh v7.8h, v7.8h, v7.8h",
                "sqrdmlah v8.8h, v4.8h, v14.8h",
                "sqrdmlah v9.8h, v5.8h, v14.8h",
                "sqrdmlah v10.8h, v6.8h, v14.8h",
                "sqrdmlah v11.8h, v7.8h, v14.8h",
                "uqsub v8.8h, v8.8h, v0.8h",
                "uqsub v9.8h, v9.8h, v1.8h",
                "uqsub v10.8h, v10.8h, v2.8h",
                "uqsub v11.8h, v11.8h, v3.8h",
                "ldp q0, q1, [{v}], #32",
                "ldp q2, q3, [{v}], #32",
                "ldp q4, q5, [{v}], #32",
                "ldp q6, q7, [{v}], #32",
                "subs {n}, {n}, #1",
                "fadd v12.8h, v12.8h, v8.8h",
                weighted!("8", "0", "1"),
                "fadd v12.8h, v12.8h, v9.8h",
                weighted!("9", "2", "3"),
                "fadd v12.8h, v12.8h, v10.8h",
                weighted!("10", "4", "5"),
                "fadd v12.8h, v12.8h, v11.8h",
                weighted!("11", "6", "7"),
                "b.ne 2b",
                "ldp q0, q1, [{p}, #0]",
                "ldp q2, q3, [{p}, #32]",
                "fadd v0.8h, v0.8h, v16.8h",
                "fadd v1.8h, v1.8h, v17.8h",
                "fadd v2.8h, v2.8h, v18.8h",
                "fadd v3.8h, v3.8h, v19.8h",
                "stp q0, q1, [{p}, #0]",
                "stp q2, q3, [{p}, #32]",
                "ldp q0, q1, [{p}, #64]",
                "ldp q2, q3, [{p}, #96]",
                "fadd v0.8h, v0.8h, v20.8h",
                "fadd v1.8h, v1.8h, v21.8h",
                "fadd v2.8h, v2.8h, v22.8h",
                "fadd v3.8h, v3.8h, v23.8h",
                "stp q0, q1, [{p}, #64]",
                "stp q2, q3, [{p}, #96]",
                "ldp q0, q1, [{p}, #128]",
                "ldp q2, q3, [{p}, #160]",
                "fadd v0.8h, v0.8h, v24.8h",
                "fadd v1.8h, v1.8h, v25.8h",
                "fadd v2.8h, v2.8h, v26.8h",
                "fadd v3.8h, v3.8h, v27.8h",
                "stp q0, q1, [{p}, #128]",
                "stp q2, q3, [{p}, #160]",
                "ldp q0, q1, [{p}, #192]",
                "ldp q2, q3, [{p}, #224]",
                "fadd v0.8h, v0.8h, v28.8h",
                "fadd v1.8h, v1.8h, v29.8h",
                "fadd v2.8h, v2.8h, v30.8h",
                "fadd v3.8h, v3.8h, v31.8h",
                "stp q0, q1, [{p}, #192]",
                "stp q2, q3, [{p}, #224]",
                x = inout(reg) scores.as_ptr() => _,
                v = inout(reg) v.as_ptr() => _,
                n = inout(reg) groups => _,
                p = in(reg) partial.as_mut_ptr(),
                c = in(reg) COPIES.as_ptr(),
                inout("v12") vdupq_n_u16(0) => total,
                in("v13") max,
                in("v14") vdupq_n_u16(HEIGHT),
                out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v8") _, out("v9") _, out("v10") _, out("v11") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _,
                out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                options(nostack),
            );
        }
        let [first, last] = widened(total);
        (low, high) = (vaddq_f32(low, first), vaddq_f32(high, last));
    }
    // SAFETY: `totals` holds two vectors.
    unsafe {
        vst1q_f32(totals.as_mut_ptr(), low);
        vst1q_f32(totals.as_mut_ptr().add(4), high);
    }
    for ((sums, partial), shrink) in
        sums.chunks_exact_mut(PANEL).zip(partial.chunks_exact(PANEL)).zip(shrink)
    {
        for (sums, partial) in sums.chunks_exact_mut(8).zip(partial.chunks_exact(8)) {
            // SAFETY: `partial` holds a vector of halves, and `sums` as many floats.
            unsafe {
                let [low, high] = widened(vld1q_u16(partial.as_ptr()));
                let [first, last] = [sums.as_mut_ptr(), sums.as_mut_ptr().add(4)];
                vst1q_f32(first, vfmaq_n_f32(low, vld1q_f32(first), *shrink));
                vst1q_f32(last, vfmaq_n_f32(high, vld1q_f32(last), *shrink));
            }
        }
    }
}
