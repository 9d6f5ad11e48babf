//! 1x1 convolutions from tokens to planes, `W [N, K] x tokens^T [K, pixels]`.
//!
//! A plane holds the pixels of one channel side by side, so a lane is a pixel. The tile is that of
//! the linear layers with its operands exchanged: the tokens are packed into panels, and the
//! weights are the rows that are broadcast. Writing tokens first and transposing them would move
//! the result twice.

use crate::error::expect_size;
use crate::linear::tile::{ROWS, RowPlace, lanes, rows_at_once, tile};
use crate::transpose::{SIDE, transpose_square};
use crate::{Blocks, KernelError};
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Vectors of pixels computed together.
const VECTORS: usize = 2;

/// Number of pixels in a panel `[K][pixels]`, the form into which tokens are packed.
#[must_use]
pub fn panel_pixels() -> usize {
    VECTORS * lanes()
}

/// Packs `tokens [pixels, inputs]`, which lie in the order of `blocks`, into whole panels from
/// `first_panel`. Panels hold the pixels row by row, and zeros beyond the last one.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit.
pub fn pack_tokens(
    blocks: &Blocks,
    tokens: &[f32],
    inputs: usize,
    first_panel: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let (pixels, columns, width) = (blocks.pixels(), blocks.size()[1], panel_pixels());
    expect_size("values of tokens", pixels.saturating_mul(inputs), tokens.len())?;
    let whole = out.len().checked_rem(inputs * width).unwrap_or(out.len());
    expect_size("values beyond the last whole panel", 0, whole)?;
    for (index, panel) in out.chunks_exact_mut((inputs * width).max(1)).enumerate() {
        let start = (first_panel + index) * width;
        if start + width > pixels {
            panel.fill(0.0);
        }
        let count = width.min(pixels.saturating_sub(start));
        let token = |j: usize| {
            let token = blocks.token((start + j) / columns, (start + j) % columns);
            &tokens[token * inputs..][..inputs]
        };
        let (whole, fours) = (inputs - inputs % SIDE, count - count % SIDE);
        for j in (0..fours).step_by(SIDE) {
            let [a, b, c, d] = [token(j), token(j + 1), token(j + 2), token(j + 3)];
            for i in (0..whole).step_by(SIDE) {
                for (row, four) in transpose_square([a, b, c, d], i).iter().enumerate() {
                    panel[(i + row) * width + j..][..SIDE].copy_from_slice(four);
                }
            }
        }
        // What fills no square: the last pixels, and of all others the last inputs.
        for j in if whole < inputs { 0 } else { fours }..count {
            let values = token(j);
            for i in if j < fours { whole } else { 0 }..inputs {
                panel[i * width + j] = values[i];
            }
        }
    }
    Ok(())
}

/// Computes `out [N, pixels]`: rows of `weight [N, inputs]` times all pixels, plus `bias [N]`,
/// which may be empty. [`pack_tokens`] packs the pixels, from panel 0.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit.
pub fn planes(
    packed: &[f32],
    weight: &[f32],
    [inputs, pixels]: [usize; 2],
    bias: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    let width = panel_pixels();
    let rows = out.len().checked_div(pixels).unwrap_or(0);
    expect_size("values of planes", rows * pixels, out.len())?;
    expect_size("weights of planes", rows.saturating_mul(inputs), weight.len())?;
    expect_size(
        "values of panels",
        pixels.next_multiple_of(width).saturating_mul(inputs),
        packed.len(),
    )?;
    if !bias.is_empty() {
        expect_size("values of a bias", rows, bias.len())?;
    }
    // Without inputs there are no panels, and a plane is its bias.
    if pixels > 0 && inputs > 0 {
        Planes { packed, weight, inputs, pixels, bias, out }.dispatch();
    } else {
        for (plane, bias) in out.chunks_exact_mut(pixels.max(1)).zip(bias) {
            plane.fill(*bias);
        }
    }
    Ok(())
}

struct Planes<'a> {
    packed: &'a [f32],
    weight: &'a [f32],
    inputs: usize,
    pixels: usize,
    bias: &'a [f32],
    out: &'a mut [f32],
}

impl SimdOp for Planes<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let rows = self.weight.len() / self.inputs;
        let panels = self.packed.chunks_exact(self.inputs * VECTORS * isa.f32().len());
        // Panels outside: a panel stays in the cache while all rows of weights pass by.
        for (index, panel) in panels.enumerate() {
            let first = index * VECTORS * isa.f32().len();
            let mut row = 0;
            if rows_at_once(isa.f32().len()) == ROWS {
                while row + ROWS <= rows {
                    self.rows::<I, ROWS>(isa, panel, row, first);
                    row += ROWS;
                }
            }
            // Rows left over from eights: the decoder makes four masks, which are this one tile.
            while row + 4 <= rows {
                self.rows::<I, 4>(isa, panel, row, first);
                row += 4;
            }
            while row < rows {
                self.rows::<I, 1>(isa, panel, row, first);
                row += 1;
            }
        }
    }
}

impl Planes<'_> {
    #[inline(always)]
    fn rows<I: Isa, const R: usize>(&mut self, isa: I, panel: &[f32], row: usize, first: usize) {
        let ops = isa.f32();
        let bias = self.bias;
        let start = |r, _| ops.splat(bias.get(row + r).copied().unwrap_or(0.0));
        let (weight, out) = (&self.weight[row * self.inputs..], &mut self.out[row * self.pixels..]);
        let place = RowPlace::dense(self.inputs);
        tile::<I, VECTORS, R>(isa, panel, start, weight, place, out, [self.pixels, first]);
    }
}

