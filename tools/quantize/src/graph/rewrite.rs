//! The int8 form of a graph, in standard operators.
//!
//! ```text
//! xq  = QuantizeLinear(x, scale, 0)          one a tensor, shared by all layers that read it
//! acc = MatMulInteger(xq, W)  or ConvInteger 32-bit sums of 8-bit products, exact
//! y   = Cast(acc) * s + bias                 s = scale of x times scale of each output channel
//! ```
//!
//! `MatMulInteger` rather than `QLinearMatMul`: it takes one weight scale a channel and a bias, and
//! rounds once where that would round its output to 8 bits as well. What follows a layer here is in float
//! anyway (GELU, attention, a residual sum), so that no two could follow each other on 8 bits.

use super::{Index, Layer, LayerKind};
use crate::weights::QuantizedWeight;
use std::collections::{BTreeMap, HashMap, HashSet};
use uniultra_onnx::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto};

/// Name of the zero point, shared by the whole graph.
const ZERO: &str = "int8_zero";

/// A layer's numbers in 8 bits.
#[derive(Clone, Debug)]
pub(crate) struct Int8Layer {
    /// Scale of the tensor that it reads.
    pub(crate) input_scale: f32,
    pub(crate) weight: QuantizedWeight,
    /// `[outputs]`, corrected.
    pub(crate) bias: Option<Vec<f32>>,
}

/// Rewrites the layers given to int8; the others stay as they are.
pub(crate) fn rewrite(graph: &GraphProto, int8: &[(&Layer, &Int8Layer)]) -> GraphProto {
    let mut out =
        GraphProto { node: Vec::with_capacity(graph.node.len() + 3 * int8.len()), ..graph.clone() };
    out.node.clear();
    let products: HashMap<usize, _> = int8.iter().map(|pair| (pair.0.node, *pair)).collect();
    let adds: HashMap<usize, _> =
        int8.iter().filter_map(|pair| Some((pair.0.add?, *pair))).collect();
    let mut quantized: HashSet<&str> = HashSet::new();
    if !int8.is_empty() {
        out.initializer.push(TensorProto::int8s(ZERO, &[], &[0]));
    }
    for (place, node) in graph.node.iter().enumerate() {
        if let Some((layer, numbers)) = products.get(&place) {
            if quantized.insert(&layer.input) {
                let scale = format!("{}/scale", layer.input);
                let name = quantized_name(&layer.input);
                out.node.push(NodeProto::new(
                    "QuantizeLinear",
                    &name,
                    &[&layer.input, &scale, ZERO],
                    Vec::new(),
                ));
                out.initializer.push(TensorProto::floats(&scale, &[], &[numbers.input_scale]));
            }
            product(&mut out, node, layer, numbers);
        } else if let Some((layer, numbers)) = adds.get(&place) {
            // The bias is there: `adds` are those of layers that have one.
            let bias = numbers.bias.as_deref().unwrap_or_default();
            let mul = format!("{}/Mul", layer.name);
            add(&mut out, output_of(node), &mul, layer, bias);
        } else {
            out.node.push(node.clone());
        }
    }
    sweep(&mut out);
    out
}

fn quantized_name(tensor: &str) -> String {
    format!("{tensor}/QuantizeLinear")
}

/// Shape of a scale or bias of one value an output channel.
fn channel_shape(layer: &Layer) -> Vec<usize> {
    match layer.kind {
        LayerKind::Linear => vec![layer.outputs],
        LayerKind::LinearLeft => vec![layer.outputs, 1],
        LayerKind::Convolution => vec![1, layer.outputs, 1, 1],
    }
}

