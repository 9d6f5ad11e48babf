//! The patch embedding with its position, `[1, C, S/4, S/4]`, from the image.

use super::position::{BilinearForm, bicubic, tiling};
use crate::Design;
use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, Hiera};
use uniultra_manifest::Channels;

/// Kernel, stride and padding of the patch embedding.
const KERNEL: usize = 7;
const STRIDE: usize = 4;
const PADDING: usize = 3;
const TAPS: usize = KERNEL * KERNEL;

pub(super) fn embed(
    g: &mut Graph,
    trunk: &Weights<'_>,
    hiera: &Hiera,
    design: &Design,
) -> Result<Value, CheckpointError> {
    let (channels, side) = (hiera.embed_dim, design.image_size / 4);
    let proj = trunk.module("patch_embed.proj");
    let weight = proj.tensor("weight", &[channels, 3, KERNEL, KERNEL])?;
    let bias = proj.tensor("bias", &[channels])?;
    let mut position = position(trunk, hiera, side)?;

    let image = Value::named("image");
    let embedded = g.scoped("patch_embed", |g| {
        let (input, weight, bias, in_channels) = match (design.channels, design.simplify) {
            (Channels::Gray, true) => {
                let gray = GrayPatch::fold(weight, bias, design);
                let border = std::mem::replace(&mut position, BilinearForm::zero(side, channels));
                position = border.plus(&gray.border_rows(side), &gray.border);
                (image.clone(), gray.weight, gray.bias, 1)
            }
            (Channels::Gray, false) => {
                // Broadcasting against three means makes the three equal channels.
                let mean = g.weight("mean", &[1, 3, 1, 1], &design.mean);
                let std = g.weight("std", &[1, 3, 1, 1], &design.std);
                let centred = g.node("Sub", &[&image, &mean], &[]);
                let normalised = g.node("Div", &[&centred, &std], &[]);
                (normalised, weight.to_vec(), bias.to_vec(), 3)
            }
            (Channels::Rgb, _) => (image.clone(), weight.to_vec(), bias.to_vec(), 3),
        };
        let weight = g.weight("weight", &[channels, in_channels, KERNEL, KERNEL], &weight);
        let bias = g.weight("bias", &[channels], &bias);
        g.conv(&input, &weight, Some(&bias), KERNEL, STRIDE, PADDING)
    });

    let map = g.scoped("position", |g| position_map(g, &position, channels, design.simplify));
    Ok(g.add(&embedded, &map))
}

/// Background and window embeddings as one bilinear form.
fn position(
    trunk: &Weights<'_>,
    hiera: &Hiera,
    side: usize,
) -> Result<BilinearForm, CheckpointError> {
    let (channels, grid, window) = (hiera.embed_dim, hiera.pos_grid, hiera.pos_window());
    let background = trunk.tensor("pos_embed", &[1, channels, grid, grid])?;
    let windows = trunk.tensor("pos_embed_window", &[1, channels, window, window])?;
    Ok(BilinearForm::zero(side, channels)
        .plus(&bicubic(grid, side), background)
        .plus(&tiling(window, side), windows))
}

/// `[1, C, n, n]`: from its factors if simplified, otherwise as stored numbers.
fn position_map(g: &mut Graph, form: &BilinearForm, channels: usize, simplify: bool) -> Value {
    let (n, k) = (form.side, form.rank);
    if !simplify {
        return g.weight("map", &[1, channels, n, n], &form.materialise());
    }
    let rows: Vec<f32> = form.rows.iter().map(|&v| v as f32).collect();
    let columns: Vec<f32> = (0..k * n).map(|i| rows[i % n * k + i / n]).collect();
    let core = g.weight("core", &[1, channels, k, k], &form.core);
    let rows = g.constant("rows", &[n, k], &rows);
    let columns = g.constant("columns", &[k, n], &columns);
    let right = g.matmul(&core, &columns);
    g.matmul(&rows, &right)
}

/// The patch embedding for one gray channel in 0..=1 (MODEL.md 7.3).
///
/// The three channels are `(v - mean_c) / std_c` of one gray `v`, so weights sum over channels and
/// the means become a bias. A bias alone would be wrong at the border: the padding is zero *after*
/// normalisation, so taps outside the image must not contribute their mean. Their contribution is
/// constant and non-zero only in the first row and column of patches (padding 3, stride 4), so it
/// becomes part of the position map.
struct GrayPatch {
    /// `[C, 1, 7, 7]`.
    weight: Vec<f32>,
    /// `[C]`.
    bias: Vec<f32>,
    /// `[C, 2, 2]` between the basis (1, first row) and (1, first column).
    border: Vec<f32>,
}

impl GrayPatch {
    fn fold(weight: &[f32], bias: &[f32], design: &Design) -> Self {
        let std = design.std.map(f64::from);
        let mean = design.mean.map(f64::from);
        let mut folded = Self {
            weight: Vec::with_capacity(bias.len() * TAPS),
            bias: Vec::with_capacity(bias.len()),
            border: Vec::with_capacity(bias.len() * 4),
        };
        for (kernel, &bias) in weight.chunks_exact(3 * TAPS).zip(bias) {
            let sum = |tap: usize, of: &dyn Fn(usize) -> f64| -> f64 {
                (0..3).map(|c| f64::from(kernel[c * TAPS + tap]) * of(c)).sum()
            };
            folded.weight.extend((0..TAPS).map(|tap| sum(tap, &|c| 1.0 / std[c]) as f32));
            // The contribution of each tap's mean, and the part of it outside the image.
            let means: Vec<f64> = (0..TAPS).map(|tap| sum(tap, &|c| mean[c] / std[c])).collect();
            let outside = |rows: usize, columns: usize| -> f64 {
                (0..rows)
                    .flat_map(|y| (0..columns).map(move |x| y * KERNEL + x))
                    .map(|tap| means[tap])
                    .sum()
            };
            folded.bias.push((f64::from(bias) - outside(KERNEL, KERNEL)) as f32);
            let (top, left) = (outside(PADDING, KERNEL), outside(KERNEL, PADDING));
            let corner = outside(PADDING, PADDING);
            folded.border.extend([0.0, left, top, -corner].map(|v| v as f32));
        }
        folded
    }

    /// `[side, 2]`: the constant, and the indicator of the first patch.
    fn border_rows(&self, side: usize) -> Vec<f64> {
        (0..side).flat_map(|i| [1.0, f64::from(u8::from(i == 0))]).collect()
    }
}
