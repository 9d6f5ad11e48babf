//! The trunk's position embedding: a bicubic background plus a tiled window.

use super::maps::{Planes, TokenMap};
use super::weights::Weights;

/// Shape parameter of the cubic kernel, PyTorch's.
const A: f64 = -0.75;

/// Weights of the four neighbours at offsets -1, 0, 1, 2 of a point `t` in [0, 1) past neighbour 0
/// (Keys, "Cubic convolution interpolation for digital image processing", 1981).
fn cubic_weights(t: f64) -> [f64; 4] {
    let near = |x: f64| (A + 2.0) * x.powi(3) - (A + 3.0) * x.powi(2) + 1.0;
    let far = |x: f64| A * x.powi(3) - 5.0 * A * x.powi(2) + 8.0 * A * x - 4.0 * A;
    [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)]
}

/// For each output position: the four source indices (clamped to the border) and their weights.
/// Pixel centres lie at half-integers (`align_corners=False`).
fn cubic_taps(from: usize, to: usize) -> Vec<[(usize, f64); 4]> {
    (0..to)
        .map(|i| {
            let source = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let base = source.floor();
            let weights = cubic_weights(source - base);
            std::array::from_fn(|n| {
                let index = (base as isize + n as isize - 1).clamp(0, from as isize - 1);
                (index as usize, weights[n])
            })
        })
        .collect()
}

/// Bicubic resize of each plane.
fn resize_bicubic(x: &Planes, h: usize, w: usize) -> Planes {
    let (rows, columns) = (cubic_taps(x.h, h), cubic_taps(x.w, w));
    let mut y = Planes::zeros(x.c, h, w);
    for c in 0..x.c {
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in columns.iter().enumerate() {
                let mut sum = 0.0;
                for (sy, wy) in row {
                    for (sx, wx) in column {
                        sum += wy * wx * f64::from(x.at(c, *sy, *sx));
                    }
                }
                *y.at_mut(c, i, j) = sum as f32;
            }
        }
    }
    y
}

/// The position embedding of an H x W token map: `pos_embed` resized, plus `pos_embed_window`
/// tiled.
pub(super) fn position(weights: &dyn Weights, trunk: &str, h: usize, w: usize) -> TokenMap {
    let grid = |name: &str| {
        let (shape, values) = weights.get(&format!("{trunk}.{name}"));
        let &[1, c, rows, columns] = shape else { panic!("`{name}` is not [1, C, h, w]") };
        Planes::new(c, rows, columns, values.to_vec())
    };
    let window = grid("pos_embed_window");
    let mut position = resize_bicubic(&grid("pos_embed"), h, w).to_tokens();
    for y in 0..h {
        for x in 0..w {
            for (c, value) in position.token_mut(y, x).iter_mut().enumerate() {
                *value += window.at(c, y % window.h, x % window.w);
            }
        }
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubic_weights_of_known_offsets() {
        assert_eq!(cubic_weights(0.0), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(cubic_weights(0.5), [-0.09375, 0.59375, 0.59375, -0.09375]);
        assert_eq!(cubic_weights(0.25), [-0.105_468_75, 0.878_906_25, 0.261_718_75, -0.035_156_25]);
    }

    #[test]
    fn enlarging_two_pixels_to_four_clamps_at_the_border() {
        // Output 0 lies at -0.25: base -1, t = 0.75, neighbours clamp to 0, 0, 0, 1.
        let y = resize_bicubic(&Planes::new(1, 1, 2, vec![0.0, 1.0]), 1, 4);
        let expected = [-27.0 / 256.0, 58.0 / 256.0, 198.0 / 256.0, 283.0 / 256.0];
        assert_eq!(y.data, expected);
    }

    #[test]
    fn resizing_to_the_same_size_changes_nothing() {
        let x = Planes::new(2, 3, 3, (0..18).map(|i| i as f32 * 0.5).collect());
        assert_eq!(resize_bicubic(&x, 3, 3), x);
    }
}
