//! `sam_prompt_encoder.*` and `no_mem_embed`.

use super::build::List;
use super::{Component, ParameterKind};
use crate::NECK_DIM;

const NAME: &str = "sam_prompt_encoder";

pub(super) fn list(list: &mut List) {
    list.kind = ParameterKind::Trainable;
    list.component = Component::NoMemEmbed;
    list.add("no_mem_embed", &[1, 1, NECK_DIM]);

    list.component = Component::PromptEncoder;
    list.kind = ParameterKind::Buffer;
    // Sine and cosine of each column make up the width.
    list.add(format!("{NAME}.pe_layer.positional_encoding_gaussian_matrix"), &[2, NECK_DIM / 2]);
    list.kind = ParameterKind::Trainable;
    for label in 0..4 {
        list.embedding(&format!("{NAME}.point_embeddings.{label}"), 1, NECK_DIM);
    }
    list.embedding(&format!("{NAME}.not_a_point_embed"), 1, NECK_DIM);
    list.embedding(&format!("{NAME}.no_mask_embed"), 1, NECK_DIM);
    let downscaling = format!("{NAME}.mask_downscaling");
    list.conv(&format!("{downscaling}.0"), 1, 4, 2);
    list.norm(&format!("{downscaling}.1"), 4);
    list.conv(&format!("{downscaling}.3"), 4, 16, 2);
    list.norm(&format!("{downscaling}.4"), 16);
    list.conv(&format!("{downscaling}.6"), 16, NECK_DIM, 1);
}
