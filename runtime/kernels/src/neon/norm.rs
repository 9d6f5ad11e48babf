//! LayerNorm by NEON: four rows at once, so that their sums are added across lanes together and one
//! vector holds their square roots.

use crate::norm::LayerNorm;
use std::arch::aarch64::*;

/// Values of a vector.
const LANES: usize = 4;

/// Normalises rows of `channels` values; lengths were checked. False, and nothing done, if a row is
/// not made of whole vectors.
pub(crate) fn layer_norm(
    norm: &LayerNorm<'_>,
    channels: usize,
    x: &[f32],
    out: &mut [f32],
) -> bool {
    if channels == 0 || !channels.is_multiple_of(LANES) {
        return false;
    }
    let rows = x.len().min(out.len()) / channels;
    let mut row = 0;
    while row < rows {
        let (x, out) = (&x[row * channels..], &mut out[row * channels..]);
        // SAFETY: NEON is part of aarch64, and that many rows are left in both.
        unsafe {
            if row + 4 <= rows {
                normalise::<4>(norm, channels, x, out);
                row += 4;
            } else {
                normalise::<1>(norm, channels, x, out);
                row += 1;
            }
        }
    }
    true
}

/// The first `R` rows.
///
/// # Safety
/// Both must hold `R` rows, gain and shift a value for each channel.
#[target_feature(enable = "neon")]
unsafe fn normalise<const R: usize>(
    norm: &LayerNorm<'_>,
    channels: usize,
    x: &[f32],
    out: &mut [f32],
) {
    let (x, out) = (x.as_ptr(), out.as_mut_ptr());
    let share = 1.0 / channels as f32;
    let zero = vdupq_n_f32(0.0);
    let (mut sums, mut squares) = ([zero; R], [zero; R]);
    // SAFETY: the caller's promise.
    unsafe {
        for c in (0..channels).step_by(LANES) {
            for (r, sum) in sums.iter_mut().enumerate() {
                *sum = vaddq_f32(*sum, vld1q_f32(x.add(r * channels + c)));
            }
        }
        let means = spread::<R>(vmulq_n_f32(across(sums), share));
        for c in (0..channels).step_by(LANES) {
            for (r, square) in squares.iter_mut().enumerate() {
                let difference = vsubq_f32(vld1q_f32(x.add(r * channels + c)), means[r]);
                *square = vfmaq_f32(*square, difference, difference);
            }
        }
        let variance = vmulq_n_f32(across(squares), share);
        let deviation = vsqrtq_f32(vaddq_f32(variance, vdupq_n_f32(norm.epsilon)));
        let inverses = spread::<R>(vdivq_f32(vdupq_n_f32(1.0), deviation));
        match norm.affine {
            None => {
                for c in (0..channels).step_by(LANES) {
                    for r in 0..R {
                        let at = r * channels + c;
                        let difference = vsubq_f32(vld1q_f32(x.add(at)), means[r]);
                        vst1q_f32(out.add(at), vmulq_f32(difference, inverses[r]));
                    }
                }
            }
            Some([gain, shift]) => {
                for c in (0..channels).step_by(LANES) {
                    let gain = vld1q_f32(gain.as_ptr().add(c));
                    let shift = vld1q_f32(shift.as_ptr().add(c));
                    for r in 0..R {
                        let at = r * channels + c;
                        let difference = vsubq_f32(vld1q_f32(x.add(at)), means[r]);
                        let value = vfmaq_f32(shift, vmulq_f32(difference, inverses[r]), gain);
                        vst1q_f32(out.add(at), value);
                    }
                }
            }
        }
    }
}

/// The sums of up to four vectors, a lane each.
#[inline]
#[target_feature(enable = "neon")]
fn across<const R: usize>(sums: [float32x4_t; R]) -> float32x4_t {
    let zero = vdupq_n_f32(0.0);
    let mut four = [zero; 4];
    four[..R].copy_from_slice(&sums);
    let [a, b, c, d] = four;
    vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))
}

/// Each of the first `R` lanes in all lanes of a vector.
#[inline]
#[target_feature(enable = "neon")]
fn spread<const R: usize>(values: float32x4_t) -> [float32x4_t; R] {
    let four = [
        vdupq_laneq_f32::<0>(values),
        vdupq_laneq_f32::<1>(values),
        vdupq_laneq_f32::<2>(values),
        vdupq_laneq_f32::<3>(values),
    ];
    let mut spread = [four[0]; R];
    spread.copy_from_slice(&four[..R]);
    spread
}
