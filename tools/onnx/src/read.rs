//! Reads files and the values of their weights.

use crate::{AttributeProto, AttributeType, DataType, ModelProto, NodeProto, TensorProto};
use prost::Message;

/// Why a file or one of its weights was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Not a protobuf message of the ONNX schema.
    #[error("expected an ONNX file: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A file without a graph.
    #[error("expected an ONNX file with a graph, found none")]
    NoGraph,
    /// A weight is not a float tensor, or its number of bytes does not match its shape.
    #[error("weight `{name}`: expected {expected}, found {found}")]
    Weight {
        /// Name of the weight.
        name: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// Decodes a file that has a graph.
///
/// # Errors
/// [`OnnxError::Decode`] or [`OnnxError::NoGraph`].
pub fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    let model = ModelProto::decode(bytes)?;
    if model.graph.is_none() {
        return Err(OnnxError::NoGraph);
    }
    Ok(model)
}

/// Values of a weight stored as f32 or f16, row-major.
///
/// # Errors
/// [`OnnxError::Weight`] for other types and for a number of bytes that does not fit the shape.
pub fn float_values(tensor: &TensorProto) -> Result<Vec<f32>, OnnxError> {
    let bad = |expected: String, found: String| OnnxError::Weight {
        name: tensor.name.clone(),
        expected,
        found,
    };
    let (size, half) = match tensor.data_type() {
        DataType::Float => (4, false),
        DataType::Float16 => (2, true),
        other => return Err(bad("float or float16".to_string(), format!("{other:?}"))),
    };
    let count = tensor
        .dims
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?));
    let expected = count.and_then(|count| count.checked_mul(size));
    if expected != Some(tensor.raw_data.len()) {
        let expected = format!("the bytes of shape {:?}", tensor.dims);
        return Err(bad(expected, format!("{} bytes", tensor.raw_data.len())));
    }
    let chunks = tensor.raw_data.chunks_exact(size);
    Ok(if half {
        chunks.map(|bytes| half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()).collect()
    } else {
        chunks.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
    })
}

impl NodeProto {
    /// A node of a standard operation with one output, which has the node's name.
    #[must_use]
    pub fn new(op: &str, name: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> Self {
        Self {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![name.to_string()],
            name: name.to_string(),
            op_type: op.to_string(),
            attribute,
        }
    }
}

impl AttributeProto {
    /// An integer attribute.
    #[must_use]
    pub fn int(name: &str, value: i64) -> Self {
        Self {
            name: name.to_string(),
            i: value,
            kind: AttributeType::Int.into(),
            ..Self::default()
        }
    }
}

impl TensorProto {
    /// A float weight. `values` are row-major; their number is that of `shape`.
    #[must_use]
    pub fn floats(name: &str, shape: &[usize], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::from_raw(name, shape, DataType::Float, raw_data)
    }

    /// An 8-bit integer weight. `values` are row-major; their number is that of `shape`.
    #[must_use]
    pub fn int8s(name: &str, shape: &[usize], values: &[i8]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::from_raw(name, shape, DataType::Int8, raw_data)
    }

    fn from_raw(name: &str, shape: &[usize], data_type: DataType, raw_data: Vec<u8>) -> Self {
        Self {
            dims: shape.iter().map(|&dim| dim as i64).collect(),
            data_type: data_type.into(),
            name: name.to_string(),
            raw_data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_float_formats_are_read() {
        let full = TensorProto::floats("w", &[2], &[0.5, -3.0]);
        assert_eq!(float_values(&full).unwrap(), [0.5, -3.0]);
        let raw_data = [0.5, -3.0].map(|v| half::f16::from_f32(v).to_le_bytes()).concat();
        let half = TensorProto { data_type: DataType::Float16.into(), raw_data, ..full };
        assert_eq!(float_values(&half).unwrap(), [0.5, -3.0]);
    }

    #[test]
    fn other_types_and_sizes_are_refused_by_name() {
        let integers = TensorProto::int8s("w", &[2], &[1, 2]);
        let mut short = TensorProto::floats("w", &[2], &[0.5, -3.0]);
        short.raw_data.pop();
        let mut huge = TensorProto::floats("w", &[2], &[0.5, -3.0]);
        huge.dims = vec![i64::MAX, i64::MAX];
        for tensor in [integers, short, huge] {
            let problem = float_values(&tensor).unwrap_err().to_string();
            assert!(problem.contains("weight `w`"), "{problem}");
        }
    }

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        assert!(matches!(decode(b"\xff\xff"), Err(OnnxError::Decode(_))));
        assert!(matches!(decode(b""), Err(OnnxError::NoGraph)));
    }
}
