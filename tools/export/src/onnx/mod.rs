//! Writing ONNX: a graph builder.

mod graph;

pub(crate) use graph::{Attribute, FLOAT, Graph, Value};