/// Adds planes of half the size to `out [planes, rows, columns]`, each value to a square of four
/// pixels.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit or a size is odd.
pub fn add_doubled(
    half: &[f32],
    [rows, columns]: [usize; 2],
    out: &mut [f32],
) -> Result<(), KernelError> {
    expect_size("rows and columns that are odd", 0, rows % 2 + columns % 2)?;
    let planes = out.len().checked_div(rows * columns).unwrap_or(0);
    expect_size("values of planes", planes * rows * columns, out.len())?;
    expect_size("values of planes of half the size", out.len() / 4, half.len())?;
    if columns > 0 {
        let pairs = out.chunks_exact_mut(2 * columns);
        for (pair, half) in pairs.zip(half.chunks_exact(columns / 2)) {
            for line in pair.chunks_exact_mut(columns) {
                for (pair, half) in line.chunks_exact_mut(2).zip(half) {
                    pair.iter_mut().for_each(|value| *value += half);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: u32| (i.wrapping_mul(2_654_435_761) ^ seed) as i32 as f32 / 2e9;
        (0..count as u32).map(value).collect()
    }

    fn packed(blocks: &Blocks, tokens: &[f32], k: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; blocks.pixels().next_multiple_of(panel_pixels()) * k];
        // In two parts, as two threads would.
        let panel = panel_pixels() * k;
        let half = out.len() / panel.max(1) / 2;
        let (first, second) = out.split_at_mut(half * panel);
        pack_tokens(blocks, tokens, k, 0, first).unwrap();
        pack_tokens(blocks, tokens, k, half, second).unwrap();
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn products_of_sums_written_out(
            cells in [1_usize..5, 1_usize..9], levels in 0_u32..3, k in 1_usize..40,
            n in 1_usize..20, seed: u32, biased: bool,
        ) {
            let blocks = Blocks::new(cells, levels).unwrap();
            let (p, columns) = (blocks.pixels(), blocks.size()[1]);
            let (tokens, weight) = (numbers(p * k, seed), numbers(n * k, seed ^ 5));
            let bias = numbers(if biased { n } else { 0 }, 11);
            let columns_of = packed(&blocks, &tokens, k);
            let mut out = vec![f32::NAN; n * p];
            planes(&columns_of, &weight, [k, p], &bias, &mut out).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (row, pixel) = (i / p, i % p);
                let token = blocks.token(pixel / columns, pixel % columns);
                let products = (0..k)
                    .map(|i| f64::from(tokens[token * k + i]) * f64::from(weight[row * k + i]));
                let expected =
                    products.sum::<f64>() + f64::from(bias.get(row).copied().unwrap_or(0.0));
                prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} {expected}");
            }
            // A plane's bits do not depend on the planes around it.
            for row in 0..n {
                let mut alone = vec![f32::NAN; p];
                let bias = if biased { &bias[row..=row] } else { &[] };
                planes(&columns_of, &weight[row * k..][..k], [k, p], bias, &mut alone).unwrap();
                prop_assert_eq!(&out[row * p..][..p], &alone[..]);
            }
        }

        #[test]
        fn each_value_is_added_to_four(half in [1_usize..6, 1_usize..20], count in 0_usize..4) {
            let [rows, columns] = half.map(|size| 2 * size);
            let coarse = numbers(count * half[0] * half[1], 1);
            let before = numbers(count * rows * columns, 2);
            let mut out = before.clone();
            add_doubled(&coarse, [rows, columns], &mut out).unwrap();
            for (i, (found, before)) in out.iter().zip(before).enumerate() {
                let (plane, y, x) = (i / columns / rows, i / columns % rows, i % columns);
                let at = (plane * half[0] + y / 2) * half[1] + x / 2;
                prop_assert_eq!(*found, before + coarse[at]);
            }
        }
    }

    #[test]
    fn nan_stays_with_its_pixel() {
        let blocks = Blocks::new([1, 5], 0).unwrap();
        let mut tokens = vec![1.0; 10];
        tokens[4] = f32::NAN;
        let mut out = vec![0.0; 15];
        planes(&packed(&blocks, &tokens, 2), &[1.0; 6], [2, 5], &[], &mut out).unwrap();
        for (i, value) in out.iter().enumerate() {
            assert!(if i % 5 == 2 { value.is_nan() } else { *value == 2.0 }, "{i}: {value}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let blocks = Blocks::new([2, 2], 0).unwrap();
        let width = panel_pixels();
        assert!(pack_tokens(&blocks, &[0.0; 12], 3, 0, &mut vec![0.0; 3 * width]).is_ok());
        assert!(pack_tokens(&blocks, &[0.0; 11], 3, 0, &mut vec![0.0; 3 * width]).is_err());
        assert!(pack_tokens(&blocks, &[0.0; 12], 3, 0, &mut vec![0.0; 3 * width + 1]).is_err());
        let packed = vec![0.0; 3 * width];
        let run = |packed: &[f32], weight: usize, bias: usize, out: usize| {
            planes(packed, &vec![0.0; weight], [3, 4], &vec![0.0; bias], &mut vec![0.0; out])
        };
        assert!(run(&packed, 6, 2, 8).is_ok());
        assert!(run(&packed[1..], 6, 2, 8).is_err());
        assert!(run(&packed, 5, 2, 8).is_err());
        assert!(run(&packed, 6, 1, 8).is_err());
        assert!(run(&packed, 6, 2, 9).is_err());
        assert!(add_doubled(&[0.0; 2], [2, 4], &mut [0.0; 8]).is_ok());
        assert!(add_doubled(&[0.0; 2], [3, 4], &mut [0.0; 12]).is_err());
        assert!(add_doubled(&[0.0; 1], [2, 4], &mut [0.0; 8]).is_err());
    }
}
