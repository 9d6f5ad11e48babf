//! A graph in which chains are looked for and replaced.

use std::collections::{HashMap, HashSet};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as DimValue};
use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType, type_proto,
};

/// A graph's nodes by what they give and by who reads it.
pub(super) struct Chains {
    graph: GraphProto,
    producers: HashMap<String, usize>,
    /// Nodes that read a value, once an input; an output of the graph counts as `usize::MAX`.
    readers: HashMap<String, Vec<usize>>,
    constants: HashMap<String, usize>,
}

impl Chains {
    pub(super) fn of(graph: GraphProto) -> Self {
        let mut chains = Self {
            graph,
            producers: HashMap::new(),
            readers: HashMap::new(),
            constants: HashMap::new(),
        };
        for (index, tensor) in chains.graph.initializer.iter().enumerate() {
            chains.constants.insert(tensor.name.clone(), index);
        }
        for index in 0..chains.graph.node.len() {
            chains.index_node(index);
        }
        for output in &chains.graph.output {
            chains.readers.entry(output.name.clone()).or_default().push(usize::MAX);
        }
        chains
    }

    fn index_node(&mut self, index: usize) {
        let node = &self.graph.node[index];
        for output in &node.output {
            self.producers.insert(output.clone(), index);
        }
        for input in &node.input {
            self.readers.entry(input.clone()).or_default().push(index);
        }
    }

    /// Names of the outputs of the nodes of this operation.
    pub(super) fn outputs_of(&self, operation: &str) -> Vec<String> {
        let nodes = self.graph.node.iter().filter(|node| node.op_type == operation);
        nodes.filter_map(|node| node.output.first().cloned()).collect()
    }

    /// The node that gives `value`, if it is of this operation.
    pub(super) fn producer(&self, value: &str, operation: &str) -> Option<&NodeProto> {
        let node = self.graph.node.get(*self.producers.get(value)?)?;
        (node.op_type == operation).then_some(node)
    }

    /// The node that is alone in reading `value`, and reads it once.
    pub(super) fn reader(&self, value: &str) -> Option<&NodeProto> {
        match self.readers.get(value)?.as_slice() {
            [one] => self.graph.node.get(*one),
            _ => None,
        }
    }

    /// The nodes that read `value`, once an input, unless it is also an output of the graph.
    pub(super) fn readers(&self, value: &str) -> Option<Vec<&NodeProto>> {
        self.readers.get(value)?.iter().map(|&index| self.graph.node.get(index)).collect()
    }

    /// The shape of an input of the graph, if all of it is known.
    pub(super) fn input_sizes(&self, value: &str) -> Option<Vec<i64>> {
        let input = self.graph.input.iter().find(|input| input.name == value)?;
        let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
        let dims = tensor.shape.as_ref()?.dim.iter();
        let size = |dim: &Dimension| match dim.value {
            Some(DimValue::DimValue(size)) => Some(size),
            _ => None,
        };
        dims.map(size).collect()
    }

    /// [`reader`](Self::reader), if it is of this operation.
    pub(super) fn reader_of(&self, value: &str, operation: &str) -> Option<&NodeProto> {
        self.reader(value).filter(|node| node.op_type == operation)
    }

    fn constant(&self, value: &str, data_type: DataType) -> Option<&TensorProto> {
        let tensor = self.graph.initializer.get(*self.constants.get(value)?)?;
        (tensor.data_type == data_type as i32).then_some(tensor)
    }

    /// The shape of a constant of f32 or int8.
    pub(super) fn weight_shape(&self, value: &str, integer: bool) -> Option<&[i64]> {
        let data_type = if integer { DataType::Int8 } else { DataType::Float };
        Some(&self.constant(value, data_type)?.dims)
    }

