//! A convolution from planes to tokens: the patch embedding.
//!
//! The usual way copies each patch to a row of a matrix (im2col) and multiplies. Patches of 7 x 7
//! pixels at stride 4 overlap, so the copy would be three times as large as the image. Here the
//! tile reads patches in place: a row of tokens needs `kernel` lines of each channel, and a patch
//! is a run in each of those lines ([`RowPlace`]). The lines are copied only to put zeros around
//! them.

use crate::error::expect_size;
use crate::linear::tile::RowPlace;
use crate::{KernelError, LinearF32};

/// The pixels that an output of a convolution reads; y first, then x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Distance from an output to the next, in pixels.
    pub stride: [usize; 2],
    /// Number of zeros before the first pixel.
    pub padding: [usize; 2],
}

/// A convolution with its weights packed for this processor.
#[derive(Clone, Debug)]
pub struct Patches {
    window: Window,
    channels: usize,
    layer: LinearF32,
}

impl Patches {
    /// Packs `weight [outputs, channels, kernel, kernel]`, with a `bias [outputs]`.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn new(
        weight: &[f32],
        [outputs, channels]: [usize; 2],
        window: Window,
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        let inputs = channels.saturating_mul(window.kernel[0]).saturating_mul(window.kernel[1]);
        expect_size("weights of a convolution", outputs.saturating_mul(inputs), weight.len())?;
        // A convolution stores weights by output, a linear layer by input.
        let mut by_input = Vec::with_capacity(weight.len());
        for input in 0..inputs {
            by_input.extend(weight[input..].iter().step_by(inputs));
        }
        let layer = LinearF32::new(&by_input, [inputs, outputs], bias)?;
        Ok(Self { window, channels, layer })
    }

    /// Number of channels of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layer.sizes()[1]
    }

    /// Computes rows of tokens from `first_row`, `out [rows, columns, outputs]`, from planes
    /// `x [channels, height, width]`; pixels outside are zero. Adds `added`, which has the length
    /// of `out` or is empty (the position embedding). `band` is a buffer.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn run(
        &self,
        x: &[f32],
        [height, width]: [usize; 2],
        [first_row, columns]: [usize; 2],
        added: &[f32],
        out: &mut [f32],
        band: &mut Vec<f32>,
    ) -> Result<(), KernelError> {
        let Window { kernel: [kernel_y, kernel_x], stride: [stride_y, stride_x], padding } =
            self.window;
        let pixels = self.channels.saturating_mul(height).saturating_mul(width);
        expect_size("values of planes", pixels, x.len())?;
        let row_len = columns * self.outputs();
        let rows = out.len().checked_div(row_len).unwrap_or(0);
        expect_size("values of whole rows of tokens", rows * row_len, out.len())?;
        if !added.is_empty() {
            expect_size("values added to tokens", out.len(), added.len())?;
        }
        if rows == 0 {
            return Ok(());
        }
        // The lines of all channels that a row of tokens reads, with zeros around them.
        let segment = (columns - 1) * stride_x + kernel_x;
        // In the order of the weights: a channel, a line of its kernel, a tap of the line.
        let segments = self.channels * kernel_y;
        let place = RowPlace { row: stride_x, segment, segments, length: kernel_x };
        band.clear();
        band.resize(segments * segment, 0.0);
        let inside = width.min(segment.saturating_sub(padding[1]));
        for (row, out) in out.chunks_exact_mut(row_len).enumerate() {
            // Only the part inside the image is written. The zeros beside it stay for all rows.
            for (index, line) in band.chunks_exact_mut(segment.max(1)).enumerate() {
                let (channel, tap) = (index / kernel_y, index % kernel_y);
                let y = ((first_row + row) * stride_y + tap).checked_sub(padding[0]);
                let line = &mut line[padding[1].min(segment)..][..inside];
                match y.filter(|y| *y < height) {
                    Some(y) => line.copy_from_slice(&x[(channel * height + y) * width..][..inside]),
                    None => line.fill(0.0),
                }
            }
            self.layer.products(band, place, out);
        }
        for (value, added) in out.iter_mut().zip(added) {
            *value += added;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: u32| (i.wrapping_mul(2_654_435_761) ^ seed) as i32 as f32 / 2e9;
        (0..count as u32).map(value).collect()
    }

    /// The sum written out, for the token at `y`, `x`.
    fn reference(
        x: &[f32],
        weight: &[f32],
        [channels, height, width]: [usize; 3],
        window: Window,
        [out, y, x_at]: [usize; 3],
    ) -> f64 {
        let ([kernel_y, kernel_x], mut sum) = (window.kernel, 0.0);
        for c in 0..channels {
            for i in 0..kernel_y {
                for j in 0..kernel_x {
                    let y = (y * window.stride[0] + i).wrapping_sub(window.padding[0]);
                    let x_at = (x_at * window.stride[1] + j).wrapping_sub(window.padding[1]);
                    if y < height && x_at < width {
                        let weight = weight[((out * channels + c) * kernel_y + i) * kernel_x + j];
                        sum += f64::from(x[(c * height + y) * width + x_at]) * f64::from(weight);
                    }
                }
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sums_written_out(
            size in [1_usize..20, 1_usize..30], channels in 1_usize..4, outputs in 1_usize..40,
            kernel in [1_usize..8, 1_usize..8], stride in [1_usize..5, 1_usize..5],
            padding in [0_usize..4, 0_usize..4], tokens in [1_usize..6, 1_usize..20], plus: bool,
        ) {
            let window = Window { kernel, stride, padding };
            let x = numbers(channels * size[0] * size[1], 1);
            let weight = numbers(outputs * channels * kernel[0] * kernel[1], 2);
            let bias = numbers(outputs, 3);
            let patches = Patches::new(&weight, [outputs, channels], window, &bias).unwrap();
            let [rows, columns] = tokens;
            let added = numbers(if plus { rows * columns * outputs } else { 0 }, 4);
            let mut out = vec![f32::NAN; rows * columns * outputs];
            let band = &mut vec![];
            patches.run(&x, size, [0, columns], &added, &mut out, band).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (token, c) = (i / outputs, i % outputs);
                let place = [c, token / columns, token % columns];
                let sizes = [channels, size[0], size[1]];
                let expected = reference(&x, &weight, sizes, window, place)
                    + f64::from(bias[c]) + f64::from(added.get(i).copied().unwrap_or(0.0));
                prop_assert!((f64::from(*found) - expected).abs() < 3e-5, "{found} {expected}");
            }
            // A row's bits do not depend on the rows before it.
            let row_len = columns * outputs;
            let last = (rows - 1) * row_len;
            let mut alone = vec![f32::NAN; row_len];
            let added = if plus { &added[last..] } else { &added[..] };
            patches.run(&x, size, [rows - 1, columns], added, &mut alone, band).unwrap();
            prop_assert_eq!(&out[last..], &alone[..]);
        }
    }

    #[test]
    fn nan_reaches_the_tokens_that_read_it() {
        let window = Window { kernel: [1, 3], stride: [1, 1], padding: [0, 1] };
        let patches = Patches::new(&[1.0; 3], [1, 1], window, &[0.0]).unwrap();
        let mut x = [1.0; 6];
        x[3] = f32::NAN;
        let mut out = [0.0; 6];
        patches.run(&x, [1, 6], [0, 6], &[], &mut out, &mut vec![]).unwrap();
        assert_eq!([out[0], out[1], out[5]], [2.0, 3.0, 2.0]);
        assert!(out[2..5].iter().all(|value| value.is_nan()));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let window = Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
        let new = |weight: usize, bias: usize| {
            Patches::new(&vec![0.0; weight], [3, 1], window, &vec![0.0; bias])
        };
        assert!(new(11, 3).is_err() && new(12, 2).is_err());
        let patches = new(12, 3).unwrap();
        let run = |x: usize, added: usize, out: usize| {
            let (x, added) = (vec![0.0; x], vec![0.0; added]);
            patches.run(&x, [4, 4], [0, 2], &added, &mut vec![0.0; out], &mut vec![])
        };
        assert!(run(16, 0, 12).is_ok() && run(16, 12, 12).is_ok() && run(16, 0, 0).is_ok());
        assert!(run(15, 0, 12).is_err());
        assert!(run(16, 0, 11).is_err());
        assert!(run(16, 6, 12).is_err());
    }
}
