//! Looks an ONNX file over before tract does.
//!
//! tract trusts a graph in places (a name that is not there, a shape that cannot be allocated).
//! A pack's hashes only prove that the files belong to its manifest, not that either is honest,
//! so everything that could make the loader panic or allocate without bound is refused here.

use std::collections::HashSet;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataLocation,
    tensor_proto::DataType, tensor_shape_proto::dimension::Value as DimValue, type_proto,
};

/// Most nodes, weights and rank that a graph may have.
const MAX_NODES: usize = 50_000;
const MAX_RANK: usize = 8;
/// Most values in one tensor: 1 GiB of f32.
const MAX_VALUES: i64 = 1 << 28;

/// The operations that packs are made of (opset 20, default domain).
const OPERATIONS: &[&str] = &[
    "Add",
    "Cast",
    "Concat",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "Cos",
    "Div",
    "Expand",
    "Gather",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LayerNormalization",
    "MatMul",
    "MatMulInteger",
    "Max",
    "MaxPool",
    "Mul",
    "Pad",
    "QuantizeLinear",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Sin",
    "Slice",
    "Softmax",
    "Sqrt",
    "Sub",
    "Transpose",
    "Where",
];

/// Checks a decoded ONNX file.
///
/// # Errors
/// A text that names the offending element, what was expected and what was found.
pub fn vet_onnx(model: &ModelProto) -> Result<(), String> {
    for import in &model.opset_import {
        let default = import.domain.is_empty() || import.domain == "ai.onnx";
        if !default || !(17..=24).contains(&import.version) {
            return Err(format!(
                "expected the default domain at opset 17 to 24, found `{}` at {}",
                import.domain, import.version
            ));
        }
    }
    let Some(graph) = &model.graph else {
        return Err("expected a graph, found none".to_string());
    };
    if !model.functions.is_empty() || !graph.sparse_initializer.is_empty() {
        return Err("expected a flat graph, found functions or sparse tensors".to_string());
    }
    let count = graph.node.len().max(graph.initializer.len());
    if graph.node.is_empty() || count > MAX_NODES {
        return Err(format!("expected 1 to {MAX_NODES} nodes and weights, found {count}"));
    }
    names(graph)?;
    for info in graph.input.iter().chain(&graph.output).chain(&graph.value_info) {
        declared(&info.name, info.r#type.as_ref().and_then(|t| t.value.as_ref()))?;
    }
    for tensor in &graph.initializer {
        weight(tensor)?;
    }
    for node in &graph.node {
        operation(node)?;
    }
    Ok(())
}

/// Every name is defined before it is used, and defined once.
fn names(graph: &GraphProto) -> Result<(), String> {
    let mut known: HashSet<&str> = HashSet::new();
    let inputs = graph.input.iter().map(|info| info.name.as_str());
    for name in inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.as_str())) {
        if name.is_empty() || !known.insert(name) {
            return Err(format!("tensor `{name}`: expected a name used once"));
        }
    }
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if !known.contains(input.as_str()) {
                return Err(format!(
                    "node `{}`: expected input `{input}` to be defined before, found nothing",
                    node.name
                ));
            }
        }
        if node.output.len() != 1 {
            return Err(format!(
                "node `{}`: expected one output, found {}",
                node.name,
                node.output.len()
            ));
        }
        for output in &node.output {
            if output.is_empty() || !known.insert(output) {
                return Err(format!(
                    "node `{}`: output `{output}`: expected a new name",
                    node.name
                ));
            }
        }
    }
    match graph.output.iter().find(|output| !known.contains(output.name.as_str())) {
        Some(output) => {
            Err(format!("output `{}`: expected a tensor of that name, found none", output.name))
        }
        None => Ok(()),
    }
}

/// Number of values of a shape whose dimensions are all bounded.
fn volume(what: &str, dims: impl Iterator<Item = i64>) -> Result<i64, String> {
    let mut volume = 1_i64;
    for (axis, dim) in dims.enumerate() {
        volume = volume.saturating_mul(dim.max(1));
        if axis >= MAX_RANK || dim < 0 || volume > MAX_VALUES {
            return Err(format!(
                "{what}: expected at most {MAX_RANK} dimensions and {MAX_VALUES} values, found a larger shape"
            ));
        }
    }
    Ok(volume)
}

