//! Text files that people write: tables and lists.

use crate::FolderError;
use std::io::ErrorKind;
use std::path::Path;

/// Reads a text file without the byte-order mark that some editors put at its beginning; `None` if
/// there is no such file.
///
/// # Errors
/// [`FolderError::Read`] if it cannot be read, [`FolderError::Table`] with the line if it is not in
/// UTF-8.
pub(crate) fn read(path: &Path) -> Result<Option<String>, FolderError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FolderError::Read { path: path.to_path_buf(), source }),
    };
    let refuse = |line: usize, reason: &str| FolderError::Table {
        path: path.to_path_buf(),
        line: line as u64,
        reason: reason.to_string(),
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refuse(1, "expected UTF-8, found UTF-16; save the file as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.to_string())),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Err(refuse(line, "expected UTF-8, found other bytes; save the file as UTF-8"))
        }
    }
}
