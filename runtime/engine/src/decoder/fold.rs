//! Computes what a graph makes of constants alone, once, when it is loaded.
//!
//! The decoder's position encoding of the image is such a thing. Each part that the graph is
//! divided into would compute it again, and tract more than once in each.

use super::divide::{Source, needed, sources};
use crate::EngineError;
use crate::load::build;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tract_core::internal::{IntoTValue, TValue, TVec, Tensor, TractResult};
use tract_onnx::pb::{
    GraphProto, ModelProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension::Value as DimValue, type_proto,
};

/// Replaces values of f32 that follow from constants, and that something else reads, by constants.
pub(super) fn fold(file: &str, mut model: ModelProto) -> Result<ModelProto, EngineError> {
    let Some(graph) = &mut model.graph else { return Ok(model) };
    let names = folded(graph);
    if names.is_empty() {
        return Ok(model);
    }
    let (node, read) = needed(graph.node.clone(), &names);
    let constants = graph.initializer.iter().filter(|tensor| read.contains(&tensor.name));
    // As inputs, constants do not tempt tract to compute with them while it optimises.
    let (inputs, initializer): (Vec<_>, Vec<_>) =
        constants.cloned().partition(|t| t.data_type == DataType::Float as i32);
    let part = GraphProto {
        name: graph.name.clone(),
        node,
        initializer,
        input: inputs.iter().map(|tensor| named(&tensor.name, Some(&tensor.dims))).collect(),
        output: names.iter().map(|name| named(name, None)).collect(),
        ..GraphProto::default()
    };
    let part = ModelProto {
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        graph: Some(part),
        ..ModelProto::default()
    };
    let failed = |reason| EngineError::Prepare { file: file.to_string(), reason };
    let plan = build(file, part, |_| Ok(()))?;
    let compute = || -> TractResult<Vec<Option<TensorProto>>> {
        let values = plan.run(inputs.iter().map(value).collect::<TractResult<TVec<_>>>()?)?;
        names.iter().zip(&values).map(|(name, value)| constant(name, value)).collect()
    };
    let tensors = match catch_unwind(AssertUnwindSafe(compute)) {
        Ok(Ok(tensors)) => tensors,
        Ok(Err(error)) => return Err(failed(format!("{error:#}"))),
        Err(_) => return Err(failed("its constants contradict each other".to_string())),
    };
    let computed: HashSet<&String> = tensors.iter().flatten().map(|tensor| &tensor.name).collect();
    let graph = model.graph.get_or_insert_default();
    graph.node.retain(|node| !node.output.iter().any(|output| computed.contains(output)));
    graph.initializer.extend(tensors.into_iter().flatten());
    Ok(model)
}

/// An input or output of f32.
fn named(name: &str, dims: Option<&[i64]>) -> ValueInfoProto {
    let dim =
        |&size: &i64| Dimension { value: Some(DimValue::DimValue(size)), ..Dimension::default() };
    let shape = dims.map(|dims| TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = dims.map(|_| TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}

fn value(tensor: &TensorProto) -> TractResult<TValue> {
    let shape = tensor.dims.iter().map(|&size| usize::try_from(size));
    let shape = shape.collect::<Result<TVec<_>, _>>()?;
    let floats = tensor.raw_data.chunks_exact(4).map(|b| Ok(f32::from_le_bytes(b.try_into()?)));
    let floats = floats.collect::<TractResult<Vec<f32>>>()?;
    Ok(Tensor::from_shape(&shape, &floats)?.into_tvalue())
}

/// Values of constants alone that a node reads which depends on more.
fn folded(graph: &GraphProto) -> Vec<String> {
    let sources = sources(graph);
    let constant = |value: &str| sources.get(value) == Some(&Source::Constant);
    let mut names = Vec::new();
    let depends = |output: &String| !constant(output);
    for node in graph.node.iter().filter(|node| node.output.iter().any(depends)) {
        for input in node.input.iter().filter(|input| constant(input)) {
            if !names.contains(input) {
                names.push(input.clone());
            }
        }
    }
    names
}

/// An f32 value as a constant; nothing of any other type.
fn constant(name: &str, value: &TValue) -> TractResult<Option<TensorProto>> {
    let values = value.try_as_plain_ram()?;
    let Ok(values) = values.as_slice::<f32>() else { return Ok(None) };
    let dims = value.shape().iter().map(|&size| i64::try_from(size)).collect::<Result<_, _>>()?;
    Ok(Some(TensorProto {
        name: name.to_string(),
        data_type: DataType::Float as i32,
        dims,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    }))
}
