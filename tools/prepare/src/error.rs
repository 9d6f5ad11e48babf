//! Why a data folder cannot be made.

use std::io;
use std::path::PathBuf;
use uniultra_dataset::Problem;
use uniultra_report::ReportError;
use uniultra_sink::SinkError;

/// Problems that are listed in a message.
const LISTED: usize = 10;

/// Why a data folder cannot be made. Nothing was then written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Shares that leave nothing to train on.
    #[error(
        "expected --val-share and --test-share of 0 or more that leave something to train on, found {val} and {test}"
    )]
    Shares {
        /// Share of the groups for validation.
        val: f64,
        /// Share of the groups for testing.
        test: f64,
    },
    /// A folder or file of the raw folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The raw folder is too large to be a data set.
    #[error("{}: expected a data set, found more than {most} files", path.display())]
    TooMany {
        /// The raw folder.
        path: PathBuf,
        /// The most files that are listed.
        most: usize,
    },
    /// The raw folder is not laid out as the data set is, or a part of it is not there.
    #[error(transparent)]
    Layout(Box<LayoutError>),
    /// A table or list of the data set cannot be used.
    #[error("{}: {reason}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// An image cannot be used.
    #[error("{}: {reason}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// Two images would get one name.
    #[error("expected one image of the name {stem}, found {} and {}", first.display(), second.display())]
    Twice {
        /// The name.
        stem: String,
        /// The first file.
        first: PathBuf,
        /// The second file.
        second: PathBuf,
    },
    /// Some images have no usable mask.
    #[error("expected a usable mask for each of {images} images, found {} without:{}", problems.len(), listed(problems))]
    Unusable {
        /// Images of the raw folder.
        images: usize,
        /// Why each cannot be used.
        problems: Vec<Problem>,
    },
    /// No image has an object.
    #[error("{}: expected at least one image with an object, found none{}", path.display(), listed(problems))]
    Nothing {
        /// The raw folder.
        path: PathBuf,
        /// Why images cannot be used.
        problems: Vec<Problem>,
    },
    /// The output is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// Threads cannot be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] SinkError),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// What a raw folder has instead of a data set's layout.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: expected {name} as distributed ({expected}), found {found}{}{}",
    path.display(), lacking(lacks), alike(looks_like)
)]
#[non_exhaustive]
pub struct LayoutError {
    /// Name of the data set.
    pub name: &'static str,
    /// The raw folder.
    pub path: PathBuf,
    /// The data set's layout.
    pub expected: &'static str,
    /// What is in the folder.
    pub found: String,
    /// Folders and files that are not there.
    pub lacks: Vec<&'static str>,
    /// Data sets whose layout this is.
    pub looks_like: Vec<&'static str>,
}

impl PrepareError {
    /// Whether the output is at fault, rather than the raw folder.
    #[must_use]
    pub fn is_output(&self) -> bool {
        match self {
            Self::Exists { .. } => true,
            Self::Output(error) => error.is_output(),
            Self::Report(error) => error.is_output(),
            _ => false,
        }
    }

    /// Whether the command line is at fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Shares { .. })
    }

    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Layout(error) if !error.looks_like.is_empty() => Some(
                "give the name of the data set that the folder holds, or the folder of the one that is named",
            ),
            Self::Layout(_) => Some(
                "`uniultra-tools prepare --list` says where each data set is; unpack all of its archives into one folder",
            ),
            Self::Unusable { .. } => {
                Some("--allow-missing leaves these images out and lists them in prepare.json")
            }
            Self::Exists { .. } => {
                Some("choose another --out; an existing folder is never changed")
            }
            _ => None,
        }
    }

    pub(crate) fn write(path: &std::path::Path, source: io::Error) -> Self {
        Self::Output(SinkError::Write { path: path.to_path_buf(), source })
    }
}

fn lacking(lacks: &[&str]) -> String {
    if lacks.is_empty() {
        return String::new();
    }
    let names: Vec<_> = lacks.iter().map(|name| format!("`{name}`")).collect();
    format!("; not there: {}", names.join(", "))
}

fn alike(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("; it looks like {}", names.join(" or ")) }
}

fn listed(problems: &[Problem]) -> String {
    let shown = problems.iter().take(LISTED).map(|problem| format!("\n  {problem}"));
    let more = problems.len().saturating_sub(LISTED);
    let rest = (more > 0).then(|| format!("\n  and {more} more"));
    shown.chain(rest).collect()
}
