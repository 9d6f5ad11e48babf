//! Reads and writes safetensors.

use super::{Choice, Content, Entries, Float};
use crate::{CheckpointError, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, View};
use std::borrow::Cow;
use std::collections::BTreeMap;

const FORMAT: &str = "safetensors";

/// The format has no dictionaries in dictionaries: `choice` is the beginning of the names.
pub(super) fn read(bytes: &[u8], choice: Choice<'_>) -> Result<Entries, CheckpointError> {
    // The reader checks that the header's offsets cover the file exactly, without gap or overlap.
    let file = SafeTensors::deserialize(bytes).map_err(corrupt)?;
    let mut entries = Entries::default();
    for (name, view) in file.iter() {
        let chosen = match choice {
            Some(key) => name.strip_prefix(key).and_then(|name| name.strip_prefix('.')),
            None => Some(name),
        };
        if let Some(name) = chosen {
            entries.tensors.push((name.to_string(), content(&view)?));
        }
    }
    match choice {
        Some(key) if entries.tensors.is_empty() => Err(CheckpointError::NoStateDict {
            expected: format!("tensors whose names begin with `{key}.`"),
            found: crate::names::outline(file.names().into_iter()),
        }),
        _ => Ok(entries),
    }
}

fn content(view: &TensorView<'_>) -> Result<Content, CheckpointError> {
    let shape = view.shape().to_vec();
    let float = match view.dtype() {
        Dtype::F16 => Float::F16,
        Dtype::BF16 => Float::BF16,
        Dtype::F32 => Float::F32,
        Dtype::F64 => Float::F64,
        other => return Ok(Content::Other { shape, kind: format!("{other:?}") }),
    };
    Tensor::new(shape, float.decode(view.data())).map(Content::Floats)
}

/// Encodes the tensors as an f32 file.
pub(crate) fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, CheckpointError> {
    safetensors::serialize(tensors, None).map_err(corrupt)
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        Tensor::shape(self)
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Tensor::data(self).iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(Tensor::data(self))
    }
}

/// Encodes the tensors as an f16 file. Each value is rounded to the nearest.
pub(crate) fn write_f16(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, CheckpointError> {
    let mut halves = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let values = tensor.data().iter().map(|&value| half::f16::from_f32(value));
        let bytes: Vec<u8> = values.clone().flat_map(half::f16::to_le_bytes).collect();
        // A value that was infinite before has not overflowed.
        let beyond = |(value, half): &(&f32, half::f16)| value.is_finite() && half.is_infinite();
        if let Some((&found, _)) = tensor.data().iter().zip(values).find(beyond) {
            let max = half::f16::MAX.to_f32();
            return Err(CheckpointError::Overflow { name: name.clone(), max, found });
        }
        halves.push((name, Halves { shape: tensor.shape(), bytes }));
    }
    safetensors::serialize(halves, None).map_err(corrupt)
}

/// A tensor with values rounded to f16.
struct Halves<'a> {
    shape: &'a [usize],
    bytes: Vec<u8>,
}

impl View for Halves<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn corrupt(error: safetensors::SafeTensorError) -> CheckpointError {
    CheckpointError::Corrupt { format: FORMAT, what: error.to_string() }
}
