//! The mask decoder (MODEL.md section 4).

use super::attention::{attend, join_heads, split_heads};
use super::neck::PromptedFeatures;
use super::params::{NORM_2D_EPS, Params, gelu};
use super::prompt_encoder::{PromptBatch, dense, dense_position, sparse};
use tch::Tensor;

const NAME: &str = "sam_mask_decoder";
const HEADS: i64 = 8;

/// Epsilon of the transformer's LayerNorms.
const EPS: f64 = 1e-5;

/// Mask tokens: one for the single mask and three for the multimask output.
const MASK_TOKENS: i64 = 4;

/// The decoder's answer to P prompts.
#[derive(Debug)]
pub struct Decoded {
    /// Logits `[P, 4, S/4, S/4]`.
    pub masks: Tensor,
    /// Predicted IoU `[P, 4]`, 0 to 1.
    pub ious: Tensor,
    /// Object score logits `[P, 1]`.
    pub object_score: Tensor,
}

/// Runs prompt encoder and mask decoder.
#[must_use]
pub fn mask_decoder(
    params: &Params,
    features: &PromptedFeatures,
    prompts: &PromptBatch,
) -> Decoded {
    let (count, cells, _) = features.cells.size3().unwrap_or_default();
    let side = features.side;
    let token = |name: &str| params.get(&format!("{NAME}.{name}.weight"));
    let own = Tensor::cat(&[token("obj_score_token"), token("iou_token"), token("mask_tokens")], 0);
    let own = own.unsqueeze(0).expand([count, -1, -1], false);
    let tokens = Tensor::cat(&[own, sparse(params, prompts, 16 * side)], 1);

    let by_cells = |planes: &Tensor| planes.flatten(2, 3).transpose(1, 2);
    let keys = &features.cells + by_cells(&dense(params, prompts.mask.as_ref()));
    let key_position = by_cells(&dense_position(params, side));
    let (tokens, keys) = transformer(params, tokens, keys, &key_position);

    // Each cell becomes 2 x 2 pixels, each of those 2 x 2 again; they stay together.
    let upscaling = format!("{NAME}.output_upscaling");
    let x = params.conv_transpose_cells(&format!("{upscaling}.0"), &keys);
    let x = x.reshape([count, cells, 4, -1]) + &features.quarters;
    let x = gelu(&params.norm(&format!("{upscaling}.1"), &x, NORM_2D_EPS));
    let x = params.conv_transpose_cells(&format!("{upscaling}.3"), &x);
    let x = x.reshape([count, cells, 4, 4, -1]) + &features.sixteenths;
    let upscaled = gelu(&x).reshape([count, 16 * cells, -1]);

    let kernels: Vec<Tensor> = (0..MASK_TOKENS)
        .map(|i| mlp(params, &format!("output_hypernetworks_mlps.{i}"), &tokens.select(1, 2 + i)))
        .collect();
    let masks = Tensor::stack(&kernels, 1).matmul(&upscaled.transpose(1, 2));
    let masks = masks
        .reshape([count, MASK_TOKENS, side, side, 2, 2, 2, 2])
        .permute([0, 1, 2, 4, 6, 3, 5, 7])
        .reshape([count, MASK_TOKENS, 4 * side, 4 * side]);
    Decoded {
        masks,
        ious: mlp(params, "iou_prediction_head", &tokens.select(1, 1)).sigmoid(),
        object_score: mlp(params, "pred_obj_score_head", &tokens.select(1, 0)),
    }
}

/// One of the three-layer heads.
fn mlp(params: &Params, head: &str, x: &Tensor) -> Tensor {
    params.mlp(&format!("{NAME}.{head}"), 3, x, Tensor::relu)
}

/// The two-way transformer: tokens `[P, T, 256]` and image `[P, HW, 256]` attend to each other.
fn transformer(
    params: &Params,
    tokens: Tensor,
    keys: Tensor,
    key_position: &Tensor,
) -> (Tensor, Tensor) {
    let name = format!("{NAME}.transformer");
    let position = tokens.shallow_clone();
    let (mut queries, mut keys) = (tokens, keys);
    for layer in 0..2 {
        let name = format!("{name}.layers.{layer}");
        let attention = |kind: &str, q: &Tensor, k: &Tensor, v: &Tensor| {
            attention(params, &format!("{name}.{kind}"), q, k, v)
        };
        let norm = |number: usize, x: &Tensor| params.norm(&format!("{name}.norm{number}"), x, EPS);
        queries = if layer == 0 {
            // The first layer has neither a position here nor a residual.
            attention("self_attn", &queries, &queries, &queries)
        } else {
            let q = &queries + &position;
            &queries + attention("self_attn", &q, &q, &queries)
        };
        queries = norm(1, &queries);

        let (q, k) = (&queries + &position, &keys + key_position);
        queries = norm(2, &(&queries + attention("cross_attn_token_to_image", &q, &k, &keys)));
        let mlp = params.mlp(&format!("{name}.mlp"), 2, &queries, Tensor::relu);
        queries = norm(3, &(&queries + mlp));

        let q = &queries + &position;
        keys = norm(4, &(&keys + attention("cross_attn_image_to_token", &k, &q, &queries)));
    }
    let (q, k) = (&queries + &position, &keys + key_position);
    let last = attention(params, &format!("{name}.final_attn_token_to_image"), &q, &k, &keys);
    (params.norm(&format!("{name}.norm_final_attn"), &(queries + last), EPS), keys)
}

/// Attention with its four projections.
fn attention(params: &Params, name: &str, q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let project =
        |part: &str, x: &Tensor| split_heads(&params.linear(&format!("{name}.{part}"), x), HEADS);
    let out = attend(params, &project("q_proj", q), &project("k_proj", k), &project("v_proj", v));
    params.linear(&format!("{name}.out_proj"), &join_heads(&out))
}
