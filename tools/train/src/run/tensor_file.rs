//! Named f32 tensors as one safetensors file, written atomically and read with clear refusals.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use tch::{Device, Kind, TchError, Tensor, no_grad};

use uniultra_sink::{SinkError, write_atomically};

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// Number format of the values in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits, the values as they are.
    #[default]
    F32,
    /// 16 bits, rounded; a value out of its range (±65504) is an error.
    F16,
}

impl Precision {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// Why a tensor file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// The file could not be written; an older file is unchanged.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// The file could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// The file ends early or is not a safetensors file.
    #[error("{} is truncated or not a safetensors file ({bytes} bytes): {cause}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// The reader's message.
        cause: SafeTensorError,
    },
    /// A tensor has a number format that is not supported here.
    #[error("{}: tensor {name} is {found}, expected {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its format.
        found: String,
        /// The formats supported.
        expected: &'static str,
    },
    /// A value does not fit in 16 bits.
    #[error("{}: tensor {name} has values beyond the range of f16, write f32", path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// libtorch refused.
    #[error("tensor {name} of {}: {cause}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The cause.
        cause: TchError,
    },
}

/// Writes f32 `tensors` (any shape and device) under their names, and `info` into the header.
///
/// Tensors are written one at a time, so the memory needed is that of the largest.
///
/// # Errors
/// See [`TensorFileError`]; on any error a file already at `path` is unchanged.
pub fn save(
    path: &Path,
    tensors: &Tensors,
    info: (&str, String),
    precision: Precision,
) -> Result<(), TensorFileError> {
    let header = header(path, tensors, info, precision)?;
    // A tensor's failure passes through the writer, whose closure knows I/O errors only.
    let mut failed = None;
    let written = write_atomically(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for (name, tensor) in tensors {
            match bytes_of(path, name, tensor, precision) {
                Ok(bytes) => out.write_all(&bytes)?,
                Err(error) => {
                    failed = Some(error);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        Ok(())
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

/// Reads all tensors as f32 onto `device`, and the header's entry `info`.
///
/// # Errors
/// See [`TensorFileError`].
pub fn load(
    path: &Path,
    info: &str,
    device: Device,
) -> Result<(Tensors, Option<String>), TensorFileError> {
    let buffer = std::fs::read(path)
        .map_err(|cause| TensorFileError::Read { path: path.to_owned(), cause })?;
    let damaged =
        |cause| TensorFileError::Damaged { path: path.to_owned(), bytes: buffer.len(), cause };
    let (_, metadata) = SafeTensors::read_metadata(&buffer).map_err(damaged)?;
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(info).cloned());
    let file = SafeTensors::deserialize(&buffer).map_err(damaged)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            other => {
                return Err(TensorFileError::Kind {
                    path: path.to_owned(),
                    name,
                    found: format!("{other:?}"),
                    expected: "F32 or F16",
                });
            }
        };
        // The reader has checked that the bytes fill the shape exactly.
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)
            .and_then(|tensor| tensor.f_to_kind(Kind::Float))
            .and_then(|tensor| tensor.f_to_device(device))
            .map_err(|cause| TensorFileError::Torch {
                path: path.to_owned(),
                name: name.clone(),
                cause,
            })?;
        tensors.insert(name, tensor);
    }
    Ok((tensors, entry))
}

/// Writes weights for other programs: plain names, the header entry `format = pt` that PyTorch
/// tools expect.
///
/// # Errors
/// See [`TensorFileError`].
pub fn save_weights(
    path: &Path,
    weights: &Tensors,
    precision: Precision,
) -> Result<(), TensorFileError> {
    save(path, weights, ("format", "pt".to_owned()), precision)
}

/// Reads weights (f32 or f16) as f32 onto `device`.
///
/// # Errors
/// See [`TensorFileError`].
pub fn load_weights(path: &Path, device: Device) -> Result<Tensors, TensorFileError> {
    Ok(load(path, "format", device)?.0)
}

/// The JSON header, padded to 8 bytes, with the tensors in the order of their names.
fn header(
    path: &Path,
    tensors: &Tensors,
    (key, value): (&str, String),
    precision: Precision,
) -> Result<Vec<u8>, TensorFileError> {
    let mut infos = Vec::with_capacity(tensors.len());
    let mut offset = 0;
    for (name, tensor) in tensors {
        match tensor.f_kind() {
            Ok(Kind::Float) => {}
            Ok(kind) => {
                return Err(TensorFileError::Kind {
                    path: path.to_owned(),
                    name: name.clone(),
                    found: format!("{kind:?}"),
                    expected: "Float",
                });
            }
            Err(cause) => {
                let (path, name) = (path.to_owned(), name.clone());
                return Err(TensorFileError::Torch { path, name, cause });
            }
        }
        let end = offset + tensor.numel() * precision.bytes();
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        let info = TensorInfo { dtype: precision.dtype(), shape, data_offsets: (offset, end) };
        infos.push((name.clone(), info));
        offset = end;
    }
    let invalid =
        |cause| SinkError::Write { path: path.to_owned(), source: io::Error::other(cause) };
    let entries = HashMap::from([(key.to_owned(), value)]);
    let metadata =
        Metadata::new(Some(entries), infos).map_err(|error| invalid(error.to_string()))?;
    let mut bytes = serde_json::to_vec(&metadata).map_err(|error| invalid(error.to_string()))?;
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    Ok(bytes)
}

/// The values in row-major order, little-endian as on every platform of libtorch.
fn bytes_of(
    path: &Path,
    name: &str,
    tensor: &Tensor,
    precision: Precision,
) -> Result<Vec<u8>, TensorFileError> {
    let copy = || {
        let numel = tensor.numel();
        let mut bytes = vec![0; numel * precision.bytes()];
        let mut fits = true;
        if numel > 0 {
            match precision {
                Precision::F32 => tensor.f_copy_data_u8(&mut bytes, numel)?,
                Precision::F16 => {
                    let half = tensor.f_to_kind(Kind::Half)?;
                    let lost = half.f_isfinite()?.f_ne_tensor(&tensor.f_isfinite()?)?.f_any()?;
                    fits = lost.f_int64_value(&[])? == 0;
                    half.f_copy_data_u8(&mut bytes, numel)?;
                }
            }
        }
        Ok((bytes, fits))
    };
    match no_grad(copy) {
        Ok((bytes, true)) => Ok(bytes),
        Ok((_, false)) => {
            Err(TensorFileError::Range { path: path.to_owned(), name: name.to_owned() })
        }
        Err(cause) => {
            Err(TensorFileError::Torch { path: path.to_owned(), name: name.to_owned(), cause })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensors {
        let grid = Tensor::from_slice(&[1.0f32, -2.5, 3.0e-7, 4.0, 5.0, 6.0]).reshape([2, 3]);
        BTreeMap::from([
            ("a.weight".to_owned(), grid.transpose(0, 1)), // not contiguous
            ("b.scalar".to_owned(), Tensor::from(7.5f32)),
            ("c.empty".to_owned(), Tensor::zeros([0, 4], (Kind::Float, Device::Cpu))),
        ])
    }

    #[test]
    fn weights_return_bit_equal_and_others_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        save_weights(&path, &sample(), Precision::F32).unwrap();
        let back = load_weights(&path, Device::Cpu).unwrap();
        for (name, tensor) in sample() {
            assert_eq!(back[&name].size(), tensor.size(), "{name}");
            assert!(back[&name].equal(&tensor), "{name}");
        }
        // tch's own reader is the independent witness.
        let theirs = Tensor::read_safetensors(&path).unwrap();
        assert_eq!(theirs.len(), 3);
        assert!(theirs.iter().all(|(name, tensor)| back[name].equal(tensor)));
    }

    #[test]
    fn the_same_weights_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        save_weights(&one, &sample(), Precision::F16).unwrap();
        save_weights(&two, &sample(), Precision::F16).unwrap();
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap());
    }

    #[test]
    fn half_precision_rounds_but_never_overflows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut weights = sample();
        save_weights(&path, &weights, Precision::F16).unwrap();
        let back = load_weights(&path, Device::Cpu).unwrap();
        assert!(back["a.weight"].allclose(&weights["a.weight"], 1e-3, 1e-6, false));
        weights.insert("big".into(), Tensor::from_slice(&[1e6f32]));
        let error = save_weights(&path, &weights, Precision::F16).unwrap_err();
        assert!(error.to_string().contains("tensor big"), "{error}");
        assert_eq!(load_weights(&path, Device::Cpu).unwrap().len(), 3, "the old file is gone");
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let weights = BTreeMap::from([("index".to_owned(), Tensor::from_slice(&[1i64]))]);
        let error = save_weights(&path, &weights, Precision::F32).unwrap_err().to_string();
        assert!(error.contains("index is Int64"), "{error}");
        assert!(!path.exists());
    }
}
