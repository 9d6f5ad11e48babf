//! Prompts as tokens (MODEL.md section 3).

use super::params::{Params, gelu};
use std::f64::consts::TAU;
use tch::{Kind, Tensor};

const NAME: &str = "sam_prompt_encoder";

/// Prompts of P objects, all with the same number of points.
#[derive(Debug)]
pub struct PromptBatch {
    /// `[P, N, 2]`, (x, y) in pixels of the S x S input.
    pub coords: Tensor,
    /// `[P, N]`: 0 negative, 1 positive, 2 and 3 the corners of a box.
    pub labels: Tensor,
    /// Logits `[P, 1, S/4, S/4]` of an earlier answer.
    pub mask: Option<Tensor>,
}

/// Sine and cosine encoding `[.., 256]` of places `[.., 2]` in 0..=1.
fn encode(params: &Params, places: &Tensor) -> Tensor {
    let matrix = params.get(&format!("{NAME}.pe_layer.positional_encoding_gaussian_matrix"));
    let angles = (places * 2.0 - 1.0).matmul(matrix) * TAU;
    Tensor::cat(&[angles.sin(), angles.cos()], -1)
}

/// Encoding `[1, 256, side, side]` of the cell centres of the image embedding's grid.
pub fn dense_position(params: &Params, side: i64) -> Tensor {
    let centres = (Tensor::arange(side, (Kind::Float, params.device())) + 0.5) / side as f64;
    let x = centres.reshape([1, side]).expand([side, side], false);
    let y = centres.reshape([side, 1]).expand([side, side], false);
    encode(params, &Tensor::stack(&[x, y], -1)).permute([2, 0, 1]).unsqueeze(0)
}

/// Tokens `[P, N + 1, 256]`: the points, and the padding point that SAM 2 always appends.
pub(super) fn sparse(params: &Params, prompts: &PromptBatch, image_size: i64) -> Tensor {
    let places = (&prompts.coords + 0.5) / image_size as f64;
    let mut tokens = encode(params, &places);
    for label in 0..4 {
        let chosen = prompts.labels.eq(label).to_kind(Kind::Float).unsqueeze(-1);
        let embedding = params.get(&format!("{NAME}.point_embeddings.{label}.weight"));
        tokens = &tokens + chosen * embedding;
    }
    let count = tokens.size()[0];
    let padding = params.get(&format!("{NAME}.not_a_point_embed.weight"));
    Tensor::cat(&[tokens, padding.unsqueeze(0).expand([count, 1, -1], false)], 1)
}

/// The prompt that is added to the image embedding: `[P or 1, 256, S/16 or 1, S/16 or 1]`.
pub(super) fn dense(params: &Params, mask: Option<&Tensor>) -> Tensor {
    let Some(mask) = mask else {
        return params.get(&format!("{NAME}.no_mask_embed.weight")).reshape([1, -1, 1, 1]);
    };
    let name = format!("{NAME}.mask_downscaling");
    let x = params.conv(&format!("{name}.0"), mask, 2, 0);
    let x = gelu(&params.norm_2d(&format!("{name}.1"), &x));
    let x = params.conv(&format!("{name}.3"), &x, 2, 0);
    let x = gelu(&params.norm_2d(&format!("{name}.4"), &x));
    params.conv(&format!("{name}.6"), &x, 1, 0)
}
