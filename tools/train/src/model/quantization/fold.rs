//! The weights that a forward pass in training for 8 bits runs on: folded as the exporter folds
//! them (MODEL.md 7.4), then rounded. All of it is differentiable, down to the parameters.

use super::FakeQuant;
use super::layers::layer_of;
use crate::model::Params;
use std::collections::BTreeMap;
use tch::Tensor;

const TRUNK: &str = "image_encoder.trunk";
const DECODER: &str = "sam_mask_decoder";
const PROMPTS: &str = "sam_prompt_encoder";

/// Share of the adapter's output in a block's.
const ADAPTER_SCALE: f64 = 0.5;

/// Suffix of a projection's name, for its output for a token that pads a window.
pub(super) const PADDING: &str = "padded_token";

/// The parameters with the weights of all layers folded and rounded.
pub(super) fn prepared(params: &Params, fake: FakeQuant) -> Params {
    let mut out = BTreeMap::new();
    for block in params.hiera().blocks() {
        fold_block(params, &fake, &format!("{TRUNK}.blocks.{}", block.index), &mut out);
    }
    for (name, weight) in params.iter() {
        let Some(name) = name.strip_suffix(".weight") else { continue };
        if !(name.starts_with(DECODER) || name.starts_with(PROMPTS)) {
            continue;
        }
        let Some(layer) = layer_of(name) else { continue };
        let rounded = if name.starts_with(&format!("{DECODER}.output_upscaling.")) {
            // [in, out, 2, 2]: each pixel of each channel is an output of the exported layer.
            let shape = weight.size();
            let flat = weight.reshape([shape[0], -1]);
            fake.weight(&layer, &flat, 1).reshape(shape)
        } else {
            fake.weight(&layer, weight, 0)
        };
        out.insert(format!("{name}.weight"), rounded);
    }
    params.replaced(out, fake)
}

/// One block's layers. Their inputs are LayerNorms without gain and shift, which join the weights;
/// the adapter's bottleneck joins the MLP.
fn fold_block(params: &Params, fake: &FakeQuant, name: &str, out: &mut BTreeMap<String, Tensor>) {
    let get = |leaf: &str| params.get(&format!("{name}.{leaf}"));
    let has = |leaf: &str| params.has(&format!("{name}.{leaf}"));
    let mut put = |leaf: &str, weight: &Tensor, bias: Tensor| {
        let layer = layer_of(&format!("{name}.{leaf}")).unwrap_or_default();
        out.insert(format!("{name}.{leaf}.weight"), fake.weight(&layer, weight, 0));
        out.insert(format!("{name}.{leaf}.bias"), bias);
    };
    let affine = |norm: &str, weight: &Tensor, bias: &Tensor| {
        let (gain, shift) = (get(&format!("{norm}.weight")), get(&format!("{norm}.bias")));
        (weight * gain, bias + weight.mv(shift))
    };
    for leaf in ["attn.qkv", "proj"] {
        if has(&format!("{leaf}.weight")) {
            let (weight, bias) = (get(&format!("{leaf}.weight")), get(&format!("{leaf}.bias")));
            let (weight, bias) = affine("norm1", weight, bias);
            put(leaf, &weight, bias);
        }
    }
    put("attn.proj", get("attn.proj.weight"), get("attn.proj.bias").shallow_clone());

    let (mut expand, mut expand_bias) =
        (get("mlp.layers.0.weight").shallow_clone(), get("mlp.layers.0.bias").shallow_clone());
    let (mut contract, mut contract_bias) =
        (get("mlp.layers.1.weight").shallow_clone(), get("mlp.layers.1.bias").shallow_clone());
    if params.spec.architecture.ch_adapters {
        let adapter = |leaf: &str| get(&format!("train_edge.{leaf}"));
        expand = Tensor::cat(&[&expand, adapter("D_fc1.weight")], 0);
        expand_bias = Tensor::cat(&[&expand_bias, adapter("D_fc1.bias")], 0);
        contract = Tensor::cat(&[contract, adapter("D_fc2.weight") * ADAPTER_SCALE], 1);
        let share = adapter("D_fc2.bias") * ADAPTER_SCALE;
        // A new tensor, not the sum in place: this one may be a parameter.
        contract_bias = share + contract_bias;
    }
    let (expand, expand_bias) = affine("norm2", &expand, &expand_bias);
    put("mlp.layers.0", &expand, expand_bias);
    put("mlp.layers.1", &contract, contract_bias);
    out.insert(format!("{name}.attn.qkv.{PADDING}"), get("attn.qkv.bias").shallow_clone());
}
