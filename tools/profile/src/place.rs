//! Where in a network an operation belongs, by its name.

/// Parts of a name: `mask_decoder/transformer/layers.0/self_attn/q_proj/Add` is in the block
/// `transformer/layers.0`, there in `self_attn`, and is called `q_proj/Add`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// E.g. `blocks.0`; empty for what is in none.
    pub(crate) block: &'a str,
    /// E.g. `attn`; empty for what belongs to the block itself.
    pub(crate) part: &'a str,
    /// The rest.
    pub(crate) rest: &'a str,
}

/// Prefixes that say which network it is, not where in it.
const NETWORKS: [&str; 1] = ["mask_decoder/"];

impl<'a> Place<'a> {
    pub(crate) fn parse(name: &'a str) -> Self {
        let name = NETWORKS.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        let (mut block, mut rest) = next(name);
        // A transformer is a block a layer, the prompt encoder one a kind of prompt.
        if matches!(block, "transformer" | "prompt_encoder") {
            let (inner, after) = next(rest);
            if block == "prompt_encoder" || inner.starts_with("layers.") {
                block = &name[..name.len() - rest.len() + inner.len()];
                block = block.trim_end_matches('/');
                rest = after;
            }
        }
        let (part, rest) = next(rest);
        Self { block, part, rest }
    }
}

/// The first component and what is after it, if the first names a module: operations begin with a
/// capital letter.
fn next(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if !first.starts_with(char::is_uppercase) => (first, rest),
        _ => ("", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_modules_end() {
        let place = |name| {
            let Place { block, part, rest } = Place::parse(name);
            [block, part, rest]
        };
        assert_eq!(place("blocks.0/attn/qkv/Add"), ["blocks.0", "attn", "qkv/Add"]);
        assert_eq!(place("blocks.0/Add_2"), ["blocks.0", "", "Add_2"]);
        assert_eq!(place("Transpose.MoveAxis-0"), ["", "", "Transpose.MoveAxis-0"]);
        assert_eq!(place("mask_decoder/Concat/QuantizeLinear"), ["", "", "Concat/QuantizeLinear"]);
        assert_eq!(
            place("mask_decoder/transformer/layers.0/self_attn/q_proj/Add"),
            ["transformer/layers.0", "self_attn", "q_proj/Add"]
        );
        assert_eq!(
            place("mask_decoder/transformer/norm_final_attn/LayerNormalization"),
            ["transformer", "norm_final_attn", "LayerNormalization"]
        );
        assert_eq!(
            place("prompt_encoder/mask_downscaling/0/norm/Mul"),
            ["prompt_encoder/mask_downscaling", "0", "norm/Mul"]
        );
        assert_eq!(place(""), ["", "", ""]);
    }
}
