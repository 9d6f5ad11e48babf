//! ONNX files of model packs: the schema, reading and writing, and access to attributes and
//! weights.
//!
//! The exporter and the quantizer use it. The runtime reads ONNX through its engine.

mod proto;
mod read;

pub use proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
pub use read::{OnnxError, decode, float_values};

/// Encodes a file. Equal models give equal bytes.
#[must_use]
pub fn encode(model: &ModelProto) -> Vec<u8> {
    prost::Message::encode_to_vec(model)
}
