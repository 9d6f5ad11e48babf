//! Windowed and global multi-head attention with optional query pooling.

use crate::linear::Linear;
use crate::onnx::{Attribute, Graph, Value};
use uniultra_checkpoint::Block;

/// The projection to queries, keys and values.
pub(super) struct Projection {
    /// `[3 dim, dim_in]`, in the simplified export with LayerNorm's affine part folded in.
    pub(super) qkv: Linear,
    /// Its output for a padded token, which is zero after LayerNorm: the stored bias.
    pub(super) padded_token: Vec<f32>,
}

/// Attention over `normed [n * n, dim_in]`, before the output projection: `[m * m, dim_out]`.
pub(super) fn build(
    g: &mut Graph,
    projection: &Projection,
    block: &Block,
    side: usize,
    simplify: bool,
    normed: &Value,
) -> Value {
    let dim = block.dim_out;
    let head_dim = dim / block.heads;
    let scale = 1.0 / (head_dim as f32).sqrt();
    // Global attention is one window over the whole map.
    let window = if block.window == 0 { side } else { block.window };
    let padded = side.next_multiple_of(window);

    let map = if simplify {
        // Scale folds into the queries; padding after the projection spares the padded tokens
        // that product.
        let qkv = projection.qkv.scale_first(dim, scale);
        let projected = g.linear("qkv", normed, &qkv);
        let map = g.reshape(&projected, &[side as i64, side as i64, 3 * dim as i64]);
        let mut padded_token = projection.padded_token.clone();
        padded_token.iter_mut().take(dim).for_each(|v| *v *= scale);
        pad_with(g, &map, side, padded, &padded_token)
    } else {
        let channels = block.dim_in as i64;
        let map = g.reshape(normed, &[side as i64, side as i64, channels]);
        let map = pad_with_zeros(g, &map, side, padded);
        let tokens = g.reshape(&map, &[-1, channels]);
        let projected = g.linear("qkv", &tokens, &projection.qkv);
        g.reshape(&projected, &[padded as i64, padded as i64, 3 * dim as i64])
    };

    let (q, k, v, out_padded, out_window) = if block.pools {
        let q = g.slice(&map, 2, 0, dim);
        let kv = g.slice(&map, 2, dim, 3 * dim);
        // Windows have an even side, so pooling the map pools inside each window.
        let q = max_pool(g, &q, padded, dim, simplify);
        let [q] = split_windows(g, &q, padded / 2, window / 2, block.heads, head_dim);
        let [k, v] = split_windows(g, &kv, padded, window, block.heads, head_dim);
        (q, k, v, padded / 2, window / 2)
    } else {
        let [q, k, v] = split_windows(g, &map, padded, window, block.heads, head_dim);
        (q, k, v, padded, window)
    };

    let k = g.transpose(&k, &[0, 1, 3, 2]);
    let mut scores = g.matmul(&q, &k);
    if !simplify {
        let scale = g.scalar("scale", scale);
        scores = g.mul(&scores, &scale);
    }
    let weights = g.softmax(&scores);
    let attended = g.matmul(&weights, &v);
    let out_side = if block.pools { side / 2 } else { side };
    join_windows(g, &attended, out_side, out_padded, out_window, block.heads, head_dim)
}

/// 2x2 max-pool of a `[n, n, C]` map to `[n/2, n/2, C]`.
pub(super) fn max_pool(
    g: &mut Graph,
    map: &Value,
    side: usize,
    channels: usize,
    simplify: bool,
) -> Value {
    let (half, channels) = ((side / 2) as i64, channels as i64);
    if !simplify {
        let planes = g.transpose(map, &[2, 0, 1]);
        let planes = g.reshape(&planes, &[1, channels, side as i64, side as i64]);
        let pooled = g.max_pool(&planes);
        let pooled = g.transpose(&pooled, &[0, 2, 3, 1]);
        return g.reshape(&pooled, &[half, half, channels]);
    }
    // Maxima of contiguous halves: row pairs, then pixel pairs. No layout moves.
    let mut max_of_pairs = |x: &Value, outer: i64, inner: i64| {
        let pairs = g.reshape(x, &[outer, 2, inner]);
        let (first, second) = (g.slice(&pairs, 1, 0, 1), g.slice(&pairs, 1, 1, 2));
        g.node("Max", &[&first, &second], &[])
    };
    let rows = max_of_pairs(map, half, side as i64 * channels);
    let pixels = max_of_pairs(&rows, half * half, channels);
    g.reshape(&pixels, &[half, half, channels])
}

/// Pads a `[n, n, C]` map right and bottom with one vector.
fn pad_with(g: &mut Graph, map: &Value, side: usize, padded: usize, vector: &[f32]) -> Value {
    if padded == side {
        return map.clone();
    }
    let (n, extra, channels) = (side as i64, (padded - side) as i64, vector.len() as i64);
    let vector = g.weight("padding", &[1, 1, vector.len()], vector);
    let mut block = |shape: [i64; 3]| {
        let shape = g.integers(&shape);
        g.node("Expand", &[&vector, &shape], &[])
    };
    let (right, bottom) = (block([n, extra, channels]), block([extra, n + extra, channels]));
    let wide = g.concat(&[map, &right], 1);
    g.concat(&[&wide, &bottom], 0)
}

fn pad_with_zeros(g: &mut Graph, map: &Value, side: usize, padded: usize) -> Value {
    if padded == side {
        return map.clone();
    }
    let extra = (padded - side) as i64;
    let pads = g.integers(&[0, 0, 0, extra, extra, 0]);
    g.node("Pad", &[map, &pads], &[Attribute::Text("mode", "constant")])
}

/// `[n, n, PARTS * heads * hd]` to `PARTS` tensors `[windows, heads, w * w, hd]`.
fn split_windows<const PARTS: usize>(
    g: &mut Graph,
    map: &Value,
    side: usize,
    window: usize,
    heads: usize,
    head_dim: usize,
) -> [Value; PARTS] {
    let count = side / window;
    let [n, w, p, h, d] = [count, window, PARTS, heads, head_dim].map(|v| v as i64);
    let split = g.reshape(map, &[n, w, n, w, p, h, d]);
    let moved = g.transpose(&split, &[4, 0, 2, 5, 1, 3, 6]);
    let shape = [n * n, h, w * w, d];
    let grouped = g.reshape(&moved, &[p, n * n, h, w * w, d]);
    std::array::from_fn(|part| {
        let one = if PARTS == 1 { grouped.clone() } else { g.slice(&grouped, 0, part, part + 1) };
        g.reshape(&one, &shape)
    })
}

/// `[windows, heads, w * w, hd]` to `[n * n, heads * hd]`, padding cropped.
fn join_windows(
    g: &mut Graph,
    attended: &Value,
    side: usize,
    padded: usize,
    window: usize,
    heads: usize,
    head_dim: usize,
) -> Value {
    let count = padded / window;
    let [n, w, h, d] = [count, window, heads, head_dim].map(|v| v as i64);
    let split = g.reshape(attended, &[n, n, h, w, w, d]);
    let moved = g.transpose(&split, &[0, 3, 1, 4, 2, 5]);
    let mut map = g.reshape(&moved, &[padded as i64, padded as i64, h * d]);
    if padded != side {
        map = g.slice(&map, 0, 0, side);
        map = g.slice(&map, 1, 0, side);
    }
    g.reshape(&map, &[(side * side) as i64, h * d])
}
