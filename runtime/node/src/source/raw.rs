//! Frames without any header.

use super::Feed;
use super::spec::RawFormat;
use crate::NodeError;
use std::io::Read;
use uniultra_core::{Frame, FrameError, MAX_SIDE_PX, Pixels};

/// Format and size of every frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    format: RawFormat,
    width: usize,
    height: usize,
}

impl Layout {
    pub(super) fn new(format: RawFormat, width: usize, height: usize) -> Result<Self, NodeError> {
        let layout = Self { format, width, height };
        // Sides are checked before anything of that size is made.
        if width.max(height) > MAX_SIDE_PX {
            return Err(FrameError::Size { width, height }.into());
        }
        layout.frame(vec![0; layout.bytes()])?;
        Ok(layout)
    }

    fn bytes(&self) -> usize {
        self.width * self.height * self.format.bytes()
    }

    fn frame(&self, samples: Vec<u8>) -> Result<Frame, FrameError> {
        let pixels = match self.format {
            RawFormat::Gray8 => Pixels::Gray8(samples),
            RawFormat::Rgb8 => Pixels::Rgb8(samples),
        };
        Frame::new(self.width, self.height, pixels)
    }

    /// Reads frames until the stream ends.
    pub(super) fn read(&self, bytes: &mut dyn Read, feed: &mut Feed) -> Result<(), String> {
        loop {
            let mut samples = Vec::with_capacity(self.bytes());
            let got = bytes.take(self.bytes() as u64).read_to_end(&mut samples);
            match got.map_err(|e| e.to_string())? {
                0 => return Ok(()),
                found if found < self.bytes() => {
                    let expected = self.bytes();
                    return Err(format!(
                        "expected {expected} bytes a frame, found {found} at the stream's end"
                    ));
                }
                _ => feed.put(self.frame(samples).map_err(|e| e.to_string())?, None),
            }
        }
    }
}
