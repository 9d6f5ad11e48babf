//! What can go wrong: with the whole run, and with one image.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use uniultra_core::{FrameError, MaskError, MetricError, PromptError, SegmentError};
use uniultra_engine::EngineError;
use uniultra_sink::SinkError;

/// Why an evaluation or a merge ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A folder or file of the data, or a report, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// There is no dataset in the data folder.
    #[error("{}: expected folders <set>/image and <set>/mask, found none", path.display())]
    NoSets {
        /// The data folder.
        path: PathBuf,
    },
    /// A set that was asked for is not there.
    #[error("{}: expected the set `{set}` with folders image and mask, found none", path.display())]
    NoSet {
        /// The data folder.
        path: PathBuf,
        /// The set asked for.
        set: String,
    },
    /// A set's list of splits cannot be used.
    #[error("{}: expected lists of stems by split name: {reason}", path.display())]
    Split {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Not a single image could be evaluated.
    #[error(
        "expected at least one image that can be evaluated, found none{}",
        first_problem(first)
    )]
    Nothing {
        /// The first problem, if there was one.
        first: Option<Problem>,
    },
    /// A model pack cannot be opened.
    #[error("model {}", folder.display())]
    Model {
        /// The pack's folder.
        folder: PathBuf,
        /// The runtime's reason.
        source: Box<SegmentError<EngineError>>,
    },
    /// One model was given twice.
    #[error("expected different models, found `{label}` twice")]
    SameModel {
        /// Its label.
        label: String,
    },
    /// The worker threads cannot be started.
    #[error("threads: cannot start {threads}: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        reason: String,
    },
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
    /// There is a report in the output folder already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The report.
        path: PathBuf,
    },
    /// A file is no report that can be merged.
    #[error("{}: expected a report of `evaluate`: {reason}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reports do not belong together.
    #[error("merge: {0}")]
    Merge(String),
    /// Problems that `--strict` does not let pass.
    #[error("expected no problem, found {count}{}", first_problem(first))]
    Strict {
        /// Number of problems.
        count: usize,
        /// The first.
        first: Option<Problem>,
    },
}

fn first_problem(first: &Option<Problem>) -> String {
    first.as_ref().map_or_else(String::new, |problem| format!(": {problem}"))
}

impl EvaluateError {
    /// Whether an output failed, as opposed to an input.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Output(error) => error.is_output(),
            Self::Exists { .. } => true,
            _ => false,
        }
    }

    /// Whether a model pack is at fault.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self, Self::Model { .. })
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSets { .. } | Self::NoSet { .. } => {
                Some("--data is the folder that holds the sets' folders, not one of them")
            }
            Self::Model { .. } => {
                Some("a model pack is a folder exactly as `uniultra-tools export` writes it")
            }
            Self::Exists { .. } => Some("choose another --out, or pass --force"),
            Self::Strict { .. } => Some("the report's list of problems names every one"),
            _ => None,
        }
    }
}

/// Why one image could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file cannot be read.
    #[error("{what}: cannot be read: {source}")]
    Read {
        /// `image` or `mask`.
        what: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is no image that is read here.
    #[error("{what}: {source}")]
    Decode {
        /// `image` or `mask`.
        what: &'static str,
        /// The decoder's reason.
        source: FrameError,
    },
    /// The mask is not binary.
    #[error("mask: expected gray values 0 and 255 only, found {found}")]
    MaskValue {
        /// A value found.
        found: String,
    },
    /// Image and mask differ in size.
    #[error("expected image and mask of one size, found {}x{} and {}x{} pixels", image[0], image[1], mask[0], mask[1])]
    Size {
        /// Width and height of the image.
        image: [usize; 2],
        /// Width and height of the mask.
        mask: [usize; 2],
    },
    /// The mask is not empty, but nothing in it is large enough to be an object.
    #[error(
        "mask: expected a component of at least 0.1 % of the image, found {found_px} pixels at most"
    )]
    OnlySpecks {
        /// Area of the largest component, in pixels.
        found_px: usize,
    },
    /// A mask cannot be made.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// Two masks cannot be compared.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A prompt was refused.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A model failed.
    #[error("{model}: {reason}")]
    Model {
        /// The model's label.
        model: String,
        /// The runtime's reason.
        reason: String,
    },
}

/// Something in the data, or one image, that could not be used. It is reported, never passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The set.
    pub set: String,
    /// The image's stem; empty where the set as a whole is meant.
    pub stem: String,
    /// What was expected and found.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let separator = if self.stem.is_empty() { "" } else { "/" };
        write!(f, "{}{separator}{}: {}", self.set, self.stem, self.what)
    }
}
