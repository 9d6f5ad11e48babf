//! What a linear layer's operation is told beside its weights.

use super::graph::integers_attribute;
use tract_onnx::pb::NodeProto;
use uniultra_kernels::Activation;

/// Attributes of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LayerAttributes {
    pub(super) activation: Activation,
    /// The step by which the layer makes int8 of its input; without it, the input is as it should
    /// be.
    pub(super) input_scale: Option<f32>,
    /// The step of the int8 output; without it, the output is f32.
    pub(super) output_scale: Option<f32>,
}

impl LayerAttributes {
    pub(super) fn code(&self) -> i64 {
        match self.activation {
            Activation::Identity => 1,
            Activation::Relu => 2,
            Activation::Gelu => 3,
        }
    }

    pub(super) fn read(node: &NodeProto) -> Option<Self> {
        let scale = |name: &str| node.attribute.iter().find(|a| a.name == name).map(|a| a.f);
        let activation = match integers_attribute(node, "activation")? {
            [1] => Activation::Identity,
            [2] => Activation::Relu,
            [3] => Activation::Gelu,
            _ => return None,
        };
        Some(Self {
            activation,
            input_scale: scale("input_scale"),
            output_scale: scale("output_scale"),
        })
    }
}
