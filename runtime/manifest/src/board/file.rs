//! A profile together with the hash of its file.

use super::{Board, BoardError};
use crate::pack::read_at_most;
use crate::{Sha256Hex, sha256_hex};
use std::path::Path;

/// Largest profile that is read, in bytes.
const MAX_BOARD_BYTES: u64 = 64 * 1024;

/// A validated profile, and the hash that identifies its file.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardFile {
    /// The profile.
    pub board: Board,
    /// SHA-256 of the file's bytes.
    pub sha256: Sha256Hex,
}

impl BoardFile {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// [`BoardError`] if it cannot be read or is refused.
    pub fn open(path: &Path) -> Result<Self, BoardError> {
        let bytes = read_at_most(path, MAX_BOARD_BYTES)
            .map_err(|source| BoardError::Read { path: path.to_path_buf(), source })?;
        Self::from_bytes(&bytes)
    }

    /// Validates a file's content.
    ///
    /// # Errors
    /// Those of [`Board::parse`]; also if there are more than 64 KiB or the bytes are not UTF-8
    /// text.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BoardError> {
        if bytes.len() as u64 > MAX_BOARD_BYTES {
            return Err(BoardError::Toml(format!(
                "expected at most {MAX_BOARD_BYTES} bytes, found more"
            )));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|e| BoardError::Toml(format!("expected UTF-8 text: {e}")))?;
        Ok(Self { board: Board::parse(text)?, sha256: sha256_hex(bytes) })
    }
}
