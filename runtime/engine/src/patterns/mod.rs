//! Fusion: replaces chains of standard operations by this project's operations when a graph is loaded.
//!
//! A pack holds only standard ONNX. A few chains in it take most of a frame's time. Each becomes one
//! operation on the kernels of `uniultra-kernels`. The search runs on the decoded file after vetting, which
//! refuses the names of these operations. A chain that does not match a pattern exactly is not changed.
//!
//! Each pattern has a file: constants that describe the chain, and a function that builds the operation from
//! a match. [`RULES`] gives the order in which they are tried.

mod activation;
mod attention;
mod edges;
mod graph;
mod linear;
mod masks;
mod norm;
mod patches;
mod pattern;
mod planes;
mod pool;
mod quantize;
#[cfg(test)]
mod tests;
mod tokens;

use crate::ops::KernelOp;
use graph::Graph;
use tract_onnx::pb::{GraphProto, NodeProto};

/// What a pack says of how it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choices {
    /// Attention of the image encoder in 8-bit integers.
    pub(crate) integer_attention: bool,
    /// Attention of the image encoder with operands in fewer bits than f32, where the processor multiplies such faster.
    /// For packs whose layers are in 8 bits: they round far more.
    pub(crate) coarse_attention: bool,
}

/// Nodes that take the place of those that gave the same outputs.
type Fused = Vec<NodeProto>;

/// A pattern: the operation whose output the search begins with, and what takes the place of a chain.
struct Rule {
    from: &'static str,
    find: fn(&Graph, &str, Choices) -> Option<Fused>,
}

/// Tried one after the other, each from every node of its operation in the order of the graph. Later ones
/// see what earlier ones made.
const RULES: &[Rule] = &[
    Rule { from: "Softmax", find: attention::find },
    Rule { from: "Conv", find: patches::find },
    Rule { from: "Conv", find: edges::map },
    Rule { from: "MaxPool", find: edges::pool },
    Rule { from: "Sqrt", find: edges::magnitude },
    Rule { from: "MatMul", find: planes::find },
    Rule { from: "Add", find: planes::doubled },
    Rule { from: "Transpose", find: tokens::find },
    Rule { from: "MatMul", find: linear::real },
    Rule { from: "MatMulInteger", find: linear::integer },
    Rule { from: "uniultra.Planes", find: masks::find },
    Rule { from: "Max", find: pool::find },
    Rule { from: "LayerNormalization", find: norm::find },
    Rule { from: "Gelu", find: activation::alone },
    Rule { from: "QuantizeLinear", find: quantize::alone },
];

/// Replaces matching chains in a vetted graph.
pub(crate) fn fuse(proto: &mut GraphProto, choices: Choices) {
    let mut graph = Graph::new(std::mem::take(proto));
    for rule in RULES {
        for value in graph.outputs_of(rule.from) {
            for node in (rule.find)(&graph, &value, choices).unwrap_or_default() {
                graph.replace(node);
            }
        }
    }
    *proto = graph.into_proto();
}

/// The operation as a node: its inputs, then its constants.
fn fused<'v, K: KernelOp>(
    op: &K,
    inputs: impl IntoIterator<Item = &'v str>,
    output: &str,
) -> Fused {
    vec![graph::node(op.name(), inputs, output, op.attributes())]
}
