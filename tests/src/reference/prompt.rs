//! The prompt encoder: points, boxes as two points, and the mask prompt.

use super::WIDTH;
use super::layers::{gelu, layer_norm_2d, linear, named_conv2d};
use super::maps::{Planes, TokenMap};
use super::weights::Weights;

const PROMPT: &str = "sam_prompt_encoder";

/// Fourier features of a position given as fractions (x, y) of the image: sines, then cosines of 2
/// pi times its projection on 128 random directions.
fn fourier(weights: &dyn Weights, x: f64, y: f64) -> Vec<f32> {
    let half = WIDTH / 2;
    let name = format!("{PROMPT}.pe_layer.positional_encoding_gaussian_matrix");
    let gaussian = weights.of_shape(&name, &[2, half]);
    let angles: Vec<f64> = (0..half)
        .map(|i| {
            let (gx, gy) = (f64::from(gaussian[i]), f64::from(gaussian[half + i]));
            std::f64::consts::TAU * ((2.0 * x - 1.0) * gx + (2.0 * y - 1.0) * gy)
        })
        .collect();
    let sines = angles.iter().map(|a| a.sin() as f32);
    sines.chain(angles.iter().map(|a| a.cos() as f32)).collect()
}

/// Encodings [N + 1, 256] of points in S-pixel space with labels -1 to 3, and of the padding point
/// that is always appended.
pub(super) fn sparse_prompts(
    weights: &dyn Weights,
    s: usize,
    points: &[[f32; 2]],
    labels: &[f32],
) -> Vec<f32> {
    assert_eq!(points.len(), labels.len(), "one label a point");
    let padding = ([0.0, 0.0], -1.0);
    let mut tokens = Vec::new();
    for ([x, y], label) in points.iter().copied().zip(labels.iter().copied()).chain([padding]) {
        if label == -1.0 {
            tokens.extend_from_slice(table(weights, "not_a_point_embed"));
            continue;
        }
        assert!([0.0, 1.0, 2.0, 3.0].contains(&label), "label {label}");
        let unit = |v: f32| (f64::from(v) + 0.5) / s as f64;
        let encoding = fourier(weights, unit(x), unit(y));
        let kind = table(weights, &format!("point_embeddings.{label}"));
        tokens.extend(encoding.iter().zip(kind).map(|(a, b)| a + b));
    }
    tokens
}

/// One learnt vector of 256.
fn table<'a>(weights: &'a dyn Weights, name: &str) -> &'a [f32] {
    weights.of_shape(&format!("{PROMPT}.{name}.weight"), &[1, WIDTH])
}

/// Position encoding (g, g, 256) of the cell centres of the image embedding's grid.
pub(super) fn dense_position(weights: &dyn Weights, g: usize) -> TokenMap {
    let mut map = TokenMap::zeros(g, g, WIDTH);
    let centre = |i: usize| (i as f64 + 0.5) / g as f64;
    for y in 0..g {
        for x in 0..g {
            map.token_mut(y, x).copy_from_slice(&fourier(weights, centre(x), centre(y)));
        }
    }
    map
}

/// The dense prompt (g, g, 256), g = S/16: mask logits [S/4, S/4] scaled down, or `no_mask_embed`
/// everywhere.
pub(super) fn dense_prompt(weights: &dyn Weights, g: usize, mask: Option<&[f32]>) -> TokenMap {
    let Some(mask) = mask else {
        return TokenMap::new(g, g, WIDTH, table(weights, "no_mask_embed").repeat(g * g));
    };
    let name = |layer: usize| format!("{PROMPT}.mask_downscaling.{layer}");
    let mut x = Planes::new(1, 4 * g, 4 * g, mask.to_vec());
    for (conv, norm) in [(0, 1), (3, 4)] {
        x = named_conv2d(weights, &name(conv), &x, 2, 0);
        x = layer_norm_2d(weights, &name(norm), &x);
        gelu(&mut x.data);
    }
    TokenMap::new(g, g, WIDTH, linear(weights, &name(6), &x.to_tokens().data))
}

#[cfg(test)]
mod tests {
    use super::super::weights::Tensors;
    use super::*;

    fn weights() -> Tensors {
        // Direction 0 is along x with frequency 1, direction 1 along y with frequency 1/2, the
        // others are zero.
        let mut gaussian = vec![0.0; 256];
        gaussian[0] = 1.0;
        gaussian[128 + 1] = 0.5;
        let constant = |value: f32| (vec![1, 256], vec![value; 256]);
        let mut weights = Tensors::new();
        let name = format!("{PROMPT}.pe_layer.positional_encoding_gaussian_matrix");
        weights.insert(name, (vec![2, 128], gaussian));
        weights.insert(format!("{PROMPT}.not_a_point_embed.weight"), constant(9.0));
        weights.insert(format!("{PROMPT}.point_embeddings.1.weight"), constant(100.0));
        weights
    }

    #[test]
    fn a_point_is_its_fourier_features_plus_its_label() {
        // (0, 6) in an 8-pixel image: x = 1/16 -> -7/8, y = 6.5/8 -> 5/8.
        let tokens = sparse_prompts(&weights(), 8, &[[0.0, 6.0]], &[1.0]);
        let tau = std::f32::consts::TAU;
        assert_eq!(tokens.len(), 512);
        assert!((tokens[0] - 100.0 - (-0.875 * tau).sin()).abs() < 1e-5);
        assert!((tokens[1] - 100.0 - (0.3125 * tau).sin()).abs() < 1e-5);
        assert!((tokens[128] - 100.0 - (-0.875 * tau).cos()).abs() < 1e-5);
        assert_eq!(tokens[2..4], [100.0, 100.0]);
        assert_eq!(tokens[130], 101.0);
        assert_eq!(tokens[256..], [9.0; 256]);
    }

    #[test]
    fn cell_centres_run_along_x_first() {
        let map = dense_position(&weights(), 2);
        // Column 1: x = 3/4 -> 1/2, sin(pi) = 0 and cos(pi) = -1; row 1: y -> 1/2 at frequency 1/2,
        // sin(pi/2) = 1.
        assert!((map.token(0, 1)[128] + 1.0).abs() < 1e-6);
        assert!((map.token(1, 0)[1] - 1.0).abs() < 1e-6);
        assert!((map.token(0, 1)[1] + 1.0).abs() < 1e-6);
    }
}
