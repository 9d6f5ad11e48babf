//! The Hiera trunk: patch embedding, blocks with windowed attention, four feature maps.

use super::EncoderConfig;
use super::attention::attention;
use super::edge::{ch_adapter, first_edge_map};
use super::layers::{gelu, layer_norm, linear, named_conv2d};
use super::maps::{Planes, TokenMap};
use super::position::position;
use super::weights::Weights;

/// Prefix of the trunk's tensors.
pub(super) const TRUNK: &str = "image_encoder.trunk";

/// Epsilon of the trunk's LayerNorms.
const EPS: f64 = 1e-6;

/// One block's place in the trunk.
struct Block {
    /// `image_encoder.trunk.blocks.N`
    name: String,
    dim_out: usize,
    heads: usize,
    /// Window side before pooling; None for attention over the whole map.
    window: Option<usize>,
    /// The first block of stages 2 to 4: width doubles, queries and shortcut are max-pooled.
    pools: bool,
    ends_stage: bool,
}

/// The trunk's blocks; window sizes lag by one block at each new stage.
fn blocks(config: &EncoderConfig) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut window = config.window_spec[0];
    for stage in 0..4 {
        for place in 0..config.stages[stage] {
            let index = blocks.len();
            let global = config.global_att_blocks.contains(&index);
            blocks.push(Block {
                name: format!("{TRUNK}.blocks.{index}"),
                dim_out: config.embed_dim * (1 << stage),
                heads: config.num_heads * (1 << stage),
                window: if global { None } else { Some(window) },
                pools: stage > 0 && place == 0,
                ends_stage: place + 1 == config.stages[stage],
            });
            window = config.window_spec[stage];
        }
    }
    blocks
}

/// The four stage outputs, strides 4, 8, 16, 32, of a normalised image (3, S, S).
pub(super) fn trunk(
    weights: &dyn Weights,
    config: &EncoderConfig,
    image: &Planes,
) -> [TokenMap; 4] {
    let mut x =
        named_conv2d(weights, &format!("{TRUNK}.patch_embed.proj"), image, 4, 3).to_tokens();
    assert_eq!(x.c, config.embed_dim, "channels of the patch embedding");
    x.add_scaled(&position(weights, TRUNK, x.h, x.w), 1.0);

    let layout = config.edge_layout;
    let mut edge = config.ch_adapters.then(|| first_edge_map(weights, TRUNK, &x, layout));
    let mut stages = Vec::new();
    for block in blocks(config) {
        x = attend(weights, &block, &x);

        let xn = norm(weights, &format!("{}.norm2", block.name), &x);
        x.add_scaled(&mlp(weights, &block.name, &xn), 1.0);
        if let Some(edge) = &edge {
            let adapter = format!("{}.train_edge", block.name);
            x.add_scaled(&ch_adapter(weights, &adapter, &xn, edge, layout), 0.5);
        }
        if block.ends_stage {
            stages.push(x.clone());
            edge = edge.map(|edge: Planes| edge.max_pool());
        }
    }
    stages.try_into().expect("four stages")
}

fn norm(weights: &dyn Weights, name: &str, x: &TokenMap) -> TokenMap {
    TokenMap::new(x.h, x.w, x.c, layer_norm(weights, name, &x.data, EPS))
}

/// Linear (4x), GELU, Linear.
fn mlp(weights: &dyn Weights, block: &str, xn: &TokenMap) -> TokenMap {
    let mut hidden = linear(weights, &format!("{block}.mlp.layers.0"), &xn.data);
    gelu(&mut hidden);
    let out = linear(weights, &format!("{block}.mlp.layers.1"), &hidden);
    TokenMap::new(xn.h, xn.w, xn.c, out)
}

