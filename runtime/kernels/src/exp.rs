//! The exponential of non-positive numbers, as softmax and erf need it.

use rten_simd::ops::{IntOps, NumOps};
use rten_simd::{Isa, Simd};

/// Below this the result is zero; above it `2^k` and the result are normal numbers.
const LOWEST: f32 = -86.6;
/// Adding it leaves the nearest integer in the low bits of the sum: 1.5 * 2^23.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has zeros at its end, so that products with `k` are exact.
const LN_2_HIGH: f32 = 0.693_145_75;
const LN_2_LOW: f32 = 1.428_606_8e-6;
/// exp on [-ln 2 / 2, ln 2 / 2], from the constant term up: interpolated at Chebyshev's nodes,
/// relative error 3e-9 before rounding.
const TERMS: [f32; 7] = [1.0, 1.0, 0.5, 0.166_664_16, 0.041_666_35, 0.008_375_168, 0.001_394_116];

/// `exp(x)` for `x <= 0`, within 2 ulp; 0 below -86.6, NaN for NaN.
#[inline(always)]
pub(crate) fn exp_nonpositive<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    let (ops, ints) = (isa.f32(), isa.i32());
    // x = k ln 2 + r.
    let shifted = ops.mul_add(x, ops.splat(std::f32::consts::LOG2_E), ops.splat(ROUNDER));
    let k = ops.sub(shifted, ops.splat(ROUNDER));
    let r = ops.mul_add(k, ops.splat(-LN_2_HIGH), x);
    let r = ops.mul_add(k, ops.splat(-LN_2_LOW), r);
    let mut sum = ops.splat(TERMS[6]);
    for term in TERMS.iter().rev().skip(1) {
        sum = ops.mul_add(sum, r, ops.splat(*term));
    }
    // 2^k from the integer in the low bits.
    let bits: I::I32 = shifted.reinterpret_cast();
    let exponent = ints.add(ints.shift_left::<23>(bits), ints.splat(127 << 23));
    let power: I::F32 = exponent.reinterpret_cast();
    let result = ops.mul(sum, power);
    ops.select(ops.zero(), result, ops.lt(x, ops.splat(LOWEST)))
}

/// Below this, `2^x` is no normal number.
const LOWEST_POWER: f32 = -126.0;
/// 2^x on [-0.5, 0.5], from the constant term up: interpolated at Chebyshev's nodes, relative error
/// 1e-7 before rounding.
const POWER_TERMS: [f32; 6] =
    [1.0, 0.693_147_2, 0.240_221_07, 0.055_503_57, 0.009_676_032, 0.001_339_086_3];

/// `2^x` for `x <= 0`, within 3 ulp; 2^-126 for anything below, NaN for NaN. Cheaper than
/// [`exp_nonpositive`], where the factor log2(e) can be had for nothing.
#[inline(always)]
pub(crate) fn exp2_nonpositive<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    let (ops, ints) = (isa.f32(), isa.i32());
    // Not `max`, which loses NaN on some processors.
    let lowest = ops.splat(LOWEST_POWER);
    let x = ops.select(lowest, x, ops.lt(x, lowest));
    let shifted = ops.add(x, ops.splat(ROUNDER));
    let r = ops.sub(x, ops.sub(shifted, ops.splat(ROUNDER)));
    let mut sum = ops.splat(POWER_TERMS[5]);
    for term in POWER_TERMS.iter().rev().skip(1) {
        sum = ops.mul_add(sum, r, ops.splat(*term));
    }
    let bits: I::I32 = shifted.reinterpret_cast();
    let exponent = ints.add(ints.shift_left::<23>(bits), ints.splat(127 << 23));
    ops.mul(sum, exponent.reinterpret_cast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rten_simd::SimdUnaryOp;

    struct Exp;
    impl SimdUnaryOp<f32> for Exp {
        #[inline(always)]
        fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
            exp_nonpositive(isa, x)
        }
    }

    #[test]
    fn two_ulp_everywhere() {
        let mut x: Vec<f32> = (0..2_000_003).map(|i| i as f32 * (-86.6 / 2_000_003.0)).collect();
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x).exp()).collect();
        Exp.map_mut(&mut x);
        for (found, exact) in x.iter().zip(exact) {
            let error = (f64::from(*found) / exact - 1.0).abs();
            assert!(error <= 2.0 * f64::from(f32::EPSILON), "{found} for {exact}");
        }
    }

    struct Exp2;
    impl SimdUnaryOp<f32> for Exp2 {
        #[inline(always)]
        fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
            exp2_nonpositive(isa, x)
        }
    }

    #[test]
    fn powers_of_two_to_three_ulp() {
        let mut x: Vec<f32> = (0..2_000_003).map(|i| i as f32 * (-126.0 / 2_000_003.0)).collect();
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x).exp2()).collect();
        Exp2.map_mut(&mut x);
        for (found, exact) in x.iter().zip(exact) {
            let error = (f64::from(*found) / exact - 1.0).abs();
            assert!(error <= 3.0 * f64::from(f32::EPSILON), "{found} for {exact}");
        }
        let mut x = [0.0, -0.0, f32::NEG_INFINITY, f32::MIN, -127.0, f32::NAN, -f32::NAN];
        Exp2.map_mut(&mut x);
        let tiny = f32::MIN_POSITIVE;
        assert_eq!(x[..5], [1.0, 1.0, tiny, tiny, tiny]);
        assert!(x[5].is_nan() && x[6].is_nan());
    }

    #[test]
    fn extremes() {
        let odd_nan = f32::from_bits(0x7fc0_0123);
        let mut x = [0.0, -0.0, f32::NEG_INFINITY, f32::MIN, -87.0, -1e-30, f32::NAN, odd_nan];
        Exp.map_mut(&mut x);
        assert_eq!(x[..6], [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert!(x[6].is_nan() && x[7].is_nan());
    }
}
