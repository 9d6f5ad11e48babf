//! Who makes and who reads each tensor, and which tensors are constants.

use std::collections::{HashMap, HashSet};
use uniultra_onnx::{DataType, GraphProto, NodeProto, TensorProto};

/// An index over a graph whose nodes are in topological order.
pub(crate) struct Index<'a> {
    pub(crate) nodes: &'a [NodeProto],
    /// Nodes that read a tensor, once for each input that does.
    readers: HashMap<&'a str, Vec<usize>>,
    /// Float constants by the name that nodes read: initializers, and f16 ones behind a `Cast`.
    constants: HashMap<&'a str, &'a TensorProto>,
    /// Tensors that depend on an input of the graph.
    dynamic: HashSet<&'a str>,
    outputs: HashSet<&'a str>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(graph: &'a GraphProto) -> Self {
        let weights: HashMap<&str, &TensorProto> =
            graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let mut constants: HashMap<&str, &TensorProto> = weights
            .iter()
            .filter(|(_, tensor)| tensor.data_type() == DataType::Float)
            .map(|(name, tensor)| (*name, *tensor))
            .collect();
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut dynamic: HashSet<&str> =
            graph.input.iter().map(|input| input.name.as_str()).collect();
        for (place, node) in graph.node.iter().enumerate() {
            for input in &node.input {
                readers.entry(input).or_default().push(place);
            }
            let depends = node.input.iter().any(|input| dynamic.contains(input.as_str()));
            for output in &node.output {
                if depends {
                    dynamic.insert(output);
                }
                let halves = node.input.first().and_then(|input| weights.get(input.as_str()));
                if let ("Cast", Some(halves)) = (node.op_type.as_str(), halves)
                    && halves.data_type() == DataType::Float16
                {
                    constants.insert(output, halves);
                }
            }
        }
        let outputs = graph.output.iter().map(|output| output.name.as_str()).collect();
        Self { nodes: &graph.node, readers, constants, dynamic, outputs }
    }

    /// The constant that a node reads under this name.
    pub(crate) fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        self.constants.get(name).copied()
    }

    /// Whether a tensor depends on the graph's inputs.
    pub(crate) fn is_dynamic(&self, name: &str) -> bool {
        self.dynamic.contains(name)
    }

    /// Nodes that read a tensor.
    pub(crate) fn readers(&self, name: &str) -> &[usize] {
        self.readers.get(name).map_or(&[], Vec::as_slice)
    }

    /// The only node that reads a tensor; `None` if the tensor is an output of the graph.
    pub(crate) fn only_reader(&self, name: &str) -> Option<usize> {
        match self.readers(name) {
            [one] if !self.outputs.contains(name) => Some(*one),
            _ => None,
        }
    }
}
