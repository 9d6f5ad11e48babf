//! Powers of two for softmax.
//!
//! `2^x` is split into `2^k`, which is made by writing `k` into a float's exponent, and `2^r` with
//! `r` in [-0.5, 0.5], where a short polynomial is exact enough. Powers of `e` would need the same
//! and a multiplication, so attention scales its queries instead.

#[cfg(any(test, not(target_arch = "aarch64")))]
use rten_simd::{
    Isa, Simd,
    ops::{IntOps, NumOps},
};

/// Below this, `2^x` is too small for a normal float, and the exponent's bits would underflow.
pub(crate) const LOWEST: f32 = -126.0;
/// 1.5 * 2^23. A sum of this size has no bits left for a fraction, so adding it rounds to the
/// nearest integer and leaves that integer in the low bits. This is faster than converting to an
/// integer and back.
pub(crate) const ROUNDER: f32 = 12_582_912.0;
/// Coefficients of 2^r on [-0.5, 0.5], from the constant term up, interpolated at Chebyshev's
/// nodes. The relative error is 1e-7 before rounding.
pub(crate) const TERMS: [f32; 6] =
    [1.0, std::f32::consts::LN_2, 0.240_221_07, 0.055_503_57, 0.009_676_032, 0.001_339_086_3];

/// `2^x` for `x <= 0`, within 3 ulp; 2^-126 for anything below, NaN for NaN. On ARM, attention has
/// the same steps in assembly.
#[cfg(any(test, not(target_arch = "aarch64")))]
#[inline(always)]
pub(crate) fn exp2_nonpositive<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    let (ops, ints) = (isa.f32(), isa.i32());
    // Not `max`: x86's returns its second operand if one is NaN.
    let lowest = ops.splat(LOWEST);
    let x = ops.select(lowest, x, ops.lt(x, lowest));
    let shifted = ops.add(x, ops.splat(ROUNDER));
    let r = ops.sub(x, ops.sub(shifted, ops.splat(ROUNDER)));
    let mut sum = ops.splat(TERMS[5]);
    for term in TERMS.iter().rev().skip(1) {
        sum = ops.mul_add(sum, r, ops.splat(*term));
    }
    // The shift drops all but the integer `k` in the low bits; 127 is the exponent's bias.
    let bits: I::I32 = shifted.reinterpret_cast();
    let exponent = ints.add(ints.shift_left::<23>(bits), ints.splat(127 << 23));
    ops.mul(sum, exponent.reinterpret_cast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rten_simd::SimdUnaryOp;

    struct Exp2;
    impl SimdUnaryOp<f32> for Exp2 {
        #[inline(always)]
        fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
            exp2_nonpositive(isa, x)
        }
    }

    #[test]
    fn three_ulp_everywhere() {
        let mut x: Vec<f32> = (0..2_000_003).map(|i| i as f32 * (-126.0 / 2_000_003.0)).collect();
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x).exp2()).collect();
        Exp2.map_mut(&mut x);
        for (found, exact) in x.iter().zip(exact) {
            let error = (f64::from(*found) / exact - 1.0).abs();
            assert!(error <= 3.0 * f64::from(f32::EPSILON), "{found} for {exact}");
        }
    }

    #[test]
    fn extremes() {
        let mut x = [0.0, -0.0, f32::NEG_INFINITY, f32::MIN, -127.0, f32::NAN, -f32::NAN];
        Exp2.map_mut(&mut x);
        let tiny = f32::MIN_POSITIVE;
        assert_eq!(x[..5], [1.0, 1.0, tiny, tiny, tiny]);
        assert!(x[5].is_nan() && x[6].is_nan());
    }
}
