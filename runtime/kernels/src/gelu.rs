//! GELU with the exact error function.

use crate::exp::exp_nonpositive;
use rten_simd::ops::{FloatOps, NumOps};
use rten_simd::{Isa, SimdUnaryOp};

/// Abramowitz and Stegun 7.1.26: `erfc(z) = (a1 t + .. + a5 t^5) exp(-z^2)`, `t = 1 / (1 + p z)`,
/// for `z >= 0`, within 1.5e-7.
const P: f32 = 0.327_591_1;
const A: [f32; 5] = [0.254_829_6, -0.284_496_72, 1.421_413_8, -1.453_152_1, 1.061_405_4];

/// `0.5 x (1 + erf(x / sqrt 2))`, in place; within `4e-7 max(|x|, 1)` of the exact value.
pub fn gelu(x: &mut [f32]) {
    Gelu.map_mut(x);
}

pub(crate) struct Gelu;

impl SimdUnaryOp<f32> for Gelu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        let z = ops.mul(ops.abs(x), ops.splat(std::f32::consts::FRAC_1_SQRT_2));
        let t = ops.div(ops.one(), ops.mul_add(z, ops.splat(P), ops.one()));
        let mut sum = ops.splat(A[4] * 0.5);
        for a in A.iter().rev().skip(1) {
            sum = ops.mul_add(sum, t, ops.splat(a * 0.5));
        }
        let decay = exp_nonpositive(isa, ops.neg(ops.mul(z, z)));
        // Half of erfc(|z|): the share of a Gaussian beyond |x|.
        let beyond = ops.mul(ops.mul(sum, t), decay);
        let below = ops.select(beyond, ops.sub(ops.one(), beyond), ops.lt(x, ops.zero()));
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
