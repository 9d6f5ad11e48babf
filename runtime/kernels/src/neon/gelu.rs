//! GELU by NEON: the function of [`crate::gelu`], with the reciprocal by an estimate and two of
//! Newton's steps. Divisions of vectors run one after the other on a Cortex-A53 or A72, each for
//! many cycles; the five instructions here run beside those of other vectors.

use crate::gelu::{REACH, TERMS};
use std::arch::aarch64::*;
use std::arch::asm;

/// The function's constants in registers.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    /// The even terms, each in all lanes: what a multiplication is added to is overwritten, so it
    /// is copied anyway.
    even: [float32x4_t; 3],
    /// Terms 1, 3, 5 and 6, a lane each.
    factors: float32x4_t,
    reach: float32x4_t,
    one: float32x4_t,
}

impl Curve {
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn new() -> Self {
        let factors = [TERMS[1], TERMS[3], TERMS[5], TERMS[6]];
        Self {
            even: [vdupq_n_f32(TERMS[0]), vdupq_n_f32(TERMS[2]), vdupq_n_f32(TERMS[4])],
            // SAFETY: four values.
            factors: unsafe { vld1q_f32(factors.as_ptr()) },
            reach: vdupq_n_f32(REACH),
            one: vdupq_n_f32(1.0),
        }
    }

    /// GELU of each value.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn apply(&self, x: float32x4_t) -> float32x4_t {
        let factors = self.factors;
        // NEON's minimum and maximum give NaN for NaN.
        let a = vminq_f32(vabsq_f32(x), self.reach);
        let square = vmulq_f32(a, a);
        let pair = vfmaq_laneq_f32::<2>(self.even[2], a, factors);
        let high = vfmaq_laneq_f32::<3>(pair, square, factors);
        let pair = vfmaq_laneq_f32::<1>(self.even[1], a, factors);
        let high = vfmaq_f32(pair, square, high);
        let pair = vfmaq_laneq_f32::<0>(self.even[0], a, factors);
        let p = vfmaq_f32(pair, square, high);
        let mut power = vaddq_f32(vfmaq_f32(vaddq_f32(p, p), p, p), self.one);
        power = vmulq_f32(power, power);
        power = vmulq_f32(power, power);
        power = vmulq_f32(power, power);
        // The estimate has 8 bits, the first step 16, the second, which is part of the last
        // product, all of them. For an infinite power both steps are 2 and the estimate is 0.
        let estimate = vrecpeq_f32(power);
        let estimate = vmulq_f32(estimate, vrecpsq_f32(power, estimate));
        let tail = vmulq_f32(a, estimate);
        let above = vmaxq_f32(x, vdupq_n_f32(0.0));
        less(above, tail, vrecpsq_f32(power, estimate))
    }
}

/// `sum - a b`. In assembly: of the intrinsic the compiler makes a negation and `fmla`.
#[inline]
#[target_feature(enable = "neon")]
fn less(mut sum: float32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
    // SAFETY: works on registers alone.
    unsafe {
        asm!(
            "fmls {sum:v}.4s, {a:v}.4s, {b:v}.4s",
            sum = inlateout(vreg) sum,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// In place.
pub(crate) fn gelu(x: &mut [f32]) {
    // SAFETY: NEON is part of aarch64.
    unsafe { in_place(x) }
}

#[target_feature(enable = "neon")]
fn in_place(x: &mut [f32]) {
    let curve = Curve::new();
    let mut fours = x.chunks_exact_mut(16);
    for x in &mut fours {
        // Four vectors at once, for the latency of a single one is much longer than its work.
        for i in 0..4 {
            // SAFETY: `x` holds four vectors.
            unsafe {
                let at = x.as_mut_ptr().add(4 * i);
                vst1q_f32(at, curve.apply(vld1q_f32(at)));
            }
        }
    }
    for x in fours.into_remainder().chunks_mut(4) {
        let mut four = [0.0; 4];
        four[..x.len()].copy_from_slice(x);
        // SAFETY: four values.
        unsafe { vst1q_f32(four.as_mut_ptr(), curve.apply(vld1q_f32(four.as_ptr()))) };
        x.copy_from_slice(&four[..x.len()]);
    }
}