fn declared(name: &str, value: Option<&type_proto::Value>) -> Result<(), String> {
    let Some(type_proto::Value::TensorType(tensor)) = value else {
        return Err(format!("tensor `{name}`: expected a tensor type, found another"));
    };
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| match &dim.value {
        Some(DimValue::DimValue(size)) => *size,
        _ => 1,
    });
    volume(&format!("tensor `{name}`"), dims).map(|_| ())
}

/// A weight is inside the file, as raw bytes, exactly as many as its shape says.
fn weight(tensor: &TensorProto) -> Result<(), String> {
    let name = &tensor.name;
    let external = tensor.data_location == Some(DataLocation::External as i32);
    if external || !tensor.external_data.is_empty() {
        return Err(format!(
            "weight `{name}`: expected data inside the file, found an external path"
        ));
    }
    let size = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => 4,
        Ok(DataType::Float16) => 2,
        Ok(DataType::Int64) => 8,
        Ok(DataType::Int8) => 1,
        _ => {
            let found = tensor.data_type;
            return Err(format!(
                "weight `{name}`: expected float, float16, int8 or int64, found data type {found}"
            ));
        }
    };
    let expected = volume(&format!("weight `{name}`"), tensor.dims.iter().copied())?;
    // `volume` counts an empty dimension as one value; an empty tensor has no bytes.
    let expected = if tensor.dims.contains(&0) { 0 } else { expected };
    let found = tensor.raw_data.len() as i64;
    if found != expected * size {
        return Err(format!(
            "weight `{name}`: expected {} bytes of raw data, found {found}",
            expected * size
        ));
    }
    if size == 8 {
        // Integers are shapes, axes and bounds: none is larger than a tensor.
        let values = tensor
            .raw_data
            .chunks_exact(8)
            .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap_or_default()));
        let mut product = 1_i64;
        for value in values {
            product = product.saturating_mul(value.saturating_abs().max(1));
            if product > MAX_VALUES {
                return Err(format!(
                    "weight `{name}`: expected shape values up to {MAX_VALUES} in all, found more"
                ));
            }
        }
    }
    Ok(())
}

