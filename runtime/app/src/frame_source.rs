//! Where a frame comes from, and how it is read.

use crate::failure::AppError;
use anyhow::Context;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use uniultra_core::{DecodeOptions, DecodedFrame, Frame, MAX_SIDE_PX};

/// Largest frame file to read: the largest frame in uncompressed 16-bit RGB, and its header.
const MAX_FRAME_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// First bytes of a file that say what it is.
const KIND_BYTES: u64 = 132;

/// The source of the frame.
#[derive(Debug)]
pub(crate) enum FrameSource {
    Stdin,
    File(PathBuf),
}

impl FrameSource {
    /// The path as given, for reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_string(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Reads and decodes the frame of an image file.
    pub(crate) fn read(&self, options: &DecodeOptions) -> anyhow::Result<DecodedFrame> {
        self.decode(&self.bytes()?, options)
    }

    /// Decodes the frame of an image file from the file's bytes.
    pub(crate) fn decode(
        &self,
        bytes: &[u8],
        options: &DecodeOptions,
    ) -> anyhow::Result<DecodedFrame> {
        Frame::decode_with(bytes, options).with_context(|| self.name())
    }

    /// Reads the file, of a bounded size.
    pub(crate) fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        let read = match self {
            Self::Stdin => read_bounded(io::stdin().lock()),
            Self::File(path) => File::open(path).and_then(read_bounded),
        };
        let (bytes, most) = read
            .map_err(|e| AppError::Input(format!("cannot read the frame {}: {e}", self.name())))?;
        if bytes.len() as u64 > most {
            let name = self.name();
            let message = format!("frame {name}: expected at most {most} bytes, found more");
            return Err(AppError::Input(message).into());
        }
        Ok(bytes)
    }
}

/// Reads one byte more than a file of its kind may have, if there is one. Returns the bytes, and how many it may
/// have.
fn read_bounded(mut file: impl Read) -> io::Result<(Vec<u8>, u64)> {
    let mut bytes = Vec::new();
    // So many tell a DICOM file from others.
    file.by_ref().take(KIND_BYTES).read_to_end(&mut bytes)?;
    let most = max_bytes(&bytes);
    file.take(most + 1 - bytes.len() as u64).read_to_end(&mut bytes)?;
    Ok((bytes, most))
}

/// Largest file, by its first bytes. A DICOM file can hold many frames.
fn max_bytes(start: &[u8]) -> u64 {
    #[cfg(feature = "dicom")]
    if crate::dicom::is_dicom(start) {
        return uniultra_dicom::limits::MAX_FILE_BYTES;
    }
    let _ = start;
    MAX_FRAME_FILE_BYTES
}
