//! Why a report cannot be written.

use std::path::PathBuf;
use uniultra_sink::SinkError;

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder already holds a report.
    #[error("{} exists already", path.display())]
    Exists {
        /// The report.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
    /// A plot cannot be drawn.
    #[error("the plot `{title}` cannot be drawn: {reason}")]
    Plot {
        /// The plot's title.
        title: String,
        /// The drawing library's reason.
        reason: String,
    },
    /// A report cannot be written as JSON.
    #[error("the report cannot be written as JSON: {reason}")]
    Json {
        /// The reason.
        reason: String,
    },
    /// A table cannot be written as CSV.
    #[error("the table cannot be written as CSV: {reason}")]
    Csv {
        /// The CSV library's reason.
        reason: String,
    },
}

impl ReportError {
    /// Whether an output file is at fault, as opposed to this program.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Exists { .. } => true,
            Self::Output(error) => error.is_output(),
            Self::Plot { .. } | Self::Json { .. } | Self::Csv { .. } => false,
        }
    }

    /// Whether the name of an output is at fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Output(SinkError::Name { .. }))
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists { .. } => Some("choose another --out, or pass --force"),
            _ => None,
        }
    }
}
