//! Where a frame comes from, and how it is read.

use crate::failure::AppError;
use anyhow::Context;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use uniultra_answer::{FileError, read_frame_file};
use uniultra_core::{DecodeOptions, DecodedFrame, Frame};

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
            Self::Stdin => read_frame_file(io::stdin().lock()),
            Self::File(path) => File::open(path).map_err(FileError::from).and_then(read_frame_file),
        };
        let name = self.name();
        let message = |error| match error {
            FileError::Read(error) => format!("cannot read the frame {name}: {error}"),
            error => format!("frame {name}: {error}"),
        };
        read.map_err(|error| AppError::Input(message(error)).into())
    }
}
