//! The magnitude of a map's edges: the length of the vector of its responses to 3x3 kernels.
//!
//! Each kernel is the same for all channels (MODEL.md 7.1). Convolution is linear, so the channels
//! are added up first and each kernel is applied once.

use super::{KERNEL, TAPS, padded};
use crate::KernelError;
use crate::error::expect_size;
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Computes `sqrt(sum over kernels of (kernel * sum over channels of x)^2)` for lines from
/// `first_row`, `out [lines, columns]`. `x` is `[channels, rows, columns]`, with zeros around it;
/// `kernels` is `[count, 3, 3]`.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit.
pub fn edge_magnitude(
    x: &[f32],
    [channels, rows, columns]: [usize; 3],
    kernels: &[f32],
    first_row: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let pixels = rows.saturating_mul(columns);
    expect_size("values of a map", pixels.saturating_mul(channels), x.len())?;
    expect_size("values beyond the last whole kernel", 0, kernels.len() % TAPS)?;
    let count = out.len().checked_div(columns).unwrap_or(0);
    expect_size("values of whole lines", count * columns, out.len())?;
    let end = first_row.saturating_add(count);
    expect_size("rows of a map", end.min(rows), end)?;
    if count > 0 {
        Lines { x, size: [channels, rows, columns], kernels, rows: [first_row, count], out }
            .dispatch();
        // After the loop over kernels, so that the compiler takes a vector of roots at a time.
        for value in out {
            *value = value.sqrt();
        }
    }
    Ok(())
}

struct Lines<'a> {
    x: &'a [f32],
    size: [usize; 3],
    kernels: &'a [f32],
    /// The first row, and their number.
    rows: [usize; 2],
    out: &'a mut [f32],
}

impl SimdOp for Lines<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ops = isa.f32();
        let (lanes, [_, rows, columns], [first, count]) = (ops.len(), self.size, self.rows);
        let pitch = padded(columns, lanes);
        // Sums over the channels, for the lines asked for and one more on each side.
        let mut lines = vec![0.0; (count + KERNEL - 1) * pitch];
        for (index, line) in lines.chunks_exact_mut(pitch).enumerate() {
            if let Some(y) = (first + index).checked_sub(1).filter(|y| *y < rows) {
                let line = &mut line[1..=columns];
                for plane in self.x.chunks_exact(rows * columns) {
                    for (sum, value) in line.iter_mut().zip(&plane[y * columns..]) {
                        *sum += value;
                    }
                }
            }
        }
        for (row, out) in self.out.chunks_exact_mut(columns).enumerate() {
            for start in (0..columns).step_by(lanes) {
                // The responses stay in registers: only their sum of squares is stored.
                let mut energy = ops.zero();
                for kernel in self.kernels.chunks_exact(TAPS) {
                    let mut response = ops.zero();
                    for (tap, weight) in kernel.iter().enumerate() {
                        let at = (row + tap / KERNEL) * pitch + start + tap % KERNEL;
                        // A lane is a pixel: the taps beside it are the same vector, loaded one
                        // value off.
                        let value = ops.load(&lines[at..]);
                        response = ops.mul_add(value, ops.splat(*weight), response);
                    }
                    energy = ops.mul_add(response, response, energy);
                }
                let out = &mut out[start..];
                if out.len() >= lanes {
                    ops.store(energy, out);
                } else {
                    // SAFETY: the mask has as many lanes as `out` has values.
                    unsafe {
                        ops.store_ptr_mask(energy, out.as_mut_ptr(), ops.first_n_mask(out.len()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_written_out(
            channels in 1_usize..5, rows in 1_usize..7, columns in 1_usize..50,
            count in 0_usize..5, seed: u32,
        ) {
            let value = |i: u32| (i.wrapping_mul(2_654_435_761) ^ seed) as i32 as f32 / 2e9;
            let x: Vec<f32> = (0..(channels * rows * columns) as u32).map(value).collect();
            let kernels: Vec<f32> = (7..7 + 9 * count as u32).map(value).collect();
            let mut out = vec![f32::NAN; rows * columns];
            let size = [channels, rows, columns];
            edge_magnitude(&x, size, &kernels, 0, &mut out).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (y, x_at) = (i / columns, i % columns);
                let response = |kernel: &[f32]| {
                    let taps = kernel.iter().enumerate().map(|(tap, weight)| {
                        let y = (y + tap / 3).wrapping_sub(1);
                        let x_at = (x_at + tap % 3).wrapping_sub(1);
                        let inside = y < rows && x_at < columns;
                        let pixels = (0..channels).filter(|_| inside)
                            .map(|c| f64::from(x[(c * rows + y) * columns + x_at]));
                        pixels.sum::<f64>() * f64::from(*weight)
                    });
                    taps.sum::<f64>()
                };
                let energy: f64 = kernels.chunks_exact(9).map(|k| response(k).powi(2)).sum();
                prop_assert!((f64::from(*found) - energy.sqrt()).abs() < 2e-5);
            }
            // A line computed alone has the same bits.
            for row in 0..rows {
                let mut alone = vec![f32::NAN; columns];
                edge_magnitude(&x, size, &kernels, row, &mut alone).unwrap();
                prop_assert_eq!(&out[row * columns..][..columns], &alone[..]);
            }
        }
    }

    #[test]
    fn nan_reaches_its_neighbours() {
        let mut x = [1.0; 30];
        x[13] = f32::NAN;
        let mut out = [0.0; 30];
        edge_magnitude(&x, [1, 5, 6], &[1.0; 9], 0, &mut out).unwrap();
        for (i, value) in out.iter().enumerate() {
            let near = (i / 6).abs_diff(2) <= 1 && (i % 6).abs_diff(1) <= 1;
            assert_eq!(value.is_nan(), near, "{i}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let run = |x: usize, kernels: usize, first: usize, out: usize| {
            let (x, kernels) = (vec![0.0; x], vec![0.0; kernels]);
            edge_magnitude(&x, [2, 3, 4], &kernels, first, &mut vec![0.0; out])
        };
        assert!(run(24, 18, 0, 12).is_ok() && run(24, 0, 1, 8).is_ok());
        assert!(run(23, 18, 0, 12).is_err());
        assert!(run(24, 17, 0, 12).is_err());
        assert!(run(24, 18, 0, 11).is_err());
        assert!(run(24, 18, 1, 12).is_err());
    }
}
