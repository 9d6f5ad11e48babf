//! LayerNorm over the last axis.
//!
//! The variance is the mean of squared differences from the mean, in a second pass over a row that
//! is still in the cache. The mean of squares less the square of the mean would need one pass, but
//! loses all digits where the mean is large beside the deviation.

use crate::KernelError;
use crate::error::expect_size;
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Rows normalised together, for the square roots; see below.
const ROWS: usize = 16;

/// Parameters of LayerNorm.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// Added to the variance.
    pub epsilon: f32,
    /// Gain and shift of each channel, applied after normalising; `None` means 1 and 0.
    pub affine: Option<[&'a [f32]; 2]>,
}

/// LayerNorm of each row of `x [rows, channels]`.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit.
pub fn layer_norm(
    norm: &LayerNorm<'_>,
    channels: usize,
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    expect_size("normalised values", x.len(), out.len())?;
    let rest = x.len().checked_rem(channels).unwrap_or(x.len());
    expect_size("values beyond the last whole row", 0, rest)?;
    for values in norm.affine.iter().flatten() {
        expect_size("channels of a gain or shift", channels, values.len())?;
    }
    #[cfg(target_arch = "aarch64")]
    if crate::neon::layer_norm(norm, channels, x, out) {
        return Ok(());
    }
    if channels > 0 {
        Rows { norm, channels, x, out }.dispatch();
    }
    Ok(())
}

struct Rows<'a> {
    norm: &'a LayerNorm<'a>,
    channels: usize,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl SimdOp for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let Self { norm, channels, x, out } = self;
        let ops = isa.f32();
        let lanes = ops.len();
        let whole = channels - channels % lanes;
        let share = 1.0 / channels as f32;
        let block = channels.saturating_mul(ROWS);
        for (x, out) in x.chunks(block).zip(out.chunks_mut(block)) {
            // A square root and a division take tens of cycles each, but the compiler can put those
            // of many rows into vectors. Rows are therefore measured first and normalised later.
            let (mut means, mut inverses) = ([0.0; ROWS], [0.0; ROWS]);
            let rows = x.chunks_exact(channels);
            for ((x, mean), squares) in rows.clone().zip(&mut means).zip(&mut inverses) {
                *mean = sum(isa, x, |x| x) * share;
                let center = ops.splat(*mean);
                let square = |x| {
                    let x = ops.sub(x, center);
                    ops.mul(x, x)
                };
                *squares = sum(isa, &x[..whole], square);
                // `sum` would add these without squaring them.
                for x in &x[whole..] {
                    *squares += (x - *mean) * (x - *mean);
                }
            }
            // Rows that a short block lacks have zeros here: the result is finite and not used.
            for value in &mut inverses {
                *value = 1.0 / (*value * share + norm.epsilon).sqrt();
            }
            let outs = out.chunks_exact_mut(channels);
            for (((x, out), mean), inverse) in rows.zip(outs).zip(means).zip(inverses) {
                let (center, factor) = (ops.splat(mean), ops.splat(inverse));
                let mut c = 0;
                while c + lanes <= channels {
                    let mut y = ops.mul(ops.sub(ops.load(&x[c..]), center), factor);
                    if let Some([gain, shift]) = norm.affine {
                        y = ops.add(ops.mul(y, ops.load(&gain[c..])), ops.load(&shift[c..]));
                    }
                    ops.store(y, &mut out[c..]);
                    c += lanes;
                }
                for c in c..channels {
                    let y = (x[c] - mean) * inverse;
                    out[c] = norm.affine.map_or(y, |[gain, shift]| y * gain[c] + shift[c]);
                }
            }
        }
    }
}

/// Sum of `f` over the whole vectors of a row, plus its remaining values as they are: callers whose
/// `f` is not the identity pass whole vectors only.
#[inline(always)]
fn sum<I: Isa>(isa: I, x: &[f32], f: impl Fn(I::F32) -> I::F32) -> f32 {
    let ops = isa.f32();
    let chunks = x.chunks_exact(ops.len());
    let rest = chunks.remainder();
    let mut sums = ops.zero();
    for x in chunks {
        sums = ops.add(sums, f(ops.load(x)));
    }
    if rest.is_empty() {
        return ops.sum(sums);
    }
    ops.sum(sums) + rest.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(x: &[f32], channels: usize, norm: &LayerNorm<'_>) -> Vec<f64> {
        let rows = x.chunks_exact(channels).map(|row| {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let n = channels as f64;
            let mean = row.iter().sum::<f64>() / n;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let deviation = (variance + f64::from(norm.epsilon)).sqrt();
            row.iter()
                .enumerate()
                .map(|(c, x)| {
                    let y = (x - mean) / deviation;
                    norm.affine
                        .map_or(y, |[gain, shift]| y * f64::from(gain[c]) + f64::from(shift[c]))
                })
                .collect::<Vec<_>>()
        });
        rows.flatten().collect()
    }

    proptest! {
        #[test]
        fn close_to_the_reference(
            channels in 1_usize..140, rows in 1_usize..9, affine: bool, offset in -3.0_f32..3.0,
        ) {
            let x: Vec<f32> = (0..channels * rows)
                .map(|i| ((i * 7919) % 1009) as f32 / 300.0 + offset).collect();
            let gain: Vec<f32> = (0..channels).map(|c| (c as f32 * 0.7).sin()).collect();
            let shift: Vec<f32> = (0..channels).map(|c| (c as f32 * 0.3).cos()).collect();
            let norm = LayerNorm {
                epsilon: 1e-5, affine: affine.then_some([&gain[..], &shift[..]]),
            };
            let mut out = vec![f32::NAN; x.len()];
            layer_norm(&norm, channels, &x, &mut out).unwrap();
            for (found, expected) in out.iter().zip(reference(&x, channels, &norm)) {
                prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} {expected}");
            }
            // A row's bits do not depend on the rows around it.
            for (x, row) in x.chunks_exact(channels).zip(out.chunks_exact(channels)) {
                let mut alone = vec![f32::NAN; channels];
                layer_norm(&norm, channels, x, &mut alone).unwrap();
                prop_assert_eq!(row, &alone[..]);
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_in_its_row() {
        let norm = LayerNorm { epsilon: 1e-6, affine: None };
        let mut x = vec![1.0; 60];
        x[25] = f32::NAN;
        x[41] = f32::INFINITY;
        let mut out = vec![0.5; 60];
        layer_norm(&norm, 20, &x, &mut out).unwrap();
        assert_eq!(out[..20], [0.0; 20]);
        assert!(out[20..].iter().all(|y| y.is_nan()));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let norm = LayerNorm { epsilon: 1e-6, affine: None };
        assert!(layer_norm(&norm, 3, &[0.0; 7], &mut [0.0; 7]).is_err());
        assert!(layer_norm(&norm, 3, &[0.0; 6], &mut [0.0; 3]).is_err());
        assert!(layer_norm(&norm, 0, &[0.0; 6], &mut [0.0; 6]).is_err());
        assert!(layer_norm(&norm, 0, &[], &mut []).is_ok());
        let norm = LayerNorm { epsilon: 1e-6, affine: Some([&[1.0; 2], &[1.0; 3]]) };
        assert!(layer_norm(&norm, 3, &[0.0; 6], &mut [0.0; 6]).is_err());
    }
}
