//! A 3x3 convolution from tokens to planes.
//!
//! It has four output channels, less than a vector, so a lane is a pixel and vectors run along a
//! line of the map. Tokens hold a pixel's channels side by side, so each line is first transposed
//! to one line a channel. A line is read for three lines of output: the last three are kept in a
//! ring.

use super::{KERNEL, TAPS, padded};
use crate::KernelError;
use crate::error::expect_size;
use crate::transpose::{SIDE, transpose_square};
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Vectors of a line computed together: with four channels each, 8 sums, which fit the 16 registers
/// of AVX2.
const VECTORS: usize = 2;
/// Output channels computed together.
const GROUP: usize = 4;

/// The convolution. It reads zeros around the map.
#[derive(Clone, Debug)]
pub struct EdgeMap {
    inputs: usize,
    outputs: usize,
    /// `[inputs, 3, 3, outputs]`: the weights that one vector of pixels is multiplied by lie side
    /// by side.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl EdgeMap {
    /// From `weight [outputs, inputs, 3, 3]` and `bias [outputs]`.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn new(
        weight: &[f32],
        [outputs, inputs]: [usize; 2],
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        let values = inputs.saturating_mul(TAPS);
        expect_size("weights of a convolution", outputs.saturating_mul(values), weight.len())?;
        expect_size("values of a bias", outputs, bias.len())?;
        let mut weights = Vec::with_capacity(weight.len());
        for value in 0..values {
            weights.extend(weight[value..].iter().step_by(values));
        }
        Ok(Self { inputs, outputs, weights, bias: bias.to_vec() })
    }

    /// Channels of tokens and of the map.
    #[must_use]
    pub fn channels(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// Computes lines of all planes from `first_row`, `out [outputs, lines, columns]`, from
    /// `tokens [rows * columns, inputs]`. `lines` is a buffer.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn run(
        &self,
        tokens: &[f32],
        [rows, columns]: [usize; 2],
        first_row: usize,
        out: &mut [f32],
        lines: &mut Vec<f32>,
    ) -> Result<(), KernelError> {
        let pixels = rows.saturating_mul(columns);
        expect_size("values of tokens", pixels.saturating_mul(self.inputs), tokens.len())?;
        let line = self.outputs * columns;
        let count = out.len().checked_div(line).unwrap_or(0);
        expect_size("values of lines of all planes", count * line, out.len())?;
        let end = first_row.saturating_add(count);
        expect_size("rows of a map", end.min(rows), end)?;
        if count > 0 {
            Lines {
                map: self,
                tokens,
                size: [rows, columns],
                rows: [first_row, count],
                out,
                lines,
            }
            .dispatch();
        }
        Ok(())
    }
}

struct Lines<'a> {
    map: &'a EdgeMap,
    tokens: &'a [f32],
    size: [usize; 2],
    /// The first row, and their number.
    rows: [usize; 2],
    out: &'a mut [f32],
    /// The ring: the last three lines of all input channels, `[(row + 1) % 3][inputs][padded]`.
    lines: &'a mut Vec<f32>,
}

impl SimdOp for Lines<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let ([_, columns], [first, count]) = (self.size, self.rows);
        let step = VECTORS * isa.f32().len();
        let pitch = padded(columns, step);
        self.lines.clear();
        self.lines.resize(KERNEL * self.map.inputs * pitch, 0.0);
        // Row `y` is kept at `(y + 1) % 3`. The ring starts with zeros, which are the row before
        // the map if `first` is its first row; `load` writes zeros for the row after it.
        // The first rows are loaded before the loop, each further one when it is reached.
        for before in [first.checked_sub(1), Some(first)].into_iter().flatten() {
            self.load(before, pitch);
        }
        for row in first..first + count {
            self.load(row + 1, pitch);
            for start in (0..columns).step_by(step) {
                let mut output = 0;
                while output + GROUP <= self.map.outputs {
                    self.line::<I, GROUP>(isa, row, start, output, pitch);
                    output += GROUP;
                }
                while output < self.map.outputs {
                    self.line::<I, 1>(isa, row, start, output, pitch);
                    output += 1;
                }
            }
        }
    }
}

