//! The layers that can be quantized: products and convolutions with constant weights.

use super::Index;
use crate::QuantizeError;
use serde::Serialize;
use std::fmt;
use uniultra_onnx::{GraphProto, NodeProto, TensorProto, float_values};

/// Fewest inputs of a layer that is quantized: with fewer there is nothing to gain, and coordinates
/// (two inputs) do not bear it.
const MIN_INPUTS: usize = 8;

/// Constants of this many values in other operations are worth a word in the log.
const MIN_WORTH_A_WORD: i64 = 1024;

/// One of a pack's two networks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// Run once a frame.
    ImageEncoder,
    /// Run once a prompt.
    MaskDecoder,
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ImageEncoder => "image_encoder",
            Self::MaskDecoder => "mask_decoder",
        })
    }
}

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// `x [.., in] W [in, out]`.
    Linear,
    /// `W [out, in] x [in, ..]`.
    LinearLeft,
    /// A 2-d convolution, `W [out, in, k, k]`.
    Convolution,
}

/// Why a layer stays in floating point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FloatReason {
    /// The caller said so.
    Excluded,
    /// The weights were trained for 8 bits, but not in this layer.
    Untrained,
    /// Too few inputs to gain anything.
    FewInputs,
    /// Convolutions were left out by the configuration.
    Convolution,
    /// Products with the weight on the left were left out by the configuration.
    LeftProduct,
    /// Kept to stay within the Dice budget.
    Sensitive,
    /// It was never run during calibration, so its range is not known.
    Unseen,
    /// An operation with weights that has no int8 form here.
    Operation(String),
}

impl fmt::Display for FloatReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded => f.write_str("excluded by the caller"),
            Self::Untrained => f.write_str("trained in float"),
            Self::FewInputs => write!(f, "fewer than {MIN_INPUTS} inputs"),
            Self::Convolution => f.write_str("convolutions are left out"),
            Self::LeftProduct => f.write_str("products with the weight on the left are left out"),
            Self::Sensitive => f.write_str("kept for the Dice budget"),
            Self::Unseen => f.write_str("not run during calibration"),
            Self::Operation(op) => write!(f, "`{op}` has no int8 form here"),
        }
    }
}

/// A layer with constant weights.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// The network it is in.
    pub network: NetworkKind,
    /// Path in the graph, e.g. `blocks.3/attn/qkv`.
    pub name: String,
    /// What it computes.
    pub kind: LayerKind,
    /// Inputs of one output channel: `in`, or `in k k` of a convolution.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// `[outputs, inputs]`, whatever the layout in the graph.
    pub weight: Vec<f32>,
    /// `[outputs]`; none if the graph adds none.
    pub bias: Option<Vec<f32>>,
    /// Name of the tensor it reads.
    pub input: String,
    /// The product's node.
    pub(crate) node: usize,
    /// The node that adds the bias, for products.
    pub(crate) add: Option<usize>,
    /// Shape of the weight in the graph.
    pub(crate) weight_shape: Vec<usize>,
}

/// What was found in a graph.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// Layers that can be quantized, in graph order.
    pub(crate) layers: Vec<Layer>,
    /// Weighted operations that cannot, by name.
    pub(crate) float: Vec<(String, FloatReason)>,
}

/// Finds the layers of a graph.
///
/// # Errors
/// [`QuantizeError::Onnx`] if a weight's bytes do not fit its shape, [`QuantizeError::NotFinite`] if
/// one is not finite.
pub(crate) fn find_layers(
    network: NetworkKind,
    graph: &GraphProto,
) -> Result<Layers, QuantizeError> {
    let index = Index::new(graph);
    let mut found = Layers::default();
    for (place, node) in graph.node.iter().enumerate() {
        let Some(output) = node.output.first() else { continue };
        if !index.is_dynamic(output) {
            continue;
        }
        let weights: Vec<_> = node.input.iter().map(|input| index.constant(input)).collect();
        let candidate = match (node.op_type.as_str(), weights.as_slice()) {
            ("MatMul", [None, Some(w)]) if w.dims.len() == 2 => Some((LayerKind::Linear, *w, 0)),
            ("MatMul", [Some(w), None]) if w.dims.len() == 2 => {
                Some((LayerKind::LinearLeft, *w, 1))
            }
            ("Conv", [None, Some(w), ..]) if w.dims.len() == 4 && is_plain(node) => {
                Some((LayerKind::Convolution, *w, 0))
            }
            (op, weights) => {
                let large = |w: &&TensorProto| {
                    let count = w.dims.iter().fold(1_i64, |n, &dim| n.saturating_mul(dim));
                    count >= MIN_WORTH_A_WORD
                };
                if weights.iter().flatten().any(large) && !is_cheap(op) {
                    let reason = FloatReason::Operation(op.to_string());
                    found.float.push((name_of(node), reason));
                }
                None
            }
        };
        let Some((kind, weight, input)) = candidate else { continue };
        let layer = layer(network, &index, place, kind, weight, &node.input[input])?;
        if layer.inputs < MIN_INPUTS {
            found.float.push((layer.name, FloatReason::FewInputs));
        } else {
            found.layers.push(layer);
        }
    }
    Ok(found)
}

/// Operations that are done once an element: nothing to win there.
fn is_cheap(op: &str) -> bool {
    matches!(
        op,
        "Add" | "Sub" | "Mul" | "Div" | "LayerNormalization" | "Where" | "Gather" | "Concat"
    )
}

/// A convolution without groups and dilations; only those are rewritten.
fn is_plain(node: &NodeProto) -> bool {
    node.attribute.iter().all(|attribute| match attribute.name.as_str() {
        "group" => attribute.i == 1,
        "dilations" => attribute.ints.iter().all(|&dilation| dilation == 1),
        "kernel_shape" | "strides" | "pads" => true,
        _ => false,
    })
}

