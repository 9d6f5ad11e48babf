//! Errors of reading and of writing.

use crate::tag::Tag;

/// What was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct Mismatch {
    /// What was looked at.
    pub field: String,
    /// What it has to be.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Mismatch {
    pub(crate) fn new(field: impl ToString, expected: impl ToString, found: impl ToString) -> Self {
        let [field, expected, found] = [field.to_string(), expected.to_string(), found.to_string()];
        Self { field, expected, found }
    }
}

/// Why a DICOM file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read from the disk.
    #[error("{path}: {source}")]
    File {
        /// The path.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The bytes are not a DICOM file, or the file is damaged or cut off.
    #[error("DICOM file: byte {offset}: {mismatch}")]
    Structure {
        /// Where the data element starts, in bytes. In a deflated file, bytes of the inflated data set.
        offset: usize,
        /// What is wrong.
        mismatch: Mismatch,
    },
    /// The file is larger than one of the bounds in [`limits`](crate::limits).
    #[error("DICOM file: {0}")]
    Limit(Mismatch),
    /// A data element is missing, or its value is wrong or does not fit the others.
    #[error("DICOM: {0}")]
    Element(Mismatch),
    /// The file is well formed, but of a kind that is not read.
    #[error("DICOM: {0}")]
    Unsupported(Mismatch),
    /// The file has no such frame.
    #[error("frame index: expected 0 to {}, found {index}", count.saturating_sub(1))]
    NoFrame {
        /// The index, counted from 0.
        index: usize,
        /// How many frames there are.
        count: usize,
    },
    /// The pixels of one frame are damaged.
    #[error("frame index {index}: {mismatch}")]
    Pixels {
        /// The frame, counted from 0.
        index: usize,
        /// What is wrong.
        mismatch: Mismatch,
    },
    /// The pixels of one frame are not a picture that the runtime takes.
    #[error("frame index {index}: {source}")]
    Frame {
        /// The frame, counted from 0.
        index: usize,
        /// What is wrong.
        source: uniultra_core::FrameError,
    },
}

/// Why a segmentation or a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// What was passed in does not fit the source or the standard.
    #[error("DICOM: {0}")]
    Input(Mismatch),
    /// A value of the source cannot be copied.
    #[error("DICOM: {tag} of the source: expected {expected}, found {found}")]
    Source {
        /// The data element.
        tag: Tag,
        /// What it has to be.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The bytes could not be written.
    #[error("DICOM: {0}")]
    Output(#[from] std::io::Error),
}
