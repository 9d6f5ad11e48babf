//! The file formats, told apart by their first bytes.

mod pytorch;
mod safetensors;

use crate::{CheckpointError, Tensor};
use std::fmt;

pub(crate) use safetensors::{write as write_safetensors, write_f16 as write_f16_safetensors};

/// A checkpoint's file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A JSON header and raw little-endian tensors.
    Safetensors,
    /// The format of `torch.save` since PyTorch 1.6: a zip of a pickle and raw storages.
    PyTorch,
    /// The format before that: pickles and raw storages one after the other.
    LegacyPyTorch,
}

impl Format {
    /// Detects the format from the first bytes.
    ///
    /// # Errors
    /// [`CheckpointError::OtherPickle`] or [`CheckpointError::UnknownFormat`].
    pub(crate) fn detect(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if bytes.starts_with(b"PK\x03\x04") {
            return Ok(Self::PyTorch);
        }
        // Eight bytes of header length, then the header's opening brace. A length such as 640 begins
        // like a pickle.
        if bytes.get(8) == Some(&b'{') {
            return Ok(Self::Safetensors);
        }
        // A pickle of protocol 2 or later begins with PROTO.
        if let [0x80, 2..=5, ..] = bytes {
            let legacy = pytorch::is_legacy(bytes);
            return if legacy {
                Ok(Self::LegacyPyTorch)
            } else {
                Err(CheckpointError::OtherPickle)
            };
        }
        let found = match bytes {
            [] => "an empty file".to_string(),
            _ => {
                let start = bytes.get(..16).unwrap_or(bytes).escape_ascii();
                format!("{} bytes starting with \"{start}\"", bytes.len())
            }
        };
        Err(CheckpointError::UnknownFormat(found))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::PyTorch => "PyTorch archive",
            Self::LegacyPyTorch => "PyTorch file of before 1.6",
        })
    }
}

/// The dictionary that a user chose among several: its keys, joined by points.
pub(crate) type Choice<'a> = Option<&'a str>;

/// The content of a file, under the names that it uses.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) tensors: Vec<(String, Content)>,
    /// Names of what is no tensor.
    pub(crate) ignored: Vec<String>,
}

/// What is in a tensor.
#[derive(Debug, PartialEq)]
pub(crate) enum Content {
    /// Floating-point numbers.
    Floats(Tensor),
    /// Anything else, which is not read: the type as the file names it.
    Other { shape: Vec<usize>, kind: String },
}

pub(crate) fn read(
    format: Format,
    bytes: &[u8],
    choice: Choice<'_>,
) -> Result<Entries, CheckpointError> {
    match format {
        Format::Safetensors => safetensors::read(bytes, choice),
        Format::PyTorch => pytorch::read(bytes, choice),
        Format::LegacyPyTorch => pytorch::read_legacy(bytes, choice),
    }
}

/// A floating-point element type, stored little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Float {
    F16,
    BF16,
    F32,
    F64,
}

impl Float {
    fn size_bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Decodes consecutive elements; bytes that do not fill an element are dropped.
    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
        }
        match self {
            Self::F16 => each(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Self::BF16 => each(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            Self::F32 => each(bytes, f32::from_le_bytes),
            // Values beyond f32 become infinite; a later check refuses them and names the tensor.
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}
