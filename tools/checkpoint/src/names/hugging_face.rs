//! The names of Hugging Face's `Sam2Model` and `Sam2VideoModel`.
//!
//! Their tensors have Meta's layout, with one exception: the four embeddings of point labels are the
//! rows of one tensor.

use super::Named;
use crate::format::Content;
use crate::{Architecture, Tensor};
use std::collections::HashMap;

/// Every model of theirs has tensors of this name.
const MARK: &str = "vision_encoder.";

/// Meta's four tensors as rows of one.
const POINTS: &str = "prompt_encoder.point_embed.weight";

/// A second copy of the Gaussian matrix, or the only one: they share it, and a file has it once.
const SHARED_MATRIX: &str = "shared_image_embedding.positional_embedding";
const MATRIX: &str = "prompt_encoder.shared_embedding.positional_embedding";

/// Changes Hugging Face's names to Meta's. Other names stay.
pub(super) fn to_metas(tensors: Vec<Named>) -> Vec<Named> {
    if !tensors.iter().any(|tensor| tensor.name.starts_with(MARK)) {
        return tensors;
    }
    let metas = table();
    let mut renamed = Vec::with_capacity(tensors.len());
    for Named { stored, name, content } in tensors {
        let rows = if name == POINTS { rows_of(&content) } else { None };
        if let Some(rows) = rows {
            renamed.extend((0..).zip(rows).map(|(row, tensor)| Named {
                stored: stored.clone(),
                name: format!("sam_prompt_encoder.point_embeddings.{row}.weight"),
                content: Content::Floats(tensor),
            }));
            continue;
        }
        let looked_up = if name == SHARED_MATRIX { MATRIX } else { &name };
        let name = metas.get(looked_up).cloned().unwrap_or(name);
        renamed.push(Named { stored, name, content });
    }
    renamed
}

/// Each row as a tensor `[1, width]`, if there are four.
fn rows_of(content: &Content) -> Option<Vec<Tensor>> {
    let Content::Floats(tensor) = content else { return None };
    let &[4, width] = tensor.shape() else { return None };
    let row = |values: &[f32]| Tensor::new(vec![1, width], values.to_vec()).ok();
    tensor.data().chunks(width.max(1)).map(row).collect::<Option<Vec<_>>>().filter(|r| r.len() == 4)
}

/// Meta's names by Hugging Face's, of every architecture.
fn table() -> HashMap<String, String> {
    let stock = Architecture::all().filter(|architecture| !architecture.ch_adapters);
    let names = stock.flat_map(|architecture| architecture.parameters()).map(|p| p.name);
    names.map(|name| (theirs(&name), name)).collect()
}

/// Hugging Face's name of a tensor of Meta's.
fn theirs(name: &str) -> String {
    let (part, rest) = name.split_once('.').unwrap_or((name, ""));
    match part {
        "image_encoder" => image_encoder(rest),
        "sam_prompt_encoder" => format!("prompt_encoder.{}", prompt_encoder(rest)),
        "sam_mask_decoder" => format!("mask_decoder.{}", mask_decoder(rest)),
        "memory_attention" => format!("memory_attention.{}", attention(&norms(rest))),
        "memory_encoder" => format!("memory_encoder.{}", memory_encoder(rest)),
        "obj_ptr_proj" => format!("object_pointer_proj.{}", three_layers(rest)),
        "no_mem_embed" => "no_memory_embedding".to_string(),
        "no_mem_pos_enc" => "no_memory_positional_encoding".to_string(),
        "no_obj_ptr" => "no_object_pointer".to_string(),
        "maskmem_tpos_enc" => "memory_temporal_positional_encoding".to_string(),
        _ => name.to_string(),
    }
}

fn image_encoder(rest: &str) -> String {
    match rest.strip_prefix("trunk.") {
        Some(trunk) => {
            let trunk = trunk.replace("patch_embed.proj", "patch_embed.projection");
            format!("vision_encoder.backbone.{}", norms(&two_layers(&trunk)))
        }
        None => format!("vision_encoder.{}", rest.replace(".conv.", ".")),
    }
}

fn prompt_encoder(rest: &str) -> String {
    const LAYERS: [(&str, &str); 5] = [
        ("0", "conv1"),
        ("1", "layer_norm1"),
        ("3", "conv2"),
        ("4", "layer_norm2"),
        ("6", "conv3"),
    ];
    let Some(layer) = rest.strip_prefix("mask_downscaling.") else {
        return rest.replace(
            "pe_layer.positional_encoding_gaussian_matrix",
            "shared_embedding.positional_embedding",
        );
    };
    format!("mask_embed.{}", renamed_first(layer, &LAYERS))
}

fn mask_decoder(rest: &str) -> String {
    const UPSCALING: [(&str, &str); 3] =
        [("0", "upscale_conv1"), ("1", "upscale_layer_norm"), ("3", "upscale_conv2")];
    if let Some(layer) = rest.strip_prefix("output_upscaling.") {
        return renamed_first(layer, &UPSCALING);
    }
    if rest.starts_with("transformer.") {
        return attention(&norms(&two_layers(rest)));
    }
    // Heads of three layers; tokens and convolutions have no layers and keep their names.
    three_layers(rest)
}

