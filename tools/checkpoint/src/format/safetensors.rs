//! Safetensors in and out.

use super::{Entries, Float};
use crate::{CheckpointError, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, View};
use std::borrow::Cow;
use std::collections::BTreeMap;

const FORMAT: &str = "safetensors";

pub(super) fn read(bytes: &[u8]) -> Result<Entries, CheckpointError> {
    // The reader checks that the header's offsets cover the file exactly, without gap or overlap.
    let file = SafeTensors::deserialize(bytes).map_err(corrupt)?;
    let mut entries = Entries::default();
    for (name, view) in file.iter() {
        entries.tensors.push((name.to_string(), tensor(name, &view)?));
    }
    Ok(entries)
}

fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor, CheckpointError> {
    let float = match view.dtype() {
        Dtype::F16 => Float::F16,
        Dtype::BF16 => Float::BF16,
        Dtype::F32 => Float::F32,
        Dtype::F64 => Float::F64,
        other => {
            return Err(CheckpointError::DType {
                name: name.to_string(),
                found: format!("{other:?}"),
            });
        }
    };
    Tensor::new(view.shape().to_vec(), float.decode(view.data()))
}

/// The tensors as one f32 file.
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

fn corrupt(error: safetensors::SafeTensorError) -> CheckpointError {
    CheckpointError::Corrupt { format: FORMAT, what: error.to_string() }
}
