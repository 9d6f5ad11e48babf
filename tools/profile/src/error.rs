//! Why there is no profile.

use std::io;
use std::path::PathBuf;
use uniultra_core::{FrameError, SegmentError};
use uniultra_engine::EngineError;
use uniultra_kernels::KernelError;
use uniultra_manifest::ManifestError;
use uniultra_report::ReportError;
use uniultra_sink::SinkError;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The pack cannot be read.
    #[error("model {}", folder.display())]
    Pack {
        /// The pack's folder.
        folder: PathBuf,
        /// The reason.
        source: ManifestError,
    },
    /// The pack does not load or run.
    #[error("model {}", folder.display())]
    Run {
        /// The pack's folder.
        folder: PathBuf,
        /// The runtime's reason.
        source: Box<SegmentError<EngineError>>,
    },
    /// The operations of one run were not those of the run before, so that there is no median.
    #[error("model {}: expected the same operations in every run, found others in run {run}", folder.display())]
    Changed {
        /// The pack's folder.
        folder: PathBuf,
        /// The run, counted from 0.
        run: u32,
    },
    /// The frame's file cannot be read.
    #[error("cannot read the frame {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file for the device cannot be read.
    #[error("cannot read {}", path.display())]
    Upload {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The device cannot be reached, or refused a step.
    #[error("device {host}: cannot {doing}: {reason}")]
    Ssh {
        /// The device as it was named to ssh.
        host: String,
        /// The step.
        doing: String,
        /// What ssh or the device said.
        reason: String,
    },
    /// The program failed on the device.
    #[error("device {host}: `uniultra bench` failed ({}): {reason}", exit(code))]
    Device {
        /// The device as it was named to ssh.
        host: String,
        /// The program's exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// What it said last.
        reason: String,
    },
    /// The program on the device did not print a report.
    #[error("device {host}: expected a report of `uniultra bench`: {reason}")]
    Bench {
        /// The device as it was named to ssh.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The frame cannot be decoded.
    #[error("frame {}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FrameError,
    },
    /// The sample frame could not be made.
    #[error("the sample frame")]
    Sample(#[source] FrameError),
    /// The kernels that the machine's peaks are measured with refused their sizes.
    #[error("the machine's peaks")]
    Peaks(#[from] KernelError),
    /// The report to compare with is not one.
    #[error("{}: expected a report.json of `uniultra-tools profile`: {reason}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The report's files cannot be written.
    #[error(transparent)]
    Files(#[from] ReportError),
    /// Another output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
}

fn exit(code: &Option<i32>) -> String {
    code.map_or_else(|| "ended by a signal".to_string(), |code| format!("exit code {code}"))
}

impl ProfileError {
    /// The exit code of the program on the device where it said why it failed, as this project's programs
    /// do; 8 where the device itself is at fault.
    #[must_use]
    pub fn device_code(&self) -> Option<u8> {
        match self {
            Self::Device { code: Some(code @ 2..=7), .. } => u8::try_from(*code).ok(),
            Self::Ssh { .. } | Self::Device { .. } | Self::Bench { .. } => Some(8),
            _ => None,
        }
    }

    /// Whether an output failed, as opposed to an input.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Files(error) => error.is_output(),
            Self::Output(_) => true,
            _ => false,
        }
    }

    /// Whether a model pack is at fault.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self, Self::Pack { .. } | Self::Run { .. } | Self::Changed { .. })
    }

    /// Whether the fault is our own.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        match self {
            Self::Sample(_) | Self::Peaks(_) => true,
            Self::Files(error) => !error.is_output(),
            _ => false,
        }
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Files(error) => error.hint(),
            Self::Pack { .. } => {
                Some("a model pack is a folder exactly as `uniultra-tools export` writes it")
            }
            Self::Ssh { .. } => Some(
                "`ssh HOST true` must work without a password; --ssh-option passes a port or key",
            ),
            Self::Device { code: Some(126 | 127), .. } => {
                Some("--binary takes a program built for the device: see `cargo xtask cross`")
            }
            Self::Report { .. } => Some("--compare takes a model pack's folder or a report.json"),
            _ => None,
        }
    }
}