/// The first half of a block: shortcut plus windowed attention, both pooled where the width
/// changes.
fn attend(weights: &dyn Weights, block: &Block, x: &TokenMap) -> TokenMap {
    let xn = norm(weights, &format!("{}.norm1", block.name), x);
    let mut out = if block.pools {
        let lifted = linear(weights, &format!("{}.proj", block.name), &xn.data);
        TokenMap::new(x.h, x.w, block.dim_out, lifted).max_pool()
    } else {
        x.clone()
    };

    let (window_h, window_w) = block.window.map_or((x.h, x.w), |side| (side, side));
    for top in (0..x.h).step_by(window_h) {
        for left in (0..x.w).step_by(window_w) {
            let window = cut_window(&xn, top, left, window_h, window_w);
            let attended = window_attention(weights, block, &window);
            let (top, left) = if block.pools { (top / 2, left / 2) } else { (top, left) };
            add_window(&mut out, &attended, top, left);
        }
    }
    out
}

/// A window of the map; beyond the right and bottom border it is zero.
fn cut_window(x: &TokenMap, top: usize, left: usize, h: usize, w: usize) -> TokenMap {
    let mut window = TokenMap::zeros(h, w, x.c);
    for row in 0..h.min(x.h - top) {
        for column in 0..w.min(x.w - left) {
            window.token_mut(row, column).copy_from_slice(x.token(top + row, left + column));
        }
    }
    window
}

/// Adds a window to the map, dropping what lies beyond the border.
fn add_window(x: &mut TokenMap, window: &TokenMap, top: usize, left: usize) {
    for row in 0..window.h.min(x.h - top) {
        for column in 0..window.w.min(x.w - left) {
            let token = x.token_mut(top + row, left + column);
            token.iter_mut().zip(window.token(row, column)).for_each(|(a, b)| *a += b);
        }
    }
}

/// Attention among the tokens of one window, padding included: a padded token is zero before `qkv`,
/// so its query, key and value are the bias, and it is attended to like any other.
fn window_attention(weights: &dyn Weights, block: &Block, window: &TokenMap) -> TokenMap {
    let width = block.dim_out;
    let qkv = linear(weights, &format!("{}.attn.qkv", block.name), &window.data);
    let part = |which: usize| -> Vec<f32> {
        qkv.chunks_exact(3 * width).flat_map(|t| &t[which * width..][..width]).copied().collect()
    };
    let mut q = TokenMap::new(window.h, window.w, width, part(0));
    if block.pools {
        q = q.max_pool();
    }
    let mixed = attention(&q.data, &part(1), &part(2), width, block.heads);
    let projected = linear(weights, &format!("{}.attn.proj", block.name), &mixed);
    TokenMap::new(q.h, q.w, width, projected)
}

#[cfg(test)]
mod tests {
    use super::super::EdgeLayout;
    use super::*;

    #[test]
    fn windows_lag_by_one_block() {
        let blocks = blocks(&EncoderConfig::mini(EdgeLayout::Spatial));
        let windows: Vec<_> = blocks.iter().map(|b| b.window.unwrap_or(0)).collect();
        assert_eq!(windows, [8, 8, 4, 4, 14, 0, 14, 0, 14, 0, 14, 7]);
        let pools: Vec<_> = (0..12).filter(|&i| blocks[i].pools).collect();
        assert_eq!(pools, [1, 3, 10]);
    }

    #[test]
    fn windows_at_the_border_are_padded_with_zeros_and_cropped() {
        let x = TokenMap::new(2, 3, 1, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let window = cut_window(&x, 0, 2, 2, 2);
        assert_eq!(window.data, [3.0, 0.0, 6.0, 0.0]);
        let below = cut_window(&x, 1, 0, 2, 2);
        assert_eq!(below.data, [4.0, 5.0, 0.0, 0.0]);

        let mut sum = x.clone();
        add_window(&mut sum, &TokenMap::new(2, 2, 1, vec![10.0, 99.0, 20.0, 99.0]), 0, 2);
        assert_eq!(sum.data, [1.0, 2.0, 13.0, 4.0, 5.0, 26.0]);
    }
}
