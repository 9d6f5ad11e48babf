//! What a linear layer's operation is told beside its weights.

use super::graph::integers_attribute;
use super::padding::Padding;
use tract_onnx::pb::NodeProto;
use uniultra_kernels::Activation;

/// Attribute of a layer whose output is a padded map.
pub(super) const PADDING: &str = "padding";

/// What is added to a layer's output; its inputs follow the layer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResidualKind {
    /// Nothing.
    None = 1,
    /// One input, `[.., N]`.
    Values = 2,
    /// Three inputs: that, `[rows, 1]` and `[1, N]`, of which the last two are multiplied.
    WithProduct = 3,
}

impl ResidualKind {
    /// How many inputs it has.
    pub(super) fn inputs(self) -> usize {
        match self {
            Self::None => 0,
            Self::Values => 1,
            Self::WithProduct => 3,
        }
    }
}

/// Attributes of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LayerAttributes {
    /// Added before the function.
    pub(super) residual: ResidualKind,
    pub(super) activation: Activation,
    /// The step by which the layer makes int8 of its input; without it, the input is as it should
    /// be.
    pub(super) input_scale: Option<f32>,
    /// The step of the int8 output; without it, the output is f32.
    pub(super) output_scale: Option<f32>,
    /// The map that the output becomes, if it is f32 and nothing is added to it.
    pub(super) padding: Option<Padding>,
}

impl LayerAttributes {
    /// Of a layer in f32 that adds nothing.
    pub(super) fn of(activation: Activation) -> Self {
        Self {
            residual: ResidualKind::None,
            activation,
            input_scale: None,
            output_scale: None,
            padding: None,
        }
    }

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
        let residual = match integers_attribute(node, "residual")? {
            [1] => ResidualKind::None,
            [2] => ResidualKind::Values,
            [3] => ResidualKind::WithProduct,
            _ => return None,
        };
        Some(Self {
            residual,
            activation,
            input_scale: scale("input_scale"),
            output_scale: scale("output_scale"),
            padding: match integers_attribute(node, PADDING) {
                Some(sizes) => Some(Padding::of(sizes)?),
                None => None,
            },
        })
    }
}
