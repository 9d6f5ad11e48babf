//! Why there is no estimate.

use std::path::PathBuf;
use uniultra_manifest::BoardError;
use uniultra_profile::ProfileError;

/// Why there is no estimate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// The board's profile cannot be read or is refused.
    #[error("{}", path.display())]
    Board {
        /// Its file.
        path: PathBuf,
        /// The reason.
        source: BoardError,
    },
    /// The profile names a kind of core without figures.
    #[error("board {board}: expected a core of a kind with known figures ({known}), found {found}")]
    UnknownCore {
        /// Short name of the board.
        board: String,
        /// Kinds that there are figures for.
        known: String,
        /// What the profile names.
        found: String,
    },
    /// The file of counted instructions cannot be used.
    #[error("{}: expected a file that `cargo xtask cross --count` wrote: {reason}", path.display())]
    Counts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of the pairs that estimates are calibrated with cannot be used.
    #[error("{}: expected times of boards, or counts of `cargo xtask race --classics`: {reason}", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The pack cannot be read or run, or does other things each time.
    #[error(transparent)]
    Pack(#[from] ProfileError),
    /// An estimate can be checked only on the machine that it is of.
    #[error(
        "board {board}: expected a profile for {expected}, this machine, found one for {found}"
    )]
    NotHere {
        /// Short name of the board.
        board: String,
        /// Architecture of this machine.
        expected: &'static str,
        /// Architecture of the board.
        found: &'static str,
    },
}

impl EstimateError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Pack(error) => error.hint(),
            Self::NotHere { .. } => Some("without --validate, any board can be estimated"),
            _ => None,
        }
    }
}
