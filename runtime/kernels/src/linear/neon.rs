//! Code that both integer paths of ARM share.

use super::LinearI8;
use std::arch::aarch64::*;

/// Outputs of a vector.
pub(super) const LANES: usize = 4;

/// The first `R` rows of `x`, `k` bytes each.
pub(super) fn rows_of<const R: usize>(x: &[i8], k: usize) -> [&[i8]; R] {
    let mut rows = [x; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &x[r * k..][..k];
    }
    rows
}

/// Scales the sums of outputs `first..`, adds the bias, and writes the outputs that exist into
/// `row`.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn finish(layer: &LinearI8, sum: int32x4_t, first: usize, row: &mut [f32]) {
    let (scale, bias) = (&layer.scale[first..][..LANES], &layer.bias[first..][..LANES]);
    // SAFETY: both hold one vector.
    let (scale, bias) = unsafe { (vld1q_f32(scale.as_ptr()), vld1q_f32(bias.as_ptr())) };
    // Not fused: see the module `integer`.
    let value = vaddq_f32(vmulq_f32(vcvtq_f32_s32(sum), scale), bias);
    let row = &mut row[first..];
    if row.len() >= LANES {
        // SAFETY: `row` holds at least one vector.
        unsafe { vst1q_f32(row.as_mut_ptr(), value) };
    } else {
        let mut values = [0.0; LANES];
        // SAFETY: `values` is one vector.
        unsafe { vst1q_f32(values.as_mut_ptr(), value) };
        row.copy_from_slice(&values[..row.len()]);
    }
}