fn operation(node: &NodeProto) -> Result<(), String> {
    let standard = node.domain.is_empty() || node.domain == "ai.onnx";
    if !standard || !OPERATIONS.contains(&node.op_type.as_str()) {
        return Err(format!(
            "node `{}`: expected a standard operation of a model pack, found `{}` of domain `{}`",
            node.name, node.op_type, node.domain
        ));
    }
    for attribute in &node.attribute {
        if attribute.g.is_some()
            || !attribute.graphs.is_empty()
            || attribute.t.is_some()
            || !attribute.tensors.is_empty()
        {
            return Err(format!(
                "node `{}`: attribute `{}`: expected a number or text, found a graph or tensor",
                node.name, attribute.name
            ));
        }
        let ints = attribute.ints.iter().chain(std::iter::once(&attribute.i));
        if ints.clone().any(|value| value.saturating_abs() > 65_536)
            || attribute.ints.len() > 2 * MAX_RANK
        {
            return Err(format!(
                "node `{}`: attribute `{}`: expected small numbers, found larger ones",
                node.name, attribute.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{
        AttributeProto, OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TypeProto,
        ValueInfoProto, tensor_shape_proto::Dimension,
    };

    fn info(name: &str, dims: &[i64]) -> ValueInfoProto {
        let dim = dims.iter().map(|&size| Dimension {
            value: Some(DimValue::DimValue(size)),
            ..Dimension::default()
        });
        let shape = Some(TensorShapeProto { dim: dim.collect() });
        let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
        let value = Some(type_proto::Value::TensorType(tensor));
        let r#type = Some(TypeProto { value, ..TypeProto::default() });
        ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
    }

    /// `y = x + w`, two values.
    fn sum() -> ModelProto {
        let node = NodeProto {
            input: vec!["x".to_string(), "w".to_string()],
            output: vec!["y".to_string()],
            name: "sum".to_string(),
            op_type: "Add".to_string(),
            ..NodeProto::default()
        };
        let weight = TensorProto {
            dims: vec![2],
            data_type: DataType::Float as i32,
            name: "w".to_string(),
            raw_data: vec![0; 8],
            ..TensorProto::default()
        };
        let graph = GraphProto {
            node: vec![node],
            initializer: vec![weight],
            input: vec![info("x", &[2])],
            output: vec![info("y", &[2])],
            ..GraphProto::default()
        };
        ModelProto {
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 20 }],
            graph: Some(graph),
            ..ModelProto::default()
        }
    }

    fn refused(change: impl FnOnce(&mut GraphProto), expected: &str) {
        let mut model = sum();
        change(model.graph.as_mut().unwrap());
        let problem = vet_onnx(&model).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }

    #[test]
    fn an_honest_graph_passes() {
        assert_eq!(vet_onnx(&sum()), Ok(()));
    }

    #[test]
    fn weights_may_be_int8() {
        let mut model = sum();
        let weight = &mut model.graph.as_mut().unwrap().initializer[0];
        weight.data_type = DataType::Int8 as i32;
        weight.raw_data = vec![1, 255];
        assert_eq!(vet_onnx(&model), Ok(()));
    }

    #[test]
    fn external_data_is_refused() {
        let location = || StringStringEntryProto {
            key: "location".to_string(),
            value: "../../etc/passwd".to_string(),
        };
        refused(
            |g| g.initializer[0].data_location = Some(DataLocation::External as i32),
            "external path",
        );
        refused(|g| g.initializer[0].external_data.push(location()), "external path");
    }

    #[test]
    fn huge_and_inconsistent_shapes_are_refused() {
        refused(|g| g.initializer[0].dims = vec![1 << 40], "larger shape");
        refused(|g| g.initializer[0].dims = vec![1 << 20; 4], "larger shape");
        refused(|g| g.initializer[0].dims = vec![-2], "larger shape");
        refused(|g| g.initializer[0].dims = vec![1; 9], "larger shape");
        refused(|g| g.initializer[0].dims = vec![3], "expected 12 bytes");
        refused(|g| g.input[0] = info("x", &[1 << 20, 1 << 20]), "larger shape");
        refused(
            |g| {
                g.initializer[0].data_type = DataType::Int8 as i32;
                g.initializer[0].raw_data = vec![0; 3];
            },
            "expected 2 bytes",
        );
        refused(|g| g.initializer[0].data_type = DataType::Int32 as i32, "float16, int8 or int64");
        refused(
            |g| {
                g.initializer[0].data_type = DataType::Int64 as i32;
                g.initializer[0].dims = vec![1];
                g.initializer[0].raw_data = (1_i64 << 40).to_le_bytes().to_vec();
            },
            "shape values",
        );
    }

    #[test]
    fn names_that_lead_nowhere_are_refused() {
        refused(|g| g.node[0].input[0] = "z".to_string(), "defined before");
        refused(|g| g.output[0].name = "z".to_string(), "output `z`");
        refused(|g| g.node[0].output[0] = "x".to_string(), "a new name");
        refused(|g| g.node[0].output.clear(), "one output");
        refused(|g| g.initializer[0].name = "x".to_string(), "used once");
        // A cycle is a use before the definition.
        refused(|g| g.node[0].input[1] = "y".to_string(), "defined before");
    }

    #[test]
    fn foreign_operations_are_refused() {
        refused(|g| g.node[0].op_type = "Loop".to_string(), "found `Loop`");
        refused(|g| g.node[0].domain = "com.example".to_string(), "com.example");
        let attribute = AttributeProto {
            name: "body".to_string(),
            g: Some(GraphProto::default()),
            ..AttributeProto::default()
        };
        refused(|g| g.node[0].attribute.push(attribute), "found a graph");
        let attribute = AttributeProto {
            name: "pads".to_string(),
            ints: vec![i64::MAX],
            ..AttributeProto::default()
        };
        refused(|g| g.node[0].attribute.push(attribute), "small numbers");
    }

    #[test]
    fn other_opsets_and_missing_graphs_are_refused() {
        for version in [0, 16, 25] {
            let mut model = sum();
            model.opset_import[0].version = version;
            assert!(vet_onnx(&model).is_err(), "{version}");
        }
        assert!(vet_onnx(&ModelProto { graph: None, ..sum() }).is_err());
    }
}
