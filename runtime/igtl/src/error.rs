//! Errors of decoding and of encoding.

/// A field that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct Mismatch {
    /// What was looked at.
    pub field: &'static str,
    /// What it has to be.
    pub expected: String,
    /// What was found: escaped where it is not plain text, and cut where it is long.
    pub found: String,
}

impl Mismatch {
    pub(crate) fn new(field: &'static str, expected: impl ToString, found: impl ToString) -> Self {
        Self { field, expected: expected.to_string(), found: found.to_string() }
    }
}

/// Why bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The header cannot be trusted, so nobody knows where the next message starts. Close the connection.
    #[error("header: {0}")]
    Header(Mismatch),
    /// The body is not what the sender has summed up. The next message can be read.
    #[error("{type_name}: expected a body with checksum {expected:016x}, found {found:016x}")]
    Checksum {
        /// The message's type.
        type_name: String,
        /// The checksum that the header gives.
        expected: u64,
        /// The checksum of the bytes that came.
        found: u64,
    },
    /// The message is malformed, over a bound, or of a kind that is not read. The next message can be read.
    #[error("{type_name}: {mismatch}")]
    Message {
        /// The message's type.
        type_name: String,
        /// What is not as it has to be.
        mismatch: Mismatch,
    },
}

impl DecodeError {
    /// Whether the connection has to be closed, because the next message cannot be found.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Header(_))
    }
}

/// Why a message cannot become bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{type_name}: {mismatch}")]
pub struct EncodeError {
    /// The message's type.
    pub type_name: String,
    /// What is not as it has to be.
    pub mismatch: Mismatch,
}
