//! A block of the trunk in the form that is exported, on weights that `fold` prepared.

use super::attention::attend_in_integers;
use super::fold::PADDING;
use crate::model::adapter::Edges;
use crate::model::attention::attend;
use crate::model::params::{Params, gelu};
use crate::model::trunk::{ADAPTER_SCALE, EPS, TRUNK, pool};
use tch::Tensor;
use uniultra_checkpoint::Block;

/// The block's output without the edges of its adapter, and these. Tokens are `[B, H, W, C]`.
pub(in crate::model) fn run_block(
    params: &Params,
    block: &Block,
    x: &Tensor,
    edges: Option<&Edges>,
) -> (Tensor, Option<Tensor>) {
    let name = format!("{TRUNK}.blocks.{}", block.index);
    let xn = plain_norm(x);
    let shortcut = if block.dim_in == block.dim_out {
        x.shallow_clone()
    } else {
        let wide = params.linear(&format!("{name}.proj"), &xn);
        if block.pools { pool(&wide) } else { wide }
    };
    let x = shortcut + attention(params, &name, block, &xn);
    let xn = plain_norm(&x);
    let edge = edges.map(|edges| {
        edges.lifted(params, &format!("{name}.train_edge"), &xn.size()) * ADAPTER_SCALE
    });
    (x + params.mlp(&format!("{name}.mlp"), 2, &xn, gelu), edge)
}

/// LayerNorm without gain and shift, over the last axis.
fn plain_norm(x: &Tensor) -> Tensor {
    let width = x.size().last().copied().unwrap_or_default();
    x.layer_norm([width], None::<&Tensor>, None::<&Tensor>, EPS, false)
}

/// Windows are padded after the projection, with its output for a padded token.
fn attention(params: &Params, name: &str, block: &Block, xn: &Tensor) -> Tensor {
    let (batch, height, width, _) = xn.size4().unwrap_or_default();
    let (heads, dim) = (block.heads as i64, block.dim_out as i64);
    let qkv = params.linear(&format!("{name}.attn.qkv"), xn);
    // All maps are square: one window over all of it is global attention.
    let window = if block.window == 0 { height.max(width) } else { block.window as i64 };
    let qkv = pad(&qkv, window, params.get(&format!("{name}.attn.qkv.{PADDING}")));
    let part = |first: i64, parts: i64| qkv.narrow(3, first * dim, parts * dim);
    let (queries, factor) = if block.pools { (pool(&part(0, 1)), 2) } else { (part(0, 1), 1) };
    let q = windows(&queries, window / factor, heads);
    let [k, v] = [1, 2].map(|at| windows(&part(at, 1), window, heads));
    let mut out = attend(params, &q, &k, &v);
    if params.attends_in_integers(window * window, dim / heads) {
        // The value is that of the integers, the slope that of the real numbers.
        out = &out + (attend_in_integers(&q, &k, &v) - &out).detach();
    }
    let [rows, columns] = [&qkv.size()[1], &qkv.size()[2]].map(|side| side / window);
    let side = window / factor;
    let out = out
        .reshape([batch, rows, columns, heads, side, side, dim / heads])
        .permute([0, 1, 4, 2, 5, 3, 6])
        .reshape([batch, rows * side, columns * side, dim])
        .narrow(1, 0, height / factor)
        .narrow(2, 0, width / factor);
    params.linear(&format!("{name}.attn.proj"), &out)
}

/// `[B, H, W, C]`, padded right and bottom with one token.
fn pad(map: &Tensor, window: i64, token: &Tensor) -> Tensor {
    let (batch, height, width, channels) = map.size4().unwrap_or_default();
    let [down, across] = [height, width].map(|side| (window - side % window) % window);
    let mut map = map.shallow_clone();
    if across > 0 {
        let right = token.expand([batch, height, across, channels], false);
        map = Tensor::cat(&[map, right], 2);
    }
    if down > 0 {
        let bottom = token.expand([batch, down, width + across, channels], false);
        map = Tensor::cat(&[map, bottom], 1);
    }
    map
}

/// `[B, H, W, heads d]` as `[B windows, heads, window window, d]`.
fn windows(map: &Tensor, window: i64, heads: i64) -> Tensor {
    let (batch, height, width, channels) = map.size4().unwrap_or_default();
    let [rows, columns] = [height / window, width / window];
    map.reshape([batch, rows, window, columns, window, heads, channels / heads])
        .permute([0, 1, 3, 5, 2, 4, 6])
        .reshape([batch * rows * columns, heads, window * window, channels / heads])
}
