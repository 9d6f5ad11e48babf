//! Errors of checkpoints.

use std::path::PathBuf;

/// Why a checkpoint was refused. Every message names the tensor or file, what was expected and what
/// was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// An error in the file at `path`; [`CheckpointError::fault`] returns the error without the
    /// path.
    #[error("{path}: {fault}")]
    InFile {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        fault: Box<Self>,
    },
    /// The operating system refused to read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// A folder, pipe or device where a file was expected.
    #[error("expected a regular file, found {0}")]
    NotAFile(&'static str),
    /// The file is larger than any checkpoint that this crate supports.
    #[error("expected a checkpoint of at most {limit} bytes, found {found}")]
    TooLarge {
        /// Most bytes accepted.
        limit: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// Neither safetensors nor a file of `torch.save`, judged by its first bytes.
    #[error("expected a safetensors file or one of torch.save, found {0}")]
    UnknownFormat(String),
    /// A pickle that `torch.save` did not write.
    #[error("expected safetensors or a file of torch.save, found a pickle of another program")]
    OtherPickle,
    /// The container's structure contradicts itself or ends early.
    #[error("truncated or corrupt {format}: {what}")]
    Corrupt {
        /// `safetensors` or `PyTorch file`.
        format: &'static str,
        /// What does not fit.
        what: String,
    },
    /// A value does not fit the requested format.
    #[error("tensor `{name}`: expected magnitudes up to {max} to store it as f16, found {found}")]
    Overflow {
        /// Name of the tensor.
        name: String,
        /// Largest finite number of the format.
        max: f32,
        /// The value.
        found: f32,
    },
    /// The pickle names a Python object that no state dict needs. Nothing was executed.
    #[error(
        "the pickle names `{0}`; expected only tensors and dicts of a state dict (nothing was run)"
    )]
    ForbiddenGlobal(String),
    /// A tensor's element type is not a floating-point one.
    #[error("tensor `{name}`: expected type F32, F16, BF16 or F64, found {found}")]
    DType {
        /// The tensor.
        name: String,
        /// Its type as the file writes it.
        found: String,
    },
    /// A tensor holds NaN or an infinity.
    #[error("tensor `{name}`: expected finite values, found {value} at element {element:?}")]
    NotFinite {
        /// The tensor.
        name: String,
        /// Index of the first such element on each axis.
        element: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// A tensor's description contradicts the file or itself.
    #[error("tensor `{name}`: {what}")]
    BadTensor {
        /// The tensor.
        name: String,
        /// What was expected and what was found.
        what: String,
    },
    /// Two tensors with other values have the same name, perhaps only without wrappers such as
    /// `model.` and `module.`.
    #[error("tensor `{name}`: expected once, found twice: as `{}` and as `{}`", stored[0], stored[1])]
    Duplicate {
        /// Name without wrappers.
        name: String,
        /// Both names in the file.
        stored: [String; 2],
    },
    /// There is no dictionary of tensors where one was expected.
    #[error("expected {expected}, found {found}")]
    NoStateDict {
        /// What was expected.
        expected: String,
        /// The keys that are there.
        found: String,
    },
    /// The file holds several networks with other weights.
    #[error("expected one network, found {} with different weights: {}", found.len(), found.join(", "))]
    SeveralStateDicts {
        /// Their keys and sizes.
        found: Vec<String>,
    },
    /// The zip archive is packed in a way that cannot be read.
    #[error("expected a zip archive with stored or deflated entries, found {0}")]
    UnsupportedZip(String),
    /// Values do not fill a shape.
    #[error("shape {shape:?} does not hold {found} elements")]
    ElementCount {
        /// The shape.
        shape: Vec<usize>,
        /// Elements given.
        found: usize,
    },
    /// A tensor is missing.
    #[error("tensor `{0}`: expected, not found")]
    Missing(String),
    /// Tensors that image segmentation needs are missing.
    #[error("not a complete {architecture}: {} tensors missing: {}", names.len(), abridged(names))]
    Incomplete {
        /// Name of the recognised architecture.
        architecture: String,
        /// Every missing tensor.
        names: Vec<String>,
    },
    /// A tensor has a shape that does not fit the architecture.
    #[error("tensor `{name}`: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Shape in the architecture.
        expected: Vec<usize>,
        /// Shape in the checkpoint.
        found: Vec<usize>,
    },
    /// The shapes fit no known image encoder.
    #[error("expected a Hiera image encoder (mini, tiny, small, base+ or large), found {0}")]
    UnknownArchitecture(String),
    /// An architecture's name is not known.
    #[error("expected one of {expected}, found `{found}`")]
    UnknownName {
        /// The known names.
        expected: String,
        /// The name given.
        found: String,
    },
}

impl CheckpointError {
    /// The error without the file's path.
    #[must_use]
    pub fn fault(&self) -> &Self {
        match self {
            Self::InFile { fault, .. } => fault.fault(),
            other => other,
        }
    }

    /// What the user can do about it, if anything.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self.fault() {
            Self::OtherPickle => {
                Some("load it in Python and torch.save a dictionary of its tensors")
            }
            Self::ForbiddenGlobal(_) => {
                Some("load it where it was made and torch.save(model.state_dict(), FILE)")
            }
            Self::Corrupt { .. } => Some("copy or download the file again and compare its SHA-256"),
            Self::SeveralStateDicts { .. } => {
                Some("choose one with --state-dict KEY, or save it alone")
            }
            Self::NoStateDict { .. } | Self::UnknownArchitecture(_) => Some(
                "if the network is in this file, torch.save(model.state_dict(), FILE) saves it alone",
            ),
            Self::UnsupportedZip(_) => Some("unpack the archive and pack it with `zip -0 -r`"),
            Self::DType { .. } => Some("convert the tensor to float32 and save again"),
            _ => None,
        }
    }
}

/// The first names of a list, so that a message stays one line.
fn abridged(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", ...");
    }
    text
}