impl Lines<'_> {
    /// Transposes a row of tokens into its place in the ring.
    fn load(&mut self, row: usize, pitch: usize) {
        let ([rows, columns], inputs) = (self.size, self.map.inputs);
        let place = (row + 1) % KERNEL * inputs * pitch;
        let lines = &mut self.lines[place..][..inputs * pitch];
        if row >= rows {
            lines.fill(0.0);
            return;
        }
        let tokens = &self.tokens[row * columns * inputs..][..columns * inputs];
        let token = |x: usize| &tokens[x * inputs..][..inputs];
        let (whole, fours) = (inputs - inputs % SIDE, columns - columns % SIDE);
        for x in (0..fours).step_by(SIDE) {
            let four = [token(x), token(x + 1), token(x + 2), token(x + 3)];
            for i in (0..whole).step_by(SIDE) {
                for (c, values) in transpose_square(four, i).iter().enumerate() {
                    lines[(i + c) * pitch + x + 1..][..SIDE].copy_from_slice(values);
                }
            }
        }
        // What fills no square: the last pixels, and of all others the last channels.
        for x in if whole < inputs { 0 } else { fours }..columns {
            for i in if x < fours { whole } else { 0 }..inputs {
                lines[i * pitch + x + 1] = token(x)[i];
            }
        }
    }

    /// Computes `R` output channels of two vectors of a line.
    #[inline(always)]
    fn line<I: Isa, const R: usize>(
        &mut self,
        isa: I,
        row: usize,
        start: usize,
        output: usize,
        pitch: usize,
    ) {
        let ops = isa.f32();
        let (lanes, outputs, inputs) = (ops.len(), self.map.outputs, self.map.inputs);
        let bias = &self.map.bias[output..][..R];
        let mut sums: [[I::F32; VECTORS]; R] =
            std::array::from_fn(|r| [ops.splat(bias[r]); VECTORS]);
        let lines = &self.lines[..KERNEL * inputs * pitch];
        assert!(
            start + VECTORS * lanes + KERNEL - 1 <= pitch && lines.len() == KERNEL * inputs * pitch
        );
        for i in 0..inputs {
            for y in 0..KERNEL {
                let line = ((row + y) % KERNEL * inputs + i) * pitch + start;
                for x in 0..KERNEL {
                    let at = ((i * KERNEL + y) * KERNEL + x) * outputs + output;
                    let weights = &self.map.weights[at..][..R];
                    // The three taps of a line are one vector, loaded at three places.
                    // SAFETY: `i < inputs` and `x < KERNEL`, so these vectors are inside a line of
                    // `pitch` values (asserted above).
                    let values: [I::F32; VECTORS] = std::array::from_fn(|v| unsafe {
                        ops.load_ptr(lines.as_ptr().add(line + x + v * lanes))
                    });
                    for (sums, weight) in sums.iter_mut().zip(weights) {
                        let weight = ops.splat(*weight);
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = ops.mul_add(value, weight, *sum);
                        }
                    }
                }
            }
        }
        let ([_, columns], [first, count]) = (self.size, self.rows);
        for (r, sums) in sums.into_iter().enumerate() {
            let line = &mut self.out[((output + r) * count + row - first) * columns..][..columns];
            for (v, sum) in sums.into_iter().enumerate() {
                let line = &mut line[(start + v * lanes).min(columns)..];
                if line.len() >= lanes {
                    ops.store(sum, line);
                } else {
                    // SAFETY: the mask has as many lanes as `line` has values.
                    unsafe {
                        ops.store_ptr_mask(sum, line.as_mut_ptr(), ops.first_n_mask(line.len()));
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

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: u32| (i.wrapping_mul(2_654_435_761) ^ seed) as i32 as f32 / 2e9;
        (0..count as u32).map(value).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sums_written_out(
            rows in 1_usize..8, columns in 1_usize..50, inputs in 1_usize..9, outputs in 1_usize..7,
            seed: u32,
        ) {
            let (tokens, weight) =
                (numbers(rows * columns * inputs, seed), numbers(outputs * inputs * 9, 3));
            let bias = numbers(outputs, 5);
            let map = EdgeMap::new(&weight, [outputs, inputs], &bias).unwrap();
            let mut out = vec![f32::NAN; outputs * rows * columns];
            let lines = &mut vec![];
            map.run(&tokens, [rows, columns], 0, &mut out, lines).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (o, y, x) = (i / columns / rows, i / columns % rows, i % columns);
                let mut expected = f64::from(bias[o]);
                for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
                    let (y, x) = ((y + dy).wrapping_sub(1), (x + dx).wrapping_sub(1));
                    if y < rows && x < columns {
                        for input in 0..inputs {
                            expected += f64::from(tokens[(y * columns + x) * inputs + input])
                                * f64::from(weight[((o * inputs + input) * 3 + dy) * 3 + dx]);
                        }
                    }
                }
                prop_assert!((f64::from(*found) - expected).abs() < 3e-5, "{found} {expected}");
            }
            // A line computed alone has the same bits.
            for row in 0..rows {
                let mut alone = vec![f32::NAN; outputs * columns];
                map.run(&tokens, [rows, columns], row, &mut alone, lines).unwrap();
                for (o, alone) in alone.chunks_exact(columns).enumerate() {
                    prop_assert_eq!(&out[(o * rows + row) * columns..][..columns], alone);
                }
            }
        }
    }

    #[test]
    fn nan_reaches_its_neighbours() {
        let map = EdgeMap::new(&[1.0; 9], [1, 1], &[0.0]).unwrap();
        let mut tokens = [1.0; 30];
        tokens[13] = f32::NAN;
        let mut out = [0.0; 30];
        map.run(&tokens, [5, 6], 0, &mut out, &mut vec![]).unwrap();
        for (i, value) in out.iter().enumerate() {
            let near = (i / 6).abs_diff(2) <= 1 && (i % 6).abs_diff(1) <= 1;
            assert_eq!(value.is_nan(), near, "{i}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(EdgeMap::new(&[0.0; 35], [2, 2], &[0.0; 2]).is_err());
        assert!(EdgeMap::new(&[0.0; 36], [2, 2], &[0.0; 3]).is_err());
        let map = EdgeMap::new(&[0.0; 36], [2, 2], &[0.0; 2]).unwrap();
        let run = |tokens: usize, first: usize, out: usize| {
            map.run(&vec![0.0; tokens], [3, 4], first, &mut vec![0.0; out], &mut vec![])
        };
        assert!(run(24, 0, 24).is_ok() && run(24, 2, 8).is_ok());
        assert!(run(23, 0, 24).is_err());
        assert!(run(24, 1, 24).is_err());
        assert!(run(24, 0, 23).is_err());
        assert!(run(24, usize::MAX, 8).is_err());
    }
}
