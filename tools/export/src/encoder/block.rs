//! One Hiera block: attention, MLP and CH-Adapter with their residuals.

use super::adapter::EdgeBranch;
use super::attention;
use crate::Design;
use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{Block, CheckpointError};

/// LayerNorm's epsilon in the trunk.
const EPSILON: f32 = 1e-6;

/// `tokens [n * n, dim_in]` to `[m * m, dim_out]`, `m = n / 2` where the block pools.
pub(super) fn build(
    g: &mut Graph,
    weights: &Weights<'_>,
    block: &Block,
    side: usize,
    edges: Option<&mut EdgeBranch>,
    design: &Design,
    tokens: &Value,
) -> Result<Value, CheckpointError> {
    let (dim_in, dim) = (block.dim_in, block.dim_out);

    // 1. Attention.
    let (gain, shift) = weights.norm("norm1", dim_in)?;
    let mut qkv = weights.linear("attn.qkv", dim_in, 3 * dim)?;
    let padded_token = qkv.bias().to_vec();
    let proj = if block.pools { Some(weights.linear("proj", dim_in, dim)?) } else { None };
    let (normed, proj) = if design.simplify {
        qkv = qkv.after_affine(gain, shift);
        (plain_norm(g, "norm1", tokens, dim_in), proj.map(|p| p.after_affine(gain, shift)))
    } else {
        (g.scoped("norm1", |g| g.layer_norm(tokens, gain, shift, EPSILON)), proj)
    };
    let shortcut = match &proj {
        Some(proj) => {
            let projected = g.linear("proj", &normed, proj);
            let map = g.reshape(&projected, &[side as i64, side as i64, dim as i64]);
            let pooled = attention::max_pool(g, &map, side, dim, design.simplify);
            g.reshape(&pooled, &[-1, dim as i64])
        }
        None => tokens.clone(),
    };
    let output = weights.linear("attn.proj", dim, dim)?;
    let projection = attention::Projection { qkv, padded_token };
    let attended = g.scoped("attn", |g| {
        let attended = attention::build(g, &projection, block, side, design.simplify, &normed);
        g.linear("proj", &attended, &output)
    });
    let tokens = g.add(&shortcut, &attended);

    // 2. MLP and adapter.
    let (gain, shift) = weights.norm("norm2", dim)?;
    let mlp = weights.module("mlp");
    let mut expand = mlp.linear("layers.0", dim, 4 * dim)?;
    let mut contract = mlp.linear("layers.1", 4 * dim, dim)?;
    if design.simplify {
        let normed = plain_norm(g, "norm2", &tokens, dim);
        let mut residual = tokens;
        if let Some(edges) = edges {
            let adapter = edges.adapter(weights, dim)?;
            // The adapter's context path is an MLP on the same input: one wider MLP does both.
            expand = expand.beside(&adapter.reduce);
            contract = contract.plus(&adapter.context());
            if let Some(bias) = adapter.edge_bias() {
                contract = contract.shift(&bias);
            }
            let edge = g.scoped("train_edge", |g| edges.edge_tokens(g, &adapter));
            residual = g.add(&residual, &edge);
        }
        expand = expand.after_affine(gain, shift);
        let mixed = feed_forward(g, "mlp", &normed, &expand, &contract);
        return Ok(g.add(&residual, &mixed));
    }
    let normed = g.scoped("norm2", |g| g.layer_norm(&tokens, gain, shift, EPSILON));
    let mixed = feed_forward(g, "mlp", &normed, &expand, &contract);
    let sum = g.add(&tokens, &mixed);
    let Some(edges) = edges else { return Ok(sum) };
    let adapter = edges.adapter(weights, dim)?;
    let adapted = g.scoped("train_edge", |g| {
        let context = feed_forward(g, "context", &normed, &adapter.reduce, &adapter.expand);
        let edge = edges.edge_tokens(g, &adapter);
        let adapted = g.add(&context, &edge);
        let half = g.scalar("half", super::adapter::WEIGHT);
        g.mul(&adapted, &half)
    });
    Ok(g.add(&sum, &adapted))
}

/// LayerNorm without its affine part, which the next layer holds (MODEL.md 7.4).
fn plain_norm(g: &mut Graph, name: &str, x: &Value, channels: usize) -> Value {
    g.scoped(name, |g| g.layer_norm(x, &vec![1.0; channels], &vec![0.0; channels], EPSILON))
}

fn feed_forward(
    g: &mut Graph,
    name: &str,
    x: &Value,
    first: &crate::linear::Linear,
    second: &crate::linear::Linear,
) -> Value {
    g.scoped(name, |g| {
        let hidden = g.linear("layers.0", x, first);
        let hidden = g.gelu(&hidden);
        g.linear("layers.1", &hidden, second)
    })
}
