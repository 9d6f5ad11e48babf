//! Names: a parameter's in a checkpoint, and its layer's in the exported graph, which is how
//! `uniultra-tools quantize` calls it.

const TRUNK: &str = "image_encoder.trunk.";
const DECODER: &str = "sam_mask_decoder.";
const PROMPTS: &str = "sam_prompt_encoder.";

/// The layer that an int8 pack may hold for a parameter `name` (without `.weight`); `None` for
/// layers that are float in every pack: convolutions, the neck, layers of few inputs, and the
/// adapters' layers, which are part of the blocks' own.
pub(in crate::model) fn layer_of(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix(TRUNK) {
        let (index, layer) = rest.strip_prefix("blocks.")?.split_once('.')?;
        let layer = match layer {
            "attn.qkv" => "attn/qkv",
            "attn.proj" => "attn/proj",
            "proj" => "proj",
            "mlp.layers.0" => "mlp/layers.0",
            "mlp.layers.1" => "mlp/layers.1",
            _ => return None,
        };
        return Some(format!("blocks.{index}/{layer}"));
    }
    if let Some(rest) = name.strip_prefix(PROMPTS) {
        let kind = rest.strip_prefix("mask_downscaling.")?;
        return matches!(kind, "3" | "6")
            .then(|| format!("prompt_encoder/mask_downscaling/{kind}"));
    }
    let rest = name.strip_prefix(DECODER)?;
    if let Some(kind) = rest.strip_prefix("output_upscaling.") {
        return matches!(kind, "0" | "3").then(|| format!("mask_decoder/output_upscaling/{kind}"));
    }
    let heads = ["output_hypernetworks_mlps.", "iou_prediction_head.", "pred_obj_score_head."];
    if let Some(head) = heads.iter().find(|head| rest.starts_with(**head)) {
        let (module, layer) = rest.split_once(".layers.")?;
        debug_assert!(module.starts_with(head.trim_end_matches('.')));
        return Some(format!("mask_decoder/{module}/layers.{layer}"));
    }
    let rest = rest.strip_prefix("transformer.")?;
    let (module, layer) = match rest.strip_prefix("layers.") {
        Some(rest) => {
            let (index, layer) = rest.split_once('.')?;
            (format!("layers.{index}/"), layer)
        }
        None => (String::new(), rest),
    };
    // The feed-forward layers are named in one piece.
    let layer = if layer.starts_with("mlp.") { layer.to_string() } else { layer.replace('.', "/") };
    Some(format!("mask_decoder/transformer/{module}{layer}"))
}

/// All layers that an int8 pack of an encoder of so many blocks may hold, `proj` of every block
/// among them.
#[must_use]
pub(super) fn layer_names(blocks: usize) -> Vec<String> {
    let own = ["attn/qkv", "attn/proj", "proj", "mlp/layers.0", "mlp/layers.1"];
    let mut names: Vec<String> =
        (0..blocks).flat_map(|block| own.map(|layer| format!("blocks.{block}/{layer}"))).collect();
    names.extend(["3", "6"].map(|layer| format!("prompt_encoder/mask_downscaling/{layer}")));
    names.extend(["0", "3"].map(|layer| format!("mask_decoder/output_upscaling/{layer}")));
    let heads = (0..4)
        .map(|index| format!("output_hypernetworks_mlps.{index}"))
        .chain(["iou_prediction_head".to_string(), "pred_obj_score_head".to_string()]);
    names.extend(
        heads.flat_map(|head| (0..3).map(move |i| format!("mask_decoder/{head}/layers.{i}"))),
    );
    let projections = ["q_proj", "k_proj", "v_proj", "out_proj"];
    let kinds = ["self_attn", "cross_attn_token_to_image", "cross_attn_image_to_token"];
    for layer in 0..2 {
        let of = format!("mask_decoder/transformer/layers.{layer}");
        names.extend(["mlp.layers.0", "mlp.layers.1"].map(|leaf| format!("{of}/{leaf}")));
        for kind in kinds {
            names.extend(projections.map(|projection| format!("{of}/{kind}/{projection}")));
        }
    }
    let last = "mask_decoder/transformer/final_attn_token_to_image";
    names.extend(projections.map(|projection| format!("{last}/{projection}")));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_exported_graph() {
        for (name, layer) in [
            ("image_encoder.trunk.blocks.3.attn.qkv", "blocks.3/attn/qkv"),
            ("image_encoder.trunk.blocks.10.proj", "blocks.10/proj"),
            ("image_encoder.trunk.blocks.0.mlp.layers.1", "blocks.0/mlp/layers.1"),
            (
                "sam_mask_decoder.transformer.layers.0.cross_attn_token_to_image.k_proj",
                "mask_decoder/transformer/layers.0/cross_attn_token_to_image/k_proj",
            ),
            (
                "sam_mask_decoder.transformer.layers.1.mlp.layers.0",
                "mask_decoder/transformer/layers.1/mlp.layers.0",
            ),
            (
                "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj",
                "mask_decoder/transformer/final_attn_token_to_image/out_proj",
            ),
            (
                "sam_mask_decoder.output_hypernetworks_mlps.2.layers.1",
                "mask_decoder/output_hypernetworks_mlps.2/layers.1",
            ),
            (
                "sam_mask_decoder.iou_prediction_head.layers.0",
                "mask_decoder/iou_prediction_head/layers.0",
            ),
            ("sam_mask_decoder.output_upscaling.0", "mask_decoder/output_upscaling/0"),
            ("sam_prompt_encoder.mask_downscaling.6", "prompt_encoder/mask_downscaling/6"),
        ] {
            assert_eq!(layer_of(name).as_deref(), Some(layer), "{name}");
            assert!(layer_names(12).iter().any(|known| known == layer), "{layer}");
        }
        for name in [
            "image_encoder.trunk.patch_embed.proj",
            "image_encoder.trunk.edge_blocks.0",
            "image_encoder.trunk.blocks.0.train_edge.D_fc1",
            "image_encoder.neck.convs.0.conv",
            "sam_mask_decoder.conv_s0",
            "sam_prompt_encoder.mask_downscaling.0",
        ] {
            assert_eq!(layer_of(name), None, "{name}");
        }
    }
}
