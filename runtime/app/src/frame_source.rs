//! Where a frame comes from, and how it is read.

use crate::failure::AppError;
use anyhow::Context;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use uniultra_core::{DecodeOptions, DecodedFrame, Frame, MAX_SIDE_PX};

/// Largest frame file to read: the largest frame in uncompressed 16-bit RGB, and its header.
const MAX_FRAME_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

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

    /// Reads and decodes the frame.
    pub(crate) fn read(&self, options: &DecodeOptions) -> anyhow::Result<DecodedFrame> {
        let bytes = self
            .bytes()
            .map_err(|e| AppError::Input(format!("cannot read the frame {}: {e}", self.name())))?;
        if bytes.len() as u64 > MAX_FRAME_FILE_BYTES {
            let name = self.name();
            let message =
                format!("frame {name}: expected at most {MAX_FRAME_FILE_BYTES} bytes, found more");
            return Err(AppError::Input(message).into());
        }
        Frame::decode_with(&bytes, options).with_context(|| self.name())
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = MAX_FRAME_FILE_BYTES + 1;
        match self {
            Self::Stdin => io::stdin().lock().take(limit).read_to_end(&mut bytes)?,
            Self::File(path) => File::open(path)?.take(limit).read_to_end(&mut bytes)?,
        };
        Ok(bytes)
    }
}
