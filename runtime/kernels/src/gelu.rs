//! GELU with the exact error function.
//!
//! Networks are trained with `erf`, and the usual approximation by `tanh` is off by up to 5e-4.
//! Here `gelu(x) = max(x, 0) - a T(a)`, where `a` is the magnitude of `x` and `T` the normal
//! distribution's upper tail. `T(a)` is `P(a)^-16` with a polynomial `P` of degree 6, exact within
//! 1e-7: a tail falls like the power of a growing polynomial, so that no value needs a special case,
//! however large. It takes a dozen multiplications and one division.
//!
//! `P(a)` is close to 1, where floats are coarse, and the power makes its error 16 times as large.
//! The polynomial therefore computes `P - 1`, and 1 is added after the first squaring:
//! `P^2 = 1 + (2 p + p^2)` with `p = P - 1`.

#[cfg(target_arch = "aarch64")]
use crate::neon;
#[cfg(any(test, not(target_arch = "aarch64")))]
use rten_simd::ops::{FloatOps, NumOps};
#[cfg(any(test, not(target_arch = "aarch64")))]
use rten_simd::{Isa, SimdUnaryOp};

/// Where the tail is exactly 0, as the power overflows. Magnitudes beyond it, infinity among them,
/// count as this one.
pub(crate) const REACH: f32 = 1000.0;
/// `P - 1`, from the constant term up, fitted to the least maximum error of `a T(a) / max(a, 1)`.
pub(crate) const TERMS: [f32; 7] = [
    4.427_426_6e-2,
    5.207_000_3e-2,
    2.209_393_8e-2,
    3.398_738_7e-3,
    5.598_757_4e-5,
    4.585_931_6e-5,
    6.241_672_5e-6,
];

/// `0.5 x (1 + erf(x / sqrt 2))`, in place; within `4e-7 max(|x|, 1)` of the exact value.
pub fn gelu(x: &mut [f32]) {
    #[cfg(target_arch = "aarch64")]
    neon::gelu(x);
    #[cfg(not(target_arch = "aarch64"))]
    Gelu.map_mut(x);
}

/// The definition. On ARM, [`neon`] divides by an estimate and Newton's steps: a unit in the last
/// place may differ.
#[cfg(any(test, not(target_arch = "aarch64")))]
pub(crate) struct Gelu;

#[cfg(any(test, not(target_arch = "aarch64")))]
impl SimdUnaryOp<f32> for Gelu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        let reach = ops.splat(REACH);
        let a = ops.abs(x);
        // NaN compares false and stays.
        let a = ops.select(reach, a, ops.gt(a, reach));
        let square = ops.mul(a, a);
        // By pairs of terms: three short chains instead of a long one.
        let pair = |i: usize| ops.mul_add(a, ops.splat(TERMS[i + 1]), ops.splat(TERMS[i]));
        let high = ops.mul_add(square, ops.splat(TERMS[6]), pair(4));
        let high = ops.mul_add(square, high, pair(2));
        let p = ops.mul_add(square, high, pair(0));
        let mut power = ops.add(ops.mul_add(p, p, ops.add(p, p)), ops.one());
        for _ in 0..3 {
            power = ops.mul(power, power);
        }
        ops.sub(ops.max(x, ops.zero()), ops.div(a, power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_exact_function() {
        let x: Vec<f32> = (-120_000..120_001).map(|i| i as f32 * 1e-4).collect();
        let mut found = x.clone();
        gelu(&mut found);
        for (x, found) in x.iter().zip(found) {
            let x = f64::from(*x);
            let exact = 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2));
            let error = (f64::from(found) - exact).abs();
            assert!(error <= 4e-7 * x.abs().max(1.0), "{found} for {exact} at {x}");
        }
    }

    #[test]
    fn the_definition_and_what_runs_agree() {
        let mut found: Vec<f32> = (-50_000..50_001).map(|i| i as f32 * 2e-4).collect();
        let mut defined = found.clone();
        gelu(&mut found);
        Gelu.map_mut(&mut defined);
        for (found, defined) in found.iter().zip(defined) {
            assert!((found - defined).abs() <= 3e-7 * defined.abs().max(1.0), "{found} {defined}");
        }
    }

    #[test]
    fn extremes() {
        let mut found =
            [f32::INFINITY, f32::MAX, f32::MIN, 0.0, f32::NAN, 1e-40, f32::NEG_INFINITY];
        let mut defined = found;
        gelu(&mut found);
        Gelu.map_mut(&mut defined);
        for x in [found, defined] {
            assert_eq!(x[..2], [f32::INFINITY, f32::MAX]);
            assert!(x[2] == 0.0 && x[3] == 0.0 && x[4].is_nan() && x[5].abs() < 1e-39);
            assert_eq!(x[6], 0.0);
        }
    }
}
