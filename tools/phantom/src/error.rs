//! Errors: a bad request, or an output that cannot be written.

use std::path::PathBuf;
use thiserror::Error;

/// An error of the phantom simulator.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhantomError {
    /// A frame side outside the supported range.
    #[error("frame size must be {min} to {max} px a side, found {width}x{height}")]
    Size {
        /// Smallest side, px.
        min: u32,
        /// Largest side, px.
        max: u32,
        /// Width asked for, px.
        width: u32,
        /// Height asked for, px.
        height: u32,
    },
    /// The share of empty frames is not between 0 and 1.
    #[error("the share of empty frames must be 0 to 1, found {found}")]
    EmptyShare {
        /// The value asked for.
        found: f32,
    },
    /// A cine of no frames, or of more than file names can count.
    #[error("a cine must have 1 to {most} frames, found {found}")]
    Frames {
        /// Most frames.
        most: u32,
        /// The number asked for.
        found: u32,
    },
    /// A frame rate outside the supported range.
    #[error("the frame rate must be 1 to 200 Hz, found {found}")]
    FrameRate {
        /// The rate asked for, Hz.
        found: f32,
    },
    /// More cines than file names can count.
    #[error("a data set must have 1 to {most} cines, found {found}")]
    Sequences {
        /// Most cines.
        most: u32,
        /// The number asked for.
        found: u32,
    },
    /// A set name that would not be one plain folder.
    #[error(
        "set name must be 1 to 64 letters, digits, '-' or '_' and start with a letter or digit, \
         found {found:?}"
    )]
    SetName {
        /// The name asked for.
        found: String,
    },
    /// A dataset of nothing.
    #[error("count must be 1 or more, found 0")]
    Count,
    /// A dataset is there already and replacing it was not asked for.
    #[error("dataset {} exists already; replace it with --force or choose another --set-name", .path.display())]
    Exists {
        /// The dataset's folder.
        path: PathBuf,
    },
    /// The existing folder was not written by this simulator, so it is never replaced.
    #[error("{} exists and holds no phantom.json or cine.json: not a phantom dataset, so it is not replaced", .path.display())]
    NotAPhantom {
        /// The folder or file in the way.
        path: PathBuf,
    },
    /// The worker threads could not be started.
    #[error("cannot start {threads} worker threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A frame cannot be encoded or written as PNG.
    #[error("cannot write {}", .path.display())]
    Png {
        /// The file.
        path: PathBuf,
        /// The encoder's message.
        #[source]
        source: image::ImageError,
    },
    /// The descriptions cannot be written as JSON.
    #[error("cannot write {}", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The serialiser's message.
        #[source]
        source: serde_json::Error,
    },
}

impl PhantomError {
    /// Whether the output cannot be written, rather than the request being invalid.
    #[must_use]
    pub fn is_output(&self) -> bool {
        matches!(
            self,
            Self::Exists { .. }
                | Self::NotAPhantom { .. }
                | Self::Write { .. }
                | Self::Png { .. }
                | Self::Json { .. }
        )
    }
}
