//! f32 to int8, with the bits of ONNX's `QuantizeLinear` with zero point 0.

use crate::KernelError;
use crate::error::expect_size;
#[cfg(target_arch = "aarch64")]
use crate::neon;
use rten_simd::ops::{FloatOps, NarrowSaturate, NumOps};
use rten_simd::{Isa, SimdOp};

/// Computes `round(x / scale)`, ties to even, saturated to -128..=127; NaN gives 0.
///
/// # Errors
/// [`KernelError::Size`] if the lengths differ.
pub fn quantize(x: &[f32], scale: f32, out: &mut [i8]) -> Result<(), KernelError> {
    expect_size("quantized values", x.len(), out.len())?;
    quantize_all(x, scale, out);
    Ok(())
}

/// [`quantize`] for slices that are known to have the same length.
pub(crate) fn quantize_all(x: &[f32], scale: f32, out: &mut [i8]) {
    #[cfg(target_arch = "aarch64")]
    if neon::quantize(x, scale, out) {
        return;
    }
    Quantize { x, scale, out }.dispatch();
}

/// Most lanes of a vector of bytes: those of an AVX-512 register.
const MAX_BYTES: usize = 64;

struct Quantize<'a> {
    x: &'a [f32],
    scale: f32,
    out: &'a mut [i8],
}

impl SimdOp for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let step = isa.u8().len();
        // SAFETY: i8 and u8 have the same size and alignment, and any bits are a value of both.
        let out = unsafe {
            std::slice::from_raw_parts_mut(self.out.as_mut_ptr().cast::<u8>(), self.out.len())
        };
        let (wide, mut narrow) = (self.x.chunks_exact(step), out.chunks_exact_mut(step));
        let rest = wide.remainder();
        for (x, out) in wide.zip(&mut narrow) {
            quantize_bytes(isa, x, self.scale, out);
        }
        if rest.is_empty() {
            return;
        }
        // The last values go through a padded vector, so that they are rounded by the same code.
        let (mut padded, mut bytes) = ([0.0; MAX_BYTES], [0; MAX_BYTES]);
        padded[..rest.len()].copy_from_slice(rest);
        quantize_bytes(isa, &padded, self.scale, &mut bytes);
        narrow.into_remainder().copy_from_slice(&bytes[..rest.len()]);
    }
}

/// Makes a vector of bytes from four vectors of floats. Both slices must hold that many.
#[inline(always)]
fn quantize_bytes<I: Isa>(isa: I, x: &[f32], scale: f32, bytes: &mut [u8]) {
    let (ops, ints, shorts, octets) = (isa.f32(), isa.i32(), isa.i16(), isa.u8());
    let scale = ops.splat(scale);
    // rten-simd narrows to unsigned bytes only: 128 is added before, and flipping the top bit takes
    // it away.
    let mut integers = [ints.zero(); 4];
    for (i, integer) in integers.iter_mut().enumerate() {
        // Divided, not multiplied by the reciprocal, which can round the other way than ONNX's
        // operator.
        let x = ops.div(ops.load(&x[i * ops.len()..]), scale);
        let x = ops.select(x, ops.zero(), ops.eq(x, x));
        // Clamped as floats: the conversion of larger ones to integers differs between processors.
        let x = ops.max(ops.min(x, ops.splat(127.0)), ops.splat(-128.0));
        *integer = ints.add(ops.to_int_round(x), ints.splat(128));
    }
    let [a, b, c, d] = integers;
    let (low, high) = (ints.narrow_saturate(a, b), ints.narrow_saturate(c, d));
    let packed = octets.xor(shorts.narrow_saturate(low, high), octets.splat(0x80));
    octets.store(packed, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(x: f32, scale: f32) -> i8 {
        // Rust's conversion saturates and turns NaN into 0.
        (x / scale).round_ties_even() as i8
    }

    fn quantized(x: &[f32], scale: f32) -> Vec<i8> {
        let mut out = vec![99; x.len()];
        quantize(x, scale, &mut out).unwrap();
        out
    }

    #[test]
    fn ties_extremes_and_order() {
        let mut x: Vec<f32> = (-600..600).map(|i| i as f32 * 0.25).collect();
        x.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0, 1e-40]);
        for scale in [1.0, 0.5, 0.1, 1e-30, 1e30, f32::MIN_POSITIVE] {
            let expected: Vec<i8> = x.iter().map(|&x| reference(x, scale)).collect();
            assert_eq!(quantized(&x, scale), expected, "{scale}");
        }
        assert_eq!(quantized(&[0.5, 1.5, 2.5, -0.5, -1.5], 1.0), [0, 2, 2, 0, -2]);
        assert!(quantize(&[1.0], 1.0, &mut [0; 2]).is_err());
        // A pack's scale is only known to be a float.
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let expected: Vec<i8> = x.iter().map(|&x| reference(x, scale)).collect();
            assert_eq!(quantized(&x, scale), expected, "{scale}");
        }
    }

    proptest! {
        #[test]
        fn bits_of_the_reference(
            x in prop::collection::vec(prop::num::f32::ANY, 0..200),
            scale in prop::num::f32::POSITIVE,
        ) {
            let expected: Vec<i8> = x.iter().map(|&x| reference(x, scale)).collect();
            prop_assert_eq!(quantized(&x, scale), expected);
        }

        /// Where a wrong last bit would show: at and beside each tie.
        #[test]
        fn bits_of_the_reference_at_ties(scale in 1e-3_f32..1.0, power in -20..20) {
            let scale = scale * 2.0_f32.powi(power);
            let mut x = vec![];
            for tie in (-260..260).map(|i| i as f32 * 0.5) {
                let middle = tie * scale;
                x.extend([middle, middle.next_up(), middle.next_down()]);
                x.extend([middle.next_up().next_up(), middle.next_down().next_down()]);
            }
            let expected: Vec<i8> = x.iter().map(|&x| reference(x, scale)).collect();
            prop_assert_eq!(quantized(&x, scale), expected);
        }

        #[test]
        fn bits_of_the_reference_in_range(
            x in prop::collection::vec(-130.0_f32..130.0, 0..200), scale in 0.3_f32..1.1,
        ) {
            let expected: Vec<i8> = x.iter().map(|&x| reference(x, scale)).collect();
            prop_assert_eq!(quantized(&x, scale), expected);
        }
    }
}