/// Product, cast and scale; and the bias where no node of the graph adds it.
fn product(out: &mut GraphProto, node: &NodeProto, layer: &Layer, numbers: &Int8Layer) {
    let named = |leaf: &str| format!("{}/{leaf}", layer.name);
    let [weight, scale, cast, mul] = ["int8_weight", "scale", "Cast", "Mul"].map(named);
    let xq = quantized_name(&layer.input);
    let (op, inputs, attributes) = match layer.kind {
        LayerKind::Linear => ("MatMulInteger", [xq.as_str(), &weight], Vec::new()),
        LayerKind::LinearLeft => ("MatMulInteger", [weight.as_str(), &xq], Vec::new()),
        LayerKind::Convolution => ("ConvInteger", [xq.as_str(), &weight], node.attribute.clone()),
    };
    let sums = named(op);
    out.node.push(NodeProto::new(op, &sums, &inputs, attributes));
    let to = vec![AttributeProto::int("to", DataType::Float as i64)];
    out.node.push(NodeProto::new("Cast", &cast, &[&sums], to));

    let values = match layer.kind {
        LayerKind::Linear => {
            super::layer::transpose(&numbers.weight.values, layer.outputs, layer.inputs)
        }
        _ => numbers.weight.values.clone(),
    };
    out.initializer.push(TensorProto::int8s(&weight, &layer.weight_shape, &values));
    let scales: Vec<f32> =
        numbers.weight.scales.iter().map(|&channel| numbers.input_scale * channel).collect();
    out.initializer.push(TensorProto::floats(&scale, &channel_shape(layer), &scales));

    let mut scaled = NodeProto::new("Mul", &mul, &[&cast, &scale], Vec::new());
    match (&numbers.bias, layer.add) {
        // An Add of the graph comes later.
        (Some(_), Some(_)) => out.node.push(scaled),
        (Some(bias), None) => {
            out.node.push(scaled);
            add(out, output_of(node), &mul, layer, bias);
        }
        (None, _) => {
            scaled.output.clone_from(&node.output);
            out.node.push(scaled);
        }
    }
}

fn output_of(node: &NodeProto) -> &str {
    node.output.first().map_or("", String::as_str)
}

/// `output = product + bias`.
fn add(out: &mut GraphProto, output: &str, product: &str, layer: &Layer, bias: &[f32]) {
    let name = format!("{}/int8_bias", layer.name);
    let mut node = NodeProto::new("Add", &format!("{}/Add", layer.name), &[product, &name], vec![]);
    node.output = vec![output.to_string()];
    out.node.push(node);
    out.initializer.push(TensorProto::floats(&name, &channel_shape(layer), bias));
}

/// Drops nodes and constants that nothing reads any more.
fn sweep(graph: &mut GraphProto) {
    let mut read: BTreeMap<String, usize> = BTreeMap::new();
    for name in graph.output.iter().map(|output| &output.name) {
        *read.entry(name.clone()).or_default() += 1;
    }
    // Readers come after what they read: one way back over the nodes sees all of them first.
    let mut kept = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|output| read.contains_key(output)) {
            for input in &node.input {
                *read.entry(input.clone()).or_default() += 1;
            }
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|tensor| read.contains_key(&tensor.name));
}

/// Nodes that go from float to 8 bits and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Crossings {
    /// `QuantizeLinear`: from float to 8 bits.
    pub quantize: usize,
    /// `DequantizeLinear`: from 8 bits to float. None is ever written.
    pub dequantize: usize,
    /// `MatMulInteger` and `ConvInteger`.
    pub integer_products: usize,
}

impl Crossings {
    /// Counts them.
    #[must_use]
    pub fn count(graph: &GraphProto) -> Self {
        let count = |ops: &[&str]| {
            graph.node.iter().filter(|node| ops.contains(&node.op_type.as_str())).count()
        };
        Self {
            quantize: count(&["QuantizeLinear"]),
            dequantize: count(&["DequantizeLinear"]),
            integer_products: count(&["MatMulInteger", "ConvInteger"]),
        }
    }
}

/// Whether a graph holds 8-bit layers already.
pub(crate) fn is_quantized(graph: &GraphProto) -> bool {
    const OPS: [&str; 6] = [
        "QuantizeLinear",
        "DequantizeLinear",
        "MatMulInteger",
        "ConvInteger",
        "QLinearMatMul",
        "QLinearConv",
    ];
    let index = Index::new(graph);
    index.nodes.iter().any(|node| OPS.contains(&node.op_type.as_str()))
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