/// The path without the operation's own name: `blocks.3/attn/qkv/MatMul` is `blocks.3/attn/qkv`.
fn name_of(node: &NodeProto) -> String {
    let trimmed = node.name.strip_suffix(&format!("/{}", node.op_type));
    trimmed.unwrap_or(&node.name).to_string()
}

fn layer(
    network: NetworkKind,
    index: &Index<'_>,
    place: usize,
    kind: LayerKind,
    tensor: &TensorProto,
    input: &str,
) -> Result<Layer, QuantizeError> {
    let node = &index.nodes[place];
    let values = finite(tensor)?;
    let weight_shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
    let (outputs, inputs, weight) = match (kind, weight_shape.as_slice()) {
        (LayerKind::Linear, &[inputs, outputs]) => {
            (outputs, inputs, transpose(&values, inputs, outputs))
        }
        (_, [outputs, rest @ ..]) => (*outputs, rest.iter().product(), values),
        (_, []) => (0, 0, values),
    };
    // A product's bias is the constant that its only reader adds; a convolution has its own.
    let (bias, add) = if kind == LayerKind::Convolution {
        let bias = node.input.get(2).and_then(|name| index.constant(name));
        (bias.filter(|bias| bias.dims == [outputs as i64]), None)
    } else {
        let add = node.output.first().and_then(|output| index.only_reader(output));
        let add = add.filter(|&add| index.nodes[add].op_type == "Add");
        let constant = |add: usize| {
            let constants = index.nodes[add].input.iter().filter_map(|name| index.constant(name));
            let expected: &[i64] = match kind {
                LayerKind::LinearLeft => &[outputs as i64, 1],
                _ => &[outputs as i64],
            };
            constants.into_iter().find(|tensor| tensor.dims == expected)
        };
        match add.and_then(|add| Some((constant(add)?, add))) {
            Some((bias, add)) => (Some(bias), Some(add)),
            None => (None, None),
        }
    };
    Ok(Layer {
        network,
        name: name_of(node),
        kind,
        inputs,
        outputs,
        weight,
        bias: bias.map(finite).transpose()?,
        input: input.to_string(),
        node: place,
        add,
        weight_shape,
    })
}

fn finite(tensor: &TensorProto) -> Result<Vec<f32>, QuantizeError> {
    let values = float_values(tensor)?;
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(values),
        Some(found) => Err(QuantizeError::NotFinite {
            what: format!("weight `{}`", tensor.name),
            found: *found,
        }),
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub(crate) fn transpose<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..rows * columns).map(|at| values[at % rows * columns + at / rows]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_onnx::ValueInfoProto;

    fn graph(nodes: Vec<NodeProto>, weights: &[(&str, &[usize])]) -> GraphProto {
        let weight = |(name, shape): &(&str, &[usize])| {
            TensorProto::floats(name, shape, &vec![0.5; shape.iter().product()])
        };
        GraphProto {
            node: nodes,
            initializer: weights.iter().map(weight).collect(),
            input: vec![ValueInfoProto { name: "x".to_string(), r#type: None }],
            ..GraphProto::default()
        }
    }

    fn find(graph: &GraphProto) -> Layers {
        find_layers(NetworkKind::MaskDecoder, graph).unwrap()
    }

    #[test]
    fn an_operation_without_an_int8_form_is_named() {
        let nodes = vec![NodeProto::new("ConvTranspose", "up/ConvTranspose", &["x", "w"], vec![])];
        let found = find(&graph(nodes, &[("w", &[16, 16, 2, 2])]));
        assert!(found.layers.is_empty());
        let [(name, reason)] = &found.float[..] else { panic!("{:?}", found.float) };
        assert_eq!(name, "up");
        assert_eq!(*reason, FloatReason::Operation("ConvTranspose".to_string()));
        assert!(reason.to_string().contains("`ConvTranspose`"));
    }

    #[test]
    fn products_with_few_inputs_or_of_constants_alone_are_no_layers() {
        let nodes = vec![
            NodeProto::new("MatMul", "narrow/MatMul", &["x", "n"], vec![]),
            NodeProto::new("MatMul", "table/MatMul", &["a", "b"], vec![]),
        ];
        let found = find(&graph(nodes, &[("n", &[2, 8]), ("a", &[16, 16]), ("b", &[16, 16])]));
        assert!(found.layers.is_empty());
        assert_eq!(found.float, [("narrow".to_string(), FloatReason::FewInputs)]);
    }

    #[test]
    fn weights_are_by_output_whatever_their_side_and_a_bias_needs_the_only_reader() {
        let nodes = vec![
            NodeProto::new("MatMul", "right/MatMul", &["x", "r"], vec![]),
            NodeProto::new("Add", "sum", &["bias", "right/MatMul"], vec![]),
            NodeProto::new("MatMul", "left/MatMul", &["l", "sum"], vec![]),
            NodeProto::new("Add", "again", &["left/MatMul", "left_bias"], vec![]),
            NodeProto::new("Relu", "too", &["left/MatMul"], vec![]),
        ];
        let weights: [(&str, &[usize]); 4] =
            [("r", &[8, 3]), ("bias", &[3]), ("l", &[5, 9]), ("left_bias", &[5, 1])];
        let found = find(&graph(nodes, &weights)).layers;
        let [right, left] = &found[..] else { panic!("{found:?}") };
        assert_eq!((right.kind, right.inputs, right.outputs), (LayerKind::Linear, 8, 3));
        assert_eq!(right.bias, Some(vec![0.5; 3]));
        assert_eq!((left.kind, left.inputs, left.outputs), (LayerKind::LinearLeft, 9, 5));
        assert_eq!(left.bias, None, "two nodes read the product");
    }
}
