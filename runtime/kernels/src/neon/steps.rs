//! Quantization by NEON without a division, to the bits of the one with it.
//!
//! The reciprocal of the step in two floats, the second what the first lacks, has 47 bits. Before
//! its last rounding, a product with both is within 2^-46 of `x / scale`. It rounds like the exact
//! quotient unless this lies so close to the middle between two floats. For int8, floats matter
//! only where the integer changes: at `k + 1/2`, for 128 values of `k`. How close a quotient can
//! come to the middle beside each depends on the step alone, so [`Steps::new`] decides once. A step
//! for which it is too close, about one in four thousand, is left to the division.

use std::arch::aarch64::*;

/// Bits of a float's significand.
const BITS: u32 = 24;
/// Distance from a middle that a quotient must keep, in units of 2^-49 of it: twice the error.
const MARGIN: u32 = 16;

/// The reciprocal of a step, for which the result is that of the division.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// What the reciprocal is, rounded towards zero, and what is left of it, in lanes 0 and 1.
    reciprocal: float32x4_t,
}

impl Steps {
    /// `None` for steps that are left to the division: those above, and such as are not positive
    /// or extreme.
    pub(crate) fn new(scale: f32) -> Option<Self> {
        if !(1e-18..1e18).contains(&scale) {
            return None;
        }
        let significand = scale.to_bits() & ((1 << (BITS - 1)) - 1) | 1 << (BITS - 1);
        // A quotient in the middle between two floats is an odd number of `BITS + 1` bits. Times
        // the step it would be the dividend, a number of `BITS` bits and some zeros. The distance
        // of that product from the next such number is in its low bits.
        let close = |k: u32| {
            let half = (2 * k + 1) << (BITS - (2 * k + 1).ilog2());
            // The halves round to even: above `k + 1/2` if `k` is, below it if not.
            let middle = if k % 2 == 0 { half + 1 } else { half - 1 };
            let low = middle.wrapping_mul(significand) & ((1 << BITS) - 1);
            low.wrapping_add(MARGIN) & ((1 << BITS) - 1) <= 2 * MARGIN
        };
        if (0..128).map(close).fold(false, |any, close| any | close) {
            return None;
        }
        let exact = 1.0 / f64::from(scale);
        let mut high = exact as f32;
        if f64::from(high) > exact {
            high = high.next_down();
        }
        // Never 0, which would make NaN of infinity.
        let low = ((exact - f64::from(high)) as f32).max(f32::MIN_POSITIVE);
        let lanes = [high, low, 0.0, 0.0];
        // SAFETY: four values, and NEON is part of aarch64.
        Some(Self { reciprocal: unsafe { vld1q_f32(lanes.as_ptr()) } })
    }

    /// `round(x / scale)`, ties to even, of the size of an int32; NaN gives 0.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(crate) fn round(&self, x: float32x4_t) -> int32x4_t {
        let low = vmulq_laneq_f32::<1>(x, self.reciprocal);
        vcvtnq_s32_f32(vfmaq_laneq_f32::<0>(low, x, self.reciprocal))
    }
}

/// Makes bytes of four vectors of integers, saturated.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn narrow([a, b, c, d]: [int32x4_t; 4]) -> int8x16_t {
    let low = vqmovn_high_s32(vqmovn_s32(a), b);
    let high = vqmovn_high_s32(vqmovn_s32(c), d);
    vqmovn_high_s16(vqmovn_s16(low), high)
}

/// Quantizes `x` to `out`, of the same length; false, and nothing done, if the step needs the
/// division.
pub(crate) fn quantize(x: &[f32], scale: f32, out: &mut [i8]) -> bool {
    let Some(steps) = Steps::new(scale) else { return false };
    // SAFETY: NEON is part of aarch64.
    unsafe { rounded(x, &steps, out) };
    true
}

#[target_feature(enable = "neon")]
fn rounded(x: &[f32], steps: &Steps, out: &mut [i8]) {
    let steps = *steps;
    let (wide, mut bytes) = (x.chunks_exact(16), out.chunks_exact_mut(16));
    let rest = wide.remainder();
    for (x, out) in wide.zip(&mut bytes) {
        // SAFETY: `x` holds four vectors of floats, `out` one of bytes.
        unsafe {
            let vector = |i: usize| steps.round(vld1q_f32(x.as_ptr().add(4 * i)));
            vst1q_s8(out.as_mut_ptr(), narrow([vector(0), vector(1), vector(2), vector(3)]));
        }
    }
    for (x, out) in rest.iter().zip(bytes.into_remainder()) {
        *out = vqmovnh_s16(vqmovns_s32(vgetq_lane_s32::<0>(steps.round(vdupq_n_f32(*x)))));
    }
}
