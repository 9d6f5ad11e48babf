//! Computes what a graph makes of constants alone, once, when it is loaded.
//!
//! The decoder's position encoding of the image is such a thing: 1 MiB at 512 pixels. Each part
//! that the graph is divided into would compute it again, tract more than once in each, and each
//! would keep a copy. So it becomes an input that all of them share.

use super::divide::{Source, needed, sources};
use crate::EngineError;
use crate::breakdown::caught;
use crate::load::build;
use std::sync::Arc;
use tract_core::internal::{Datum, IntoArcTensor, IntoTValue, TValue, TVec, Tensor, TractResult};
use tract_onnx::pb::{
    GraphProto, ModelProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension::Value as DimValue, type_proto,
};

/// Values that follow from constants.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) names: Vec<String>,
    pub(super) values: Vec<Arc<Tensor>>,
}

/// Makes inputs of values of f32 that follow from constants, and that something else reads.
pub(super) fn fold(file: &str, model: &mut ModelProto) -> Result<Folded, EngineError> {
    let Some(graph) = &mut model.graph else { return Ok(Folded::default()) };
    let names = folded(graph);
    if names.is_empty() {
        return Ok(Folded::default());
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
    let compute = || plan.run(inputs.iter().map(value).collect::<TractResult<TVec<_>>>()?);
    let values = caught(file, compute)?.map_err(|error| failed(format!("{error:#}")))?;
    let mut kept = Folded::default();
    let graph = model.graph.get_or_insert_default();
    for (name, value) in names.into_iter().zip(values) {
        let shape: Result<Vec<i64>, _> = value.shape().iter().map(|&n| i64::try_from(n)).collect();
        // Anything but f32 is small, and stays where it is.
        if let (Ok(shape), true) = (shape, value.datum_type() == f32::datum_type()) {
            graph.node.retain(|node| !node.output.contains(&name));
            graph.input.push(named(&name, Some(&shape)));
            kept.names.push(name);
            kept.values.push(value.into_arc_tensor());
        }
    }
    Ok(kept)
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
    let sources = sources(graph, &[]);
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
