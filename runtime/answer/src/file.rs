//! The bytes of a frame's file, of a bounded number.

use std::io::{self, Read};
use uniultra_core::MAX_SIDE_PX;

/// Largest frame file to read: the largest frame in uncompressed 16-bit RGB, and its header.
const MAX_FRAME_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// First bytes of a file that say what it is.
const KIND_BYTES: u64 = 132;

/// Why a frame's file has no bytes to decode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is longer than any frame.
    #[error("expected at most {most} bytes, found more")]
    Long {
        /// Bytes that it may have.
        most: u64,
    },
}

/// Whether these are the bytes of a DICOM file, or its first ones. A name says nothing.
#[must_use]
pub fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// Reads the bytes of a frame's file.
///
/// # Errors
/// [`FileError::Read`] if it cannot be read, [`FileError::Long`] if it is longer than a file of its kind may be.
pub fn read_frame_file(mut file: impl Read) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    // So many tell a DICOM file from others.
    file.by_ref().take(KIND_BYTES).read_to_end(&mut bytes)?;
    let most = max_bytes(&bytes);
    file.take(most + 1 - bytes.len() as u64).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(FileError::Long { most });
    }
    Ok(bytes)
}

/// Largest file, by its first bytes. A DICOM file can hold many frames.
fn max_bytes(start: &[u8]) -> u64 {
    #[cfg(feature = "dicom")]
    if is_dicom(start) {
        return uniultra_dicom::limits::MAX_FILE_BYTES;
    }
    let _ = start;
    MAX_FRAME_FILE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_dicom_by_its_content() {
        let mut bytes = vec![0; 128];
        assert!(!is_dicom(&bytes));
        bytes.extend(b"DICM");
        assert!(is_dicom(&bytes));
    }

    #[test]
    fn an_endless_file_is_refused() {
        let error = read_frame_file(io::repeat(7)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("expected at most {MAX_FRAME_FILE_BYTES} bytes, found more")
        );
        assert_eq!(read_frame_file(&b"P5 "[..]).unwrap(), b"P5 ");
    }
}