    /// A constant list of integers.
    pub(super) fn integers(&self, value: &str) -> Option<Vec<i64>> {
        let tensor = self.constant(value, DataType::Int64)?;
        let values = tensor.raw_data.chunks_exact(8);
        values.map(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?))).collect()
    }

    /// A constant of f32 with these dimensions.
    pub(super) fn floats(&self, value: &str, shape: &[i64]) -> Option<Vec<f32>> {
        let tensor = self.constant(value, DataType::Float)?;
        if tensor.dims != shape {
            return None;
        }
        let values = tensor.raw_data.chunks_exact(4);
        values.map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?))).collect()
    }

    /// The scale of `QuantizeLinear` to int8 with a single scale and no zero point but 0.
    pub(super) fn int8_scale(&self, node: &NodeProto) -> Option<f32> {
        let [_, scale, zero] = node.input.as_slice() else { return None };
        let zero = self.constant(zero, DataType::Int8)?;
        let plain = node.attribute.iter().all(|a| a.name == "axis") && zero.raw_data == [0];
        match self.floats(scale, &[])?.as_slice() {
            [scale] if plain && zero.dims.is_empty() => Some(*scale),
            _ => None,
        }
    }

    /// Input and target shape of the `Reshape` that gives `value`.
    pub(super) fn reshape(&self, value: &str) -> Option<(&str, Vec<i64>)> {
        self.reshape_node(self.producer(value, "Reshape")?)
    }

    /// Input and target shape of a `Reshape`.
    pub(super) fn reshape_node<'n>(&self, node: &'n NodeProto) -> Option<(&'n str, Vec<i64>)> {
        let [input, shape] = node.input.as_slice() else { return None };
        // A zero would copy a dimension.
        let shape = self.integers(shape).filter(|shape| !shape.contains(&0))?;
        Some((input, shape))
    }

    /// Input and permutation of the `Transpose` that gives `value`.
    pub(super) fn transpose(&self, value: &str) -> Option<(&str, &[i64])> {
        let node = self.producer(value, "Transpose")?;
        Some((node.input.first()?, integers_attribute(node, "perm")?))
    }

    /// Input, axis, start and end of the `Slice` that gives `value`, on one axis by steps of 1.
    pub(super) fn slice(&self, value: &str) -> Option<(&str, [i64; 3])> {
        self.slice_node(self.producer(value, "Slice")?)
    }

    /// The same of a node.
    pub(super) fn slice_node<'n>(&self, node: &'n NodeProto) -> Option<(&'n str, [i64; 3])> {
        let [input, start, end, axis] = node.input.as_slice() else { return None };
        let one = |name| <[i64; 1]>::try_from(self.integers(name)?).ok().map(|[value]| value);
        Some((input, [one(axis)?, one(start)?, one(end)?]))
    }

    /// Puts `node` where the node was that gave its output.
    pub(super) fn replace(&mut self, node: NodeProto) {
        let place = node.output.first().and_then(|output| self.producers.get(output)).copied();
        let Some(place) = place.filter(|&place| place < self.graph.node.len()) else { return };
        let old = std::mem::replace(&mut self.graph.node[place], node);
        for input in &old.input {
            if let Some(readers) = self.readers.get_mut(input)
                && let Some(at) = readers.iter().position(|&reader| reader == place)
            {
                readers.swap_remove(at);
            }
        }
        for output in &old.output {
            self.producers.remove(output);
        }
        self.index_node(place);
    }

    /// The graph, without the nodes and constants that nothing reads any more.
    pub(super) fn into_graph(self) -> GraphProto {
        let mut graph = self.graph;
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

/// A list of integers among the attributes.
pub(super) fn integers_attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n [i64]> {
    let found = node.attribute.iter().find(|attribute| attribute.name == name)?;
    (!found.ints.is_empty()).then_some(&found.ints[..])
}

/// An integer among the attributes.
pub(super) fn integer_attribute(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|found| found.i)
}

/// An operation of ours that gives `output`.
pub(super) fn operation(
    name: &str,
    inputs: Vec<String>,
    output: &str,
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        input: inputs,
        output: vec![output.to_string()],
        name: output.to_string(),
        op_type: name.to_string(),
        attribute,
        ..NodeProto::default()
    }
}

pub(super) fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..AttributeProto::default()
    }
}
