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

/// GELU for what is rounded to 8 bits: `T(a)` as `Q(a)^-8` with a polynomial of degree 3, and the bare estimate of
/// the reciprocal. Off by at most 1.2e-3, which is 4 to 17 % of a step in UniUltra-mini's layers, with 14
/// instructions for four values instead of 25.
#[derive(Clone, Copy)]
pub(crate) struct CoarseCurve {
    terms: [float32x4_t; 3],
    /// The last term, in all lanes.
    factor: float32x4_t,
    reach: float32x4_t,
}

/// `Q`, from the constant term up, fitted to the least maximum error of `a T(a)`.
const COARSE_TERMS: [f32; 4] = [1.088_053_9, 0.122_689_36, 0.027_074_89, 0.020_589_697];

impl CoarseCurve {
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn new() -> Self {
        let [c0, c1, c2, c3] = COARSE_TERMS.map(|term| vdupq_n_f32(term));
        Self { terms: [c0, c1, c2], factor: c3, reach: vdupq_n_f32(REACH) }
    }

    /// GELU of each value.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn apply(&self, x: float32x4_t) -> float32x4_t {
        let a = vminq_f32(vabsq_f32(x), self.reach);
        let q = vfmaq_f32(self.terms[2], a, self.factor);
        let q = vfmaq_f32(self.terms[1], a, q);
        let q = vfmaq_f32(self.terms[0], a, q);
        let mut power = vmulq_f32(q, q);
        power = vmulq_f32(power, power);
        power = vmulq_f32(power, power);
        less(vmaxq_f32(x, vdupq_n_f32(0.0)), a, vrecpeq_f32(power))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_curve_is_close_to_the_exact_function() {
        let exact = |x: f64| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2));
        // SAFETY: NEON is part of aarch64.
        let coarse = |x: f32| unsafe {
            let curve = CoarseCurve::new();
            vgetq_lane_f32::<0>(curve.apply(vdupq_n_f32(x)))
        };
        for x in (-120_000..120_001).map(|i| i as f32 * 1e-4) {
            let error = (f64::from(coarse(x)) - exact(f64::from(x))).abs();
            assert!(error <= 1.2e-3, "{} at {x}", coarse(x));
        }
        assert_eq!(
            [f32::INFINITY, f32::MAX, 0.0, f32::MIN].map(coarse),
            [f32::INFINITY, f32::MAX, 0.0, 0.0]
        );
        assert!(coarse(f32::NAN).is_nan() && coarse(f32::NEG_INFINITY) == 0.0);
    }
}
