//! An ONNX graph in which patterns are looked for and replaced.

use std::collections::{HashMap, HashSet};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as DimValue};
use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType, type_proto,
};

/// A graph's nodes by what they give and by who reads it.
pub(super) struct Graph {
    proto: GraphProto,
    producers: HashMap<String, usize>,
    /// Nodes that read a value, once an input; an output of the graph counts as [`OUTPUT`].
    readers: HashMap<String, Vec<usize>>,
    constants: HashMap<String, usize>,
}

/// Stands for the reader of a graph's output; no node has this index.
const OUTPUT: usize = usize::MAX;

impl Graph {
    pub(super) fn new(proto: GraphProto) -> Self {
        let mut graph = Self {
            proto,
            producers: HashMap::new(),
            readers: HashMap::new(),
            constants: HashMap::new(),
        };
        for (index, tensor) in graph.proto.initializer.iter().enumerate() {
            graph.constants.insert(tensor.name.clone(), index);
        }
        for index in 0..graph.proto.node.len() {
            graph.index_node(index);
        }
        for output in &graph.proto.output {
            graph.readers.entry(output.name.clone()).or_default().push(OUTPUT);
        }
        graph
    }

    fn index_node(&mut self, index: usize) {
        let node = &self.proto.node[index];
        for output in &node.output {
            self.producers.insert(output.clone(), index);
        }
        for input in &node.input {
            self.readers.entry(input.clone()).or_default().push(index);
        }
    }

    /// Names of the first outputs of the nodes of this operation, in the order of the graph.
    pub(super) fn outputs_of(&self, operation: &str) -> Vec<String> {
        let nodes = self.proto.node.iter().filter(|node| node.op_type == operation);
        nodes.filter_map(|node| node.output.first().cloned()).collect()
    }

    /// The node that gives `value`, if it is of this operation.
    pub(super) fn producer(&self, value: &str, operation: &str) -> Option<&NodeProto> {
        let node = self.proto.node.get(*self.producers.get(value)?)?;
        (node.op_type == operation).then_some(node)
    }

    /// The node that alone reads `value`, and reads it once, if it is of this operation.
    pub(super) fn reader(&self, value: &str, operation: &str) -> Option<&NodeProto> {
        match self.readers.get(value)?.as_slice() {
            [one] => self.proto.node.get(*one).filter(|node| node.op_type == operation),
            _ => None,
        }
    }

    /// How often nodes read `value`; an output of the graph counts as one more.
    pub(super) fn reads(&self, value: &str) -> usize {
        self.readers.get(value).map_or(0, Vec::len)
    }

    /// The nodes that read `value`, unless it is also an output of the graph.
    pub(super) fn readers(&self, value: &str) -> Option<Vec<&NodeProto>> {
        self.readers.get(value)?.iter().map(|&index| self.proto.node.get(index)).collect()
    }

    /// The shape of an input of the graph, if all of it is known.
    pub(super) fn input_shape(&self, value: &str) -> Option<Vec<i64>> {
        let input = self.proto.input.iter().find(|input| input.name == value)?;
        let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
        let dims = tensor.shape.as_ref()?.dim.iter();
        let size = |dim: &Dimension| match dim.value {
            Some(DimValue::DimValue(size)) => Some(size),
            _ => None,
        };
        dims.map(size).collect()
    }

    fn constant(&self, value: &str, data_type: DataType) -> Option<&TensorProto> {
        let tensor = self.proto.initializer.get(*self.constants.get(value)?)?;
        (tensor.data_type == data_type as i32).then_some(tensor)
    }

    /// The shape of a constant of this type.
    pub(super) fn constant_shape(&self, value: &str, data_type: DataType) -> Option<&[i64]> {
        Some(&self.constant(value, data_type)?.dims)
    }

    /// A constant list of integers.
    pub(super) fn integers(&self, value: &str) -> Option<Vec<i64>> {
        let tensor = self.constant(value, DataType::Int64)?;
        let values = tensor.raw_data.chunks_exact(8);
        values.map(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?))).collect()
    }

    /// The scale of a `QuantizeLinear` to int8 with a single scale and no zero point but 0.
    pub(super) fn int8_scale(&self, node: &NodeProto) -> Option<f32> {
        let [_, scale, zero] = node.input.as_slice() else { return None };
        let scale = self.constant(scale, DataType::Float)?;
        let zero = self.constant(zero, DataType::Int8)?;
        let single = scale.dims.is_empty() && zero.dims.is_empty() && zero.raw_data == [0];
        let plain = node.attribute.iter().all(|attribute| attribute.name == "axis");
        let scale = f32::from_le_bytes(scale.raw_data.as_slice().try_into().ok()?);
        (single && plain).then_some(scale)
    }

    /// Puts `node` where the node was that gave its output. What nothing reads any more reads nothing
    /// itself from then on.
    pub(super) fn replace(&mut self, node: NodeProto) {
        let place = node.output.first().and_then(|output| self.producers.get(output)).copied();
        let Some(place) = place.filter(|&place| place < self.proto.node.len()) else { return };
        let old = std::mem::replace(&mut self.proto.node[place], node);
        for output in &old.output {
            self.producers.remove(output);
        }
        self.index_node(place);
        self.forget_reads(place, old.input);
    }

    /// Strikes the node at `place` off the readers of `values`, and with it the nodes that only it read.
    fn forget_reads(&mut self, place: usize, values: Vec<String>) {
        let mut forgotten: Vec<(usize, String)> =
            values.into_iter().map(|value| (place, value)).collect();
        while let Some((place, value)) = forgotten.pop() {
            let Some(readers) = self.readers.get_mut(&value) else { continue };
            if let Some(at) = readers.iter().position(|&reader| reader == place) {
                readers.swap_remove(at);
            }
            let Some(&producer) = self.producers.get(&value) else { continue };
            let Some(node) = self.proto.node.get_mut(producer) else { continue };
            let unread = |output| self.readers.get(output).is_none_or(Vec::is_empty);
            if node.output.iter().all(unread) {
                let inputs = std::mem::take(&mut node.input);
                forgotten.extend(inputs.into_iter().map(|value| (producer, value)));
                for output in &node.output {
                    self.producers.remove(output);
                }
            }
        }
    }

    /// The graph, without the nodes and constants that nothing reads any more.
    pub(super) fn into_proto(self) -> GraphProto {
        let mut graph = self.proto;
        let mut read: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
        let mut kept = Vec::with_capacity(graph.node.len());
        for node in std::mem::take(&mut graph.node).into_iter().rev() {
            if node.output.iter().any(|output| read.contains(output)) {
                read.extend(node.input.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        graph.node = kept;
        graph.initializer.retain(|tensor| read.contains(&tensor.name));
        graph
    }
}

/// An attribute that a node has.
pub(super) fn attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// A node that gives `output`.
pub(super) fn node<'v>(
    op_type: &str,
    inputs: impl IntoIterator<Item = &'v str>,
    output: &str,
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        input: inputs.into_iter().map(str::to_string).collect(),
        output: vec![output.to_string()],
        name: output.to_string(),
        op_type: op_type.to_string(),
        attribute,
        ..NodeProto::default()
    }
}
