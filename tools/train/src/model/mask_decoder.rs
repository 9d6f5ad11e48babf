//! The mask decoder (MODEL.md section 4).

use super::attention::{attend, join_heads, split_heads};
use super::neck::Features;
use super::params::{Params, gelu};
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

/// Runs prompt encoder and mask decoder; `features` has one entry a prompt.
#[must_use]
pub fn mask_decoder(params: &Params, features: &Features, prompts: &PromptBatch) -> Decoded {
    let (count, width, side, _) = features.image_embed.size4().unwrap_or_default();
    let token = |name: &str| params.get(&format!("{NAME}.{name}.weight"));
    let own = Tensor::cat(&[token("obj_score_token"), token("iou_token"), token("mask_tokens")], 0);
    let own = own.unsqueeze(0).expand([count, -1, -1], false);
    let tokens = Tensor::cat(&[own, sparse(params, prompts, 16 * side)], 1);

    let image = &features.image_embed + dense(params, prompts.mask.as_ref());
    let keys = image.flatten(2, 3).transpose(1, 2);
    let key_position = dense_position(params, side).flatten(2, 3).transpose(1, 2);
    let (tokens, keys) = transformer(params, tokens, keys, &key_position);

    let image = keys.transpose(1, 2).reshape([count, width, side, side]);
    let upscaling = format!("{NAME}.output_upscaling");
    let x = params.conv_transpose(&format!("{upscaling}.0"), &image) + &features.high_res_feats_1;
    let x = gelu(&params.norm_2d(&format!("{upscaling}.1"), &x));
    let x = params.conv_transpose(&format!("{upscaling}.3"), &x) + &features.high_res_feats_0;
    let upscaled = gelu(&x);

    let kernels: Vec<Tensor> = (0..MASK_TOKENS)
        .map(|i| mlp(params, &format!("output_hypernetworks_mlps.{i}"), &tokens.select(1, 2 + i)))
        .collect();
    let masks = Tensor::stack(&kernels, 1).matmul(&upscaled.flatten(2, 3));
    Decoded {
        masks: masks.reshape([count, MASK_TOKENS, 4 * side, 4 * side]),
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
