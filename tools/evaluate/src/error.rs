//! What can go wrong: with the whole run, and with one image.

use std::io;
use std::path::PathBuf;
use uniultra_core::{MaskError, MetricError, PromptError, SegmentError};
use uniultra_dataset::{FolderError, Problem, SampleError};
use uniultra_engine::EngineError;
use uniultra_report::ReportError;
use uniultra_sink::SinkError;

/// Why an evaluation or a merge ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] FolderError),
    /// A report cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
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
    #[error("model {name}")]
    Model {
        /// The pack's folder, or what stands for it.
        name: String,
        /// The runtime's reason.
        source: Box<SegmentError<EngineError>>,
    },
    /// One model was given twice.
    #[error("expected different models, found `{label}` twice")]
    SameModel {
        /// Its label.
        label: String,
    },
    /// A name of transfer sets that fits none.
    #[error("--transfer: expected one of {}, found `{pattern}`", sets.join(", "))]
    NoTransfer {
        /// The name.
        pattern: String,
        /// Sets that are evaluated.
        sets: Vec<String>,
    },
    /// An option that the published protocol leaves no choice about.
    #[error(
        "{option}: expected none with the published protocol, which has one box an object and one mask"
    )]
    Published {
        /// The option.
        option: &'static str,
    },
    /// The worker threads cannot be started.
    #[error("threads: cannot start {threads}: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        reason: String,
    },
    /// The report's files cannot be written.
    #[error(transparent)]
    Files(#[from] ReportError),
    /// Another output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
    /// A file is not a report that can be merged.
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
            Self::Files(error) => error.is_output(),
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
            Self::Data(FolderError::NoSets { .. } | FolderError::NoSet { .. }) => {
                Some("--data is the folder that holds the sets' folders, not one of them")
            }
            Self::Model { .. } => {
                Some("a model pack is a folder exactly as `uniultra-tools export` writes it")
            }
            Self::Files(error) => error.hint(),
            Self::Strict { .. } => Some("the report's list of problems names every one"),
            _ => None,
        }
    }
}

/// Why one image could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Image or mask cannot be used.
    #[error(transparent)]
    Sample(#[from] SampleError),
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
