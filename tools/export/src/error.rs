//! Why an export failed.

use std::path::PathBuf;
use uniultra_checkpoint::CheckpointError;
use uniultra_manifest::ManifestError;
use uniultra_sink::SinkError;

/// Why no pack was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A tensor is missing or has the wrong shape, or the architecture was not recognised.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Keys that image segmentation needs are not in the checkpoint.
    #[error("the checkpoint lacks {} tensors that {architecture} needs: {}", missing.len(), listed(missing))]
    Incomplete {
        /// The architecture recognised.
        architecture: String,
        /// The missing keys.
        missing: Vec<String>,
    },
    /// Tensors that were perhaps trained beside the network would be left out of the pack.
    #[error(
        "the checkpoint has {} tensors that {architecture} does not have, and a pack would be without them: {}",
        names.len(),
        listed(names)
    )]
    Unexpected {
        /// The architecture recognised.
        architecture: String,
        /// All of them.
        names: Vec<String>,
    },
    /// An option is not allowed, alone or with this checkpoint.
    #[error("{option}: expected {expected}, found {found}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The allowed values.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A weight does not fit into the format in which it was to be stored.
    #[error("weight `{tensor}`: expected magnitudes up to {max} to store it as f16, found {found}")]
    Overflow {
        /// Name of the tensor in the graph.
        tensor: String,
        /// Largest finite number of the format.
        max: f32,
        /// The value.
        found: f32,
    },
    /// The resulting manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The output folder is in use and may not be replaced.
    #[error("{}: expected a new or empty folder, found one with files in it (--force replaces a model pack)", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// The pack's folder cannot be made or replaced.
    #[error(transparent)]
    Folder(#[from] SinkError),
    /// The pack cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl ExportError {
    /// Whether the output, not the input, is at fault.
    #[must_use]
    pub fn is_output(&self) -> bool {
        matches!(self, Self::Exists { .. } | Self::Folder(_) | Self::Write { .. })
    }
}

/// The first few names; a whole list would bury the message.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", ...");
    }
    text
}
