//! A checkpoint: named tensors, from a file or from memory.

use crate::format::{self, Choice, Content, Format};
use crate::names::Named;
use crate::unusable::Unusable;
use crate::{CheckpointError, Recognition, Tensor, names, recognise};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use uniultra_manifest::{Sha256Hex, sha256_hex};

/// Largest file read, in bytes. The teacher with its video parts is 0.94 GB in f32.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// The tensors of a network, by their names in Meta's state dict.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    tensors: BTreeMap<String, Tensor>,
    unusable: BTreeMap<String, Unusable>,
    ignored: Vec<String>,
    format: Option<Format>,
    sha256: OnceLock<Sha256Hex>,
}

impl Checkpoint {
    /// Reads a safetensors file or one of `torch.save`, old or new. The content decides which it is,
    /// not the name.
    ///
    /// The network's tensors are found under whatever key they are, and names lose what wrappers
    /// such as DataParallel and `torch.compile` put into them. Hugging Face's names of SAM 2 become
    /// Meta's.
    ///
    /// # Errors
    /// [`CheckpointError::InFile`] with the file's path and the fault: the file cannot be read, has
    /// another format, is truncated or corrupt, or holds no network or several.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_state_dict(path, None)
    }

    /// Reads one of several networks in a file: the one under `key`, where keys in keys are joined
    /// by points, as [`CheckpointError::SeveralStateDicts`] lists them.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`].
    pub fn open_state_dict(path: &Path, key: Option<&str>) -> Result<Self, CheckpointError> {
        let in_file =
            |fault| CheckpointError::InFile { path: path.to_path_buf(), fault: Box::new(fault) };
        let bytes = read_bounded(path).map_err(in_file)?;
        Self::read(&bytes, key).map_err(in_file)
    }

    /// Reads a checkpoint from memory.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`], without the path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::read(bytes, None)
    }

    fn read(bytes: &[u8], choice: Choice<'_>) -> Result<Self, CheckpointError> {
        let format = Format::detect(bytes)?;
        let entries = format::read(format, bytes, choice)?;
        let mut read = Self::from_tensors(BTreeMap::new());
        read.ignored = entries.ignored;
        read.format = Some(format);
        read.sha256 = OnceLock::from(sha256_hex(bytes));
        for (name, content) in renamed(entries.tensors)? {
            match Unusable::check(content) {
                Ok(tensor) => drop(read.tensors.insert(name, tensor)),
                Err(unusable) => {
                    if unusable.is_counter() {
                        read.ignored.push(name.clone());
                    }
                    read.unusable.insert(name, unusable);
                }
            }
        }
        read.ignored.sort();
        Ok(read)
    }

    /// A checkpoint from tensors instead of a file, for tests and tools that make weights.
    #[must_use]
    pub fn from_tensors(tensors: BTreeMap<String, Tensor>) -> Self {
        Self {
            tensors,
            unusable: BTreeMap::new(),
            ignored: Vec::new(),
            format: None,
            sha256: OnceLock::new(),
        }
    }

    /// The same checkpoint without some tensors. It keeps the hash of the file that it came from.
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        let mut kept = self.clone();
        kept.sha256 = OnceLock::from(self.sha256().clone());
        kept.tensors.retain(|name, _| !names.contains(name));
        kept.unusable.retain(|name, _| !names.contains(name));
        kept
    }

    /// A tensor, which must be present and have the given shape.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] or [`CheckpointError::Shape`]; [`CheckpointError::DType`] or
    /// [`CheckpointError::NotFinite`] if its values cannot be used.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, CheckpointError> {
        let tensor = self.tensors.get(name).ok_or_else(|| match self.unusable.get(name) {
            Some(unusable) => unusable.error(name),
            None => CheckpointError::Missing(name.to_string()),
        })?;
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

    /// Whether there is a tensor of this name, with usable values or not.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.unusable.contains_key(name)
    }

    /// Names of the tensors with finite floating-point values, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensors with finite floating-point values and their names, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Entries of the file that were not read, sorted: what is no tensor, such as an epoch number,
    /// and tensors of integers or truth values, such as a counter.
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
    /// [`CheckpointError::UnknownArchitecture`] if no variant fits. If one fits, but a tensor that
    /// image segmentation uses does not: [`CheckpointError::Shape`], [`CheckpointError::DType`] or
    /// [`CheckpointError::NotFinite`].
    pub fn recognise(&self) -> Result<Recognition, CheckpointError> {
        let mut shapes: recognise::Shapes<'_> =
            self.tensors().map(|(name, tensor)| (name, tensor.shape())).collect();
        shapes
            .extend(self.unusable.iter().map(|(n, tensor)| (n.as_str(), tensor.shape.as_slice())));
        let mut found = recognise::recognise(&shapes)?;
        let unusable = found.needed().find_map(|name| Some(self.unusable.get(&name)?.error(&name)));
        if let Some(error) = unusable {
            return Err(error);
        }
        let is_counter = |name: &String| self.unusable.get(name).is_some_and(Unusable::is_counter);
        found.unexpected.retain(|name| !is_counter(name));
        Ok(found)
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

/// The tensors under Meta's names, each once.
fn renamed(stored: Vec<(String, Content)>) -> Result<BTreeMap<String, Content>, CheckpointError> {
    let mut tensors = BTreeMap::<String, Named>::new();
    for named in names::metas(stored) {
        match tensors.get(&named.name) {
            None => drop(tensors.insert(named.name.clone(), named)),
            // One tensor under two names, as shared weights are saved.
            Some(known) if known.content == named.content => {}
            Some(known) => {
                let stored = [known.stored.clone(), named.stored];
                return Err(CheckpointError::Duplicate { name: named.name, stored });
            }
        }
    }
    Ok(tensors.into_iter().map(|(name, named)| (name, named.content)).collect())
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
