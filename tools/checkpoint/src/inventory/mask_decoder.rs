//! `sam_mask_decoder.*`: two-way transformer, upscaling, heads.

use super::build::List;
use super::{Component, ParameterKind};
use crate::NECK_DIM;

const NAME: &str = "sam_mask_decoder";

/// Inner width of the cross-attentions.
const CROSS_DIM: usize = NECK_DIM / 2;

/// Hidden width of the transformer's MLP.
const MLP_DIM: usize = 2048;

/// Mask tokens: one for the single mask and three for the multimask output.
const MASK_TOKENS: usize = 4;

/// Channels after each of the two upscaling steps.
const UPSCALED: [usize; 2] = [64, 32];

pub(super) fn list(list: &mut List) {
    list.component = Component::MaskDecoder;
    list.kind = ParameterKind::Trainable;
    for layer in 0..2 {
        two_way_layer(list, &format!("{NAME}.transformer.layers.{layer}"));
    }
    let last = format!("{NAME}.transformer.final_attn_token_to_image");
    list.attention(&last, NECK_DIM, NECK_DIM, CROSS_DIM);
    list.norm(&format!("{NAME}.transformer.norm_final_attn"), NECK_DIM);

    list.embedding(&format!("{NAME}.iou_token"), 1, NECK_DIM);
    list.embedding(&format!("{NAME}.mask_tokens"), MASK_TOKENS, NECK_DIM);
    list.embedding(&format!("{NAME}.obj_score_token"), 1, NECK_DIM);

    let [wide, fine] = UPSCALED;
    list.conv_transpose(&format!("{NAME}.output_upscaling.0"), NECK_DIM, wide, 2);
    list.norm(&format!("{NAME}.output_upscaling.1"), wide);
    list.conv_transpose(&format!("{NAME}.output_upscaling.3"), wide, fine, 2);
    list.conv(&format!("{NAME}.conv_s0"), NECK_DIM, fine, 1);
    list.conv(&format!("{NAME}.conv_s1"), NECK_DIM, wide, 1);
    for token in 0..MASK_TOKENS {
        let mlp = format!("{NAME}.output_hypernetworks_mlps.{token}");
        list.mlp(&mlp, &[NECK_DIM, NECK_DIM, NECK_DIM, fine]);
    }
    let head = format!("{NAME}.iou_prediction_head");
    list.mlp(&head, &[NECK_DIM, NECK_DIM, NECK_DIM, MASK_TOKENS]);

    list.component = Component::ObjectScoreHead;
    let head = format!("{NAME}.pred_obj_score_head");
    list.mlp(&head, &[NECK_DIM, NECK_DIM, NECK_DIM, 1]);
}

fn two_way_layer(list: &mut List, name: &str) {
    list.attention(&format!("{name}.self_attn"), NECK_DIM, NECK_DIM, NECK_DIM);
    for cross in ["cross_attn_token_to_image", "cross_attn_image_to_token"] {
        list.attention(&format!("{name}.{cross}"), NECK_DIM, NECK_DIM, CROSS_DIM);
    }
    list.mlp(&format!("{name}.mlp"), &[NECK_DIM, MLP_DIM, NECK_DIM]);
    for norm in 1..=4 {
        list.norm(&format!("{name}.norm{norm}"), NECK_DIM);
    }
}