fn memory_encoder(rest: &str) -> String {
    const PARTS: [(&str, &str); 3] = [
        ("pix_feat_proj", "feature_projection"),
        ("out_proj", "projection"),
        ("fuser", "memory_fuser"),
    ];
    let Some(layer) = rest.strip_prefix("mask_downsampler.encoder.") else {
        let rest = renamed_first(rest, &PARTS).replace("dwconv", "depthwise_conv");
        return norms(&rest.replace("pwconv", "pointwise_conv").replace(".gamma", ".scale"));
    };
    // Convolution, norm and activation in turn, and a last convolution.
    let (place, end) = layer.split_once('.').unwrap_or((layer, ""));
    let layer = match place.parse::<usize>() {
        Ok(12) | Err(_) => "final_conv".to_string(),
        Ok(place) if place % 3 == 0 => format!("layers.{}.conv", place / 3),
        Ok(place) => format!("layers.{}.layer_norm", place / 3),
    };
    format!("mask_downsampler.{layer}.{end}")
}

/// The first part of a name, renamed.
fn renamed_first(name: &str, names: &[(&str, &str)]) -> String {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let theirs =
        names.iter().find(|(metas, _)| *metas == first).map_or(first, |(_, theirs)| theirs);
    format!("{theirs}.{rest}")
}

fn norms(name: &str) -> String {
    match name.strip_prefix("norm.") {
        Some(rest) => format!("layer_norm.{rest}"),
        None => name.replace(".norm", ".layer_norm"),
    }
}

fn attention(name: &str) -> String {
    name.replace(".out_proj.", ".o_proj.")
}

fn two_layers(name: &str) -> String {
    name.replace("mlp.layers.0.", "mlp.proj_in.").replace("mlp.layers.1.", "mlp.proj_out.")
}

fn three_layers(name: &str) -> String {
    // Only the last `layers.N` counts: the heads of masks are numbered, too.
    for (metas, theirs) in [("0", "proj_in"), ("1", "layers.0"), ("2", "proj_out")] {
        for end in ["weight", "bias"] {
            if let Some(start) = name.strip_suffix(&format!("layers.{metas}.{end}")) {
                return format!("{start}{theirs}.{end}");
            }
        }
    }
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_published_name() {
        // As the conversion script of Hugging Face's transformers renames Meta's tensors.
        for (metas, expected) in [
            ("image_encoder.trunk.pos_embed", "vision_encoder.backbone.pos_embed"),
            (
                "image_encoder.trunk.patch_embed.proj.bias",
                "vision_encoder.backbone.patch_embed.projection.bias",
            ),
            (
                "image_encoder.trunk.blocks.1.norm1.weight",
                "vision_encoder.backbone.blocks.1.layer_norm1.weight",
            ),
            (
                "image_encoder.trunk.blocks.1.mlp.layers.1.bias",
                "vision_encoder.backbone.blocks.1.mlp.proj_out.bias",
            ),
            (
                "image_encoder.trunk.blocks.1.proj.bias",
                "vision_encoder.backbone.blocks.1.proj.bias",
            ),
            ("image_encoder.neck.convs.3.conv.weight", "vision_encoder.neck.convs.3.weight"),
            (
                "sam_prompt_encoder.mask_downscaling.4.bias",
                "prompt_encoder.mask_embed.layer_norm2.bias",
            ),
            ("sam_prompt_encoder.no_mask_embed.weight", "prompt_encoder.no_mask_embed.weight"),
            (
                "sam_mask_decoder.transformer.layers.1.cross_attn_token_to_image.out_proj.weight",
                "mask_decoder.transformer.layers.1.cross_attn_token_to_image.o_proj.weight",
            ),
            (
                "sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight",
                "mask_decoder.transformer.layers.0.mlp.proj_in.weight",
            ),
            (
                "sam_mask_decoder.transformer.norm_final_attn.bias",
                "mask_decoder.transformer.layer_norm_final_attn.bias",
            ),
            ("sam_mask_decoder.output_upscaling.3.bias", "mask_decoder.upscale_conv2.bias"),
            (
                "sam_mask_decoder.output_hypernetworks_mlps.2.layers.1.weight",
                "mask_decoder.output_hypernetworks_mlps.2.layers.0.weight",
            ),
            (
                "sam_mask_decoder.iou_prediction_head.layers.2.bias",
                "mask_decoder.iou_prediction_head.proj_out.bias",
            ),
            ("sam_mask_decoder.mask_tokens.weight", "mask_decoder.mask_tokens.weight"),
            ("no_mem_embed", "no_memory_embedding"),
            ("memory_attention.norm.weight", "memory_attention.layer_norm.weight"),
            (
                "memory_encoder.mask_downsampler.encoder.4.bias",
                "memory_encoder.mask_downsampler.layers.1.layer_norm.bias",
            ),
            ("memory_encoder.fuser.layers.0.gamma", "memory_encoder.memory_fuser.layers.0.scale"),
            ("obj_ptr_proj.layers.0.weight", "object_pointer_proj.proj_in.weight"),
        ] {
            assert_eq!(theirs(metas), expected);
        }
    }

    #[test]
    fn no_two_tensors_get_one_name() {
        for architecture in Architecture::all().filter(|architecture| !architecture.ch_adapters) {
            let parameters = architecture.parameters();
            let names: std::collections::BTreeSet<_> =
                parameters.iter().map(|p| theirs(&p.name)).collect();
            assert_eq!(names.len(), parameters.len(), "{architecture}");
        }
    }
}
