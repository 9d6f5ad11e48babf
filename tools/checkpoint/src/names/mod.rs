//! From the names that people's checkpoints use to Meta's names.

mod hugging_face;

use crate::format::Content;
use std::collections::BTreeMap;

/// Modules that tools put around others. They can stand anywhere in a name: DataParallel and
/// DistributedDataParallel, `torch.compile`, FSDP, activation checkpointing, a layer with LoRA.
const WRAPPERS: [&str; 5] =
    ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"];

/// Attributes under which training code keeps the network, and keys of dictionaries that were
/// flattened.
const HOLDERS: [&str; 10] = [
    "model",
    "net",
    "network",
    "sam",
    "sam2",
    "sam_model",
    "sam2_model",
    "base_model",
    "state_dict",
    "model_state_dict",
];

/// Beginnings of the names of a network's tensors, Meta's and Hugging Face's.
const NETWORK_PARTS: [&str; 6] = [
    "image_encoder.",
    "sam_mask_decoder.",
    "sam_prompt_encoder.",
    "vision_encoder.",
    "mask_decoder.",
    "prompt_encoder.",
];

/// A name without what wrappers put into it.
pub(crate) fn clean(stored: &str) -> String {
    let segments: Vec<&str> = stored.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
    let Some(last) = segments.len().checked_sub(1) else { return stored.to_string() };
    let holders = segments[..last].iter().take_while(|part| HOLDERS.contains(part)).count();
    segments[holders..].join(".")
}

/// A tensor with its name in the file and Meta's name.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) stored: String,
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// Gives tensors Meta's names. Names that nobody knows only lose their wrappers.
pub(crate) fn metas(tensors: Vec<(String, Content)>) -> Vec<Named> {
    let cleaned = tensors.into_iter().map(|(stored, content)| {
        let name = clean(&stored);
        Named { stored, name, content }
    });
    hugging_face::to_metas(cleaned.collect())
}

/// Whether a clean name can only be one of SAM 2.
pub(crate) fn is_network_part(name: &str) -> bool {
    NETWORK_PARTS.iter().any(|part| name.starts_with(part))
}

/// How names begin and how often, for messages: `backbone.*` (120), `head.*` (4).
pub(crate) fn outline<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let mut beginnings = BTreeMap::<&str, usize>::new();
    let mut count = 0;
    for name in names {
        *beginnings.entry(name.split('.').next().unwrap_or(name)).or_default() += 1;
        count += 1;
    }
    if count == 0 {
        return "no tensors".to_string();
    }
    let mut sorted: Vec<_> = beginnings.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = if sorted.len() > SHOWN { ", ..." } else { "" };
    let shown: Vec<_> =
        sorted.iter().take(SHOWN).map(|(name, n)| format!("`{name}` ({n})")).collect();
    format!("{count} tensors whose names begin with {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_go_in_any_order_and_at_any_depth() {
        let plain = "image_encoder.trunk.blocks.0.attn.qkv.weight";
        for prefix in [
            "",
            "model.",
            "module.",
            "net.",
            "_orig_mod.module.model.",
            "model.net.",
            "module._orig_mod.",
            "sam2.module.",
            "state_dict.model.",
        ] {
            assert_eq!(clean(&format!("{prefix}{plain}")), plain, "{prefix}");
        }
        let inside = "module.image_encoder._orig_mod.trunk.blocks.0.attn.qkv.base_layer.weight";
        assert_eq!(clean(inside), plain);
    }

    #[test]
    fn names_that_only_look_like_wrappers_stay() {
        for name in [
            "model",
            "module",
            "sam_mask_decoder.conv_s0.weight",
            "head.model.weight",
            "models.weight",
        ] {
            assert_eq!(clean(name), name);
        }
        assert_eq!(clean("net.model"), "model");
    }

    #[test]
    fn an_outline_counts_beginnings() {
        let names = ["head.a", "body.a", "body.b", "x"];
        let expected = "4 tensors whose names begin with `body` (2), `head` (1), `x` (1)";
        assert_eq!(outline(names.into_iter()), expected);
        assert_eq!(outline([].into_iter()), "no tensors");
    }
}
