//! What is in an ONNX graph: nodes by operation, weights by type.

use serde::Serialize;
use std::collections::BTreeMap;
use uniultra_onnx::{GraphProto, ModelProto, TensorProto};

/// What a graph holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct GraphFacts {
    /// Nodes by operation.
    pub nodes: BTreeMap<String, usize>,
    /// Weights and other constants by element type, e.g. `f16`.
    pub weights: BTreeMap<String, WeightFacts>,
}

/// Weights of one element type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct WeightFacts {
    /// Number of values.
    pub values: u64,
    /// Bytes that they take in the file.
    pub bytes: u64,
}

impl GraphFacts {
    /// Counts a file's nodes and weights; nothing where it has no graph.
    #[must_use]
    pub fn from_model(model: &ModelProto) -> Self {
        let mut facts = Self::default();
        let Some(GraphProto { node, initializer, .. }) = &model.graph else { return facts };
        for node in node {
            *facts.nodes.entry(node.op_type.clone()).or_default() += 1;
        }
        for tensor in initializer {
            let facts = facts.weights.entry(type_name(tensor.data_type)).or_default();
            facts.values = facts.values.saturating_add(values(tensor));
            facts.bytes = facts.bytes.saturating_add(tensor.raw_data.len() as u64);
        }
        facts
    }

    /// Number of all nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.values().sum()
    }
}

fn values(tensor: &TensorProto) -> u64 {
    let dims = tensor.dims.iter().map(|&dim| u64::try_from(dim).unwrap_or_default());
    dims.fold(1, u64::saturating_mul)
}

/// ONNX's element types by number, of which `uniultra-onnx` names those that it writes itself.
fn type_name(data_type: i32) -> String {
    match data_type {
        1 => "f32",
        2 => "uint8",
        3 => "int8",
        6 => "int32",
        7 => "int64",
        9 => "bool",
        10 => "f16",
        11 => "f64",
        other => return format!("type {other}"),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_onnx::{DataType, NodeProto};

    #[test]
    fn nodes_and_weights_are_counted_by_kind() {
        let half = TensorProto {
            data_type: DataType::Float16.into(),
            raw_data: vec![0; 12],
            ..TensorProto::floats("h", &[2, 3], &[])
        };
        let odd = TensorProto { data_type: 99, ..TensorProto::floats("o", &[], &[1.0]) };
        let graph = GraphProto {
            node: ["MatMul", "Add", "MatMul"]
                .map(|op| NodeProto::new(op, "n", &[], Vec::new()))
                .to_vec(),
            initializer: vec![
                TensorProto::floats("a", &[2], &[1.0, 2.0]),
                TensorProto::floats("b", &[1], &[1.0]),
                TensorProto::int8s("q", &[3], &[1, 2, 3]),
                half,
                odd,
            ],
            ..GraphProto::default()
        };
        let facts =
            GraphFacts::from_model(&ModelProto { graph: Some(graph), ..ModelProto::default() });
        assert_eq!(facts.nodes, [("Add".to_string(), 1), ("MatMul".to_string(), 2)].into());
        assert_eq!(facts.node_count(), 3);
        let weights = |kind: &str| facts.weights[kind];
        assert_eq!(weights("f32"), WeightFacts { values: 3, bytes: 12 });
        assert_eq!(weights("f16"), WeightFacts { values: 6, bytes: 12 });
        assert_eq!(weights("int8"), WeightFacts { values: 3, bytes: 3 });
        assert_eq!(weights("type 99"), WeightFacts { values: 1, bytes: 4 });
        assert_eq!(facts.weights.len(), 4);
    }

    #[test]
    fn a_hostile_shape_does_not_overflow() {
        let tensor = TensorProto { dims: vec![i64::MAX, i64::MAX, -3], ..TensorProto::default() };
        assert_eq!(values(&tensor), 0);
        let tensor = TensorProto { dims: vec![i64::MAX, i64::MAX], ..TensorProto::default() };
        assert_eq!(values(&tensor), u64::MAX);
    }
}
