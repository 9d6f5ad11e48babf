//! Errors of the node.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use uniultra_core::{FrameError, SpacingError};
use uniultra_sink::SinkError;

/// Why the node could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The source cannot be opened.
    #[error("cannot read frames from {name}: {source}")]
    Source {
        /// The source.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// The folder holds no picture.
    #[error("expected PNG, JPEG, BMP, TIFF or PNM files in {}, found none", folder.display())]
    NoFrames {
        /// The folder.
        folder: PathBuf,
    },
    /// A frame's size is out of range.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A pixel's size is out of range.
    #[error(transparent)]
    Spacing(#[from] SpacingError),
    /// The address is in use, or is not one of this machine.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// An address that others can reach, without leave to use it.
    #[error(
        "expected an address of this machine only (127.0.0.1 or [::1]), found {address}: {way}"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
        /// What to do instead.
        way: &'static str,
    },
    /// The token's file is missing, short, or readable by others.
    #[error("token file {}: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The recording's folder cannot be used.
    #[error("cannot record to {}: {reason}", path.display())]
    Record {
        /// The folder.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A file of the recording cannot be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The system refuses a thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A click of the command line was refused.
    #[error("--tap {reason}")]
    Tap {
        /// The click, and why.
        reason: String,
    },
    /// The thread of the session ended by itself.
    #[error("the session broke down: {0}")]
    Session(String),
}
