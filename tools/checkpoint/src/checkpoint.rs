//! A checkpoint: named tensors, from a file or from memory.

use crate::format::{self, Format};
use crate::{CheckpointError, Recognition, Tensor, recognise};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use uniultra_manifest::{Sha256Hex, sha256_hex};

/// Largest file read, in bytes. The teacher with its video parts is 0.94 GB in f32.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// The prefix of every key that UniUltra's training code saves: the wrapper's attribute.
const PREFIX: &str = "model.";

/// The tensors of a network, by their names in Meta's state dict without `model.`.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    tensors: BTreeMap<String, Tensor>,
    ignored: Vec<String>,
    format: Option<Format>,
    sha256: OnceLock<Sha256Hex>,
}

impl Checkpoint {
    /// Reads a safetensors file or a PyTorch archive. The content decides which it is, not the
    /// name.
    ///
    /// # Errors
    /// [`CheckpointError::InFile`] with the file's path and the fault: the file cannot be read, has
    /// another format, is truncated or corrupt, or holds a value that is not finite.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let in_file =
            |fault| CheckpointError::InFile { path: path.to_path_buf(), fault: Box::new(fault) };
        let bytes = read_bounded(path).map_err(in_file)?;
        Self::from_bytes(&bytes).map_err(in_file)
    }

    /// Reads a checkpoint from memory.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`], without the path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let format = Format::detect(bytes)?;
        let entries = format::read(format, bytes)?;
        let mut tensors = BTreeMap::new();
        for (stored_name, tensor) in entries.tensors {
            let name = stored_name.strip_prefix(PREFIX).unwrap_or(&stored_name);
            if let Some((element, value)) = tensor.first_non_finite() {
                let name = name.to_string();
                return Err(CheckpointError::NotFinite { name, element, value });
            }
            if tensors.insert(name.to_string(), tensor).is_some() {
                return Err(CheckpointError::Duplicate(name.to_string()));
            }
        }
        Ok(Self {
            tensors,
            ignored: entries.ignored,
            format: Some(format),
            sha256: OnceLock::from(sha256_hex(bytes)),
        })
    }

    /// A checkpoint from tensors instead of a file, for tests and tools that make weights.
    #[must_use]
    pub fn from_tensors(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { tensors, ignored: Vec::new(), format: None, sha256: OnceLock::new() }
    }

    /// A tensor, which must be present and have the given shape.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] or [`CheckpointError::Shape`].
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, CheckpointError> {
        let tensor =
            self.tensors.get(name).ok_or_else(|| CheckpointError::Missing(name.to_string()))?;
        if tensor.shape() == shape {
            Ok(tensor)
        } else {
            Err(CheckpointError::Shape {
                name: name.to_string(),
                expected: shape.to_vec(),
                found: tensor.shape().to_vec(),
            })
        }
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Names of the tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensors with their names, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Entries of the state dict that are not tensors, such as an epoch number. They were not read.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The file's format; `None` for [`Checkpoint::from_tensors`].
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// SHA-256 of the file. Without a file, it is the hash of the tensors in order of their names,
    /// each written as the name, a zero byte, the rank, the axes (64-bit little-endian) and the
    /// values (32-bit little-endian).
    pub fn sha256(&self) -> &Sha256Hex {
        self.sha256.get_or_init(|| sha256_hex(&self.canonical_bytes()))
    }

    /// Recognises the network, and lists the tensors that are missing or surplus.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownArchitecture`] if no variant fits, [`CheckpointError::Shape`] if
    /// one fits but a tensor has a wrong shape.
    pub fn recognise(&self) -> Result<Recognition, CheckpointError> {
        let shapes = self.tensors().map(|(name, tensor)| (name, tensor.shape())).collect();
        recognise::recognise(&shapes)
    }

    /// Encodes the tensors as an f32 safetensors file.
    ///
    /// # Errors
    /// [`CheckpointError::Corrupt`] if the format cannot hold a name.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, CheckpointError> {
        format::write_safetensors(&self.tensors)
    }

    /// Encodes the tensors as an f16 safetensors file, half as large. Values are rounded to the
    /// nearest.
    ///
    /// # Errors
    /// [`CheckpointError::Overflow`] if a value does not fit f16, and those of
    /// [`Checkpoint::to_safetensors`].
    pub fn to_f16_safetensors(&self) -> Result<Vec<u8>, CheckpointError> {
        format::write_f16_safetensors(&self.tensors)
    }

    fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, tensor) in self.tensors() {
            bytes.extend(name.as_bytes());
            bytes.push(0);
            for length in std::iter::once(tensor.shape().len()).chain(tensor.shape().to_vec()) {
                bytes.extend((length as u64).to_le_bytes());
            }
            bytes.extend(tensor.data().iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let metadata = std::fs::metadata(path).map_err(CheckpointError::Read)?;
    if !metadata.is_file() {
        // Opening a pipe could block for ever.
        let found = if metadata.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(CheckpointError::NotAFile(found));
    }
    let found = metadata.len();
    if found > MAX_FILE_BYTES {
        return Err(CheckpointError::TooLarge { limit: MAX_FILE_BYTES, found });
    }
    let mut file = std::fs::File::open(path).map_err(CheckpointError::Read)?;
    let mut bytes = Vec::with_capacity(usize::try_from(found).unwrap_or(0));
    // The limit holds even if the file grows in the meantime.
    file.by_ref().take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(CheckpointError::Read)?;
    Ok(bytes)
}
