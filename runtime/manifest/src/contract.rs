//! The tensor contract: names, types, shapes and value ranges of both networks.
//!
//! Names are those of the community's SAM 2 exports, so that packs also run in other engines.

use crate::Channels;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A dimension: a fixed size, or the name of a size that the caller chooses (`"N"`, the number of
/// points).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// A size chosen by the caller.
    Dynamic(String),
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Dynamic(name) => f.write_str(name),
        }
    }
}

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit floating point.
    F32,
}

/// One input or output of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Tensor name in the ONNX graph.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape, outermost dimension first.
    pub shape: Vec<Dim>,
    /// Smallest and largest value, if the contract bounds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
}

fn tensor(name: &str, shape: &[usize], range: Option<[f32; 2]>) -> TensorSpec {
    let shape = shape.iter().map(|&size| Dim::Fixed(size)).collect();
    TensorSpec { name: name.to_string(), dtype: DType::F32, shape, range }
}

/// Inputs and outputs of `image_encoder.onnx` for an `image_size` x `image_size` input.
#[must_use]
pub fn image_encoder_contract(
    image_size: usize,
    channels: Channels,
) -> (Vec<TensorSpec>, Vec<TensorSpec>) {
    let s = image_size;
    let range = match channels {
        Channels::Gray => Some([0.0, 1.0]),
        Channels::Rgb => None,
    };
    let inputs = vec![tensor("image", &[1, channels.count(), s, s], range)];
    (inputs, features(s))
}

/// The tensors that the encoder passes to the decoder.
fn features(s: usize) -> Vec<TensorSpec> {
    vec![
        tensor("image_embed", &[1, 256, s / 16, s / 16], None),
        tensor("high_res_feats_0", &[1, 32, s / 4, s / 4], None),
        tensor("high_res_feats_1", &[1, 64, s / 8, s / 8], None),
    ]
}

/// Inputs and outputs of `mask_decoder.onnx` for an `image_size` x `image_size` frame.
///
/// `point_coords` are (x, y) in pixels of the resized frame; `point_labels` are 1 positive,
/// 0 negative, 2 and 3 the corners of a box, -1 padding.
#[must_use]
pub fn mask_decoder_contract(image_size: usize) -> (Vec<TensorSpec>, Vec<TensorSpec>) {
    let s = image_size;
    let points = |name: &str, tail: &[usize], range| {
        let mut spec = tensor(name, tail, range);
        spec.shape.insert(0, Dim::Fixed(1));
        spec.shape.insert(1, Dim::Dynamic("N".to_string()));
        spec
    };
    let mut inputs = features(s);
    inputs.push(points("point_coords", &[2], Some([0.0, s as f32])));
    inputs.push(points("point_labels", &[], Some([-1.0, 3.0])));
    inputs.push(tensor("mask_input", &[1, 1, s / 4, s / 4], None));
    inputs.push(tensor("has_mask_input", &[1], Some([0.0, 1.0])));
    let outputs = vec![
        tensor("masks", &[1, 4, s / 4, s / 4], None),
        tensor("iou_predictions", &[1, 4], Some([0.0, 1.0])),
        tensor("object_score_logits", &[1, 1], None),
    ];
    (inputs, outputs)
}
