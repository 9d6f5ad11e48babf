//! Writing ONNX: the protobuf schema and a graph builder.

mod graph;
mod proto;

pub(crate) use graph::{Attribute, FLOAT, Graph, Value};
