//! GELU with the exact error function.
//!
//! Networks are trained with `erf`, and the usual approximation by `tanh` is off by up to 5e-4. A
//! rational function is exact within 1e-7 and takes a dozen multiplications and one division.

use rten_simd::ops::{FloatOps, NumOps};
use rten_simd::{Isa, SimdUnaryOp};

/// Beyond this magnitude, the normal distribution function of `x` is 0 or 1 within 8e-8.
const REACH: f32 = 5.25;
/// The normal distribution function of `x`, less a half, is `x N(x^2) / D(x^2)` within 1e-7 up to
/// [`REACH`]. The coefficients are from the constant term up, fitted to the least maximum error
/// with `D(0) = 1`.
const NUMERATOR: [f32; 6] =
    [3.9894167e-1, 6.268109e-2, 6.2468876e-3, 4.3737504e-4, 5.6821295e-6, -1.684679e-8];
const DENOMINATOR: [f32; 5] = [1.0e0, 3.2377484e-1, 4.463975e-2, 3.402357e-3, 1.4703932e-4];

/// `0.5 x (1 + erf(x / sqrt 2))`, in place; within `4e-7 max(|x|, 1)` of the exact value.
pub fn gelu(x: &mut [f32]) {
    Gelu.map_mut(x);
}

pub(crate) struct Gelu;

impl SimdUnaryOp<f32> for Gelu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        let square = ops.mul(x, x);
        let mut numerator = ops.splat(NUMERATOR[5]);
        for term in NUMERATOR.iter().rev().skip(1) {
            numerator = ops.mul_add(numerator, square, ops.splat(*term));
        }
        let mut denominator = ops.splat(DENOMINATOR[4]);
        for term in DENOMINATOR.iter().rev().skip(1) {
            denominator = ops.mul_add(denominator, square, ops.splat(*term));
        }
        // The function is odd around a half: only the numerator is multiplied by x, and both are
        // polynomials of its square.
        let half = ops.splat(0.5);
        let below = ops.add(ops.div(ops.mul(numerator, x), denominator), half);
        // Outside its range the fraction grows without limit. NaN compares false and stays.
        let below = ops.select(ops.one(), below, ops.gt(x, ops.splat(REACH)));
        let below = ops.select(ops.zero(), below, ops.lt(x, ops.splat(-REACH)));
        ops.mul(x, below)
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
    fn extremes() {
        let mut x = [f32::INFINITY, f32::MAX, f32::MIN, 0.0, f32::NAN, 1e-40];
        gelu(&mut x);
        assert_eq!(x[..2], [f32::INFINITY, f32::MAX]);
        assert!(x[2] == 0.0 && x[3] == 0.0 && x[4].is_nan() && x[5].abs() < 1e-39);
    }
}
