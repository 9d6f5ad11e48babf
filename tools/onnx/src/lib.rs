//! ONNX files as model packs have them: the schema, reading, and access to attributes and weights.
//!
//! Writers are the exporter and the quantizer; the runtime has its own reader.

mod proto;
mod read;

pub use proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
pub use read::{OnnxError, decode, float_values};

/// Encodes a file; equal models give equal bytes.
#[must_use]
pub fn encode(model: &ModelProto) -> Vec<u8> {
    prost::Message::encode_to_vec(model)
}
