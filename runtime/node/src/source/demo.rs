//! The sequence inside the program: a simulated cyst that moves with breathing.

use super::Feed;
use super::pace::Pace;
use crate::NodeError;
use uniultra_core::{Frame, PixelSpacing};

/// JPEG files, one after the other; `demo/README.md` says how they were made.
const FRAMES: &[u8] = include_bytes!("../../demo/cine.jpegs");

/// Side of a pixel.
const PIXEL_MM: f32 = 0.511;

const RATE_HZ: f32 = 20.0;

/// Start of a JPEG file.
const START: [u8; 3] = [0xff, 0xd8, 0xff];

#[derive(Debug)]
pub(super) struct Demo {
    files: Vec<&'static [u8]>,
    spacing: PixelSpacing,
}

impl Demo {
    pub(super) fn open() -> Result<Self, NodeError> {
        Ok(Self { files: split(FRAMES), spacing: PixelSpacing::new(PIXEL_MM)? })
    }

    /// Plays forwards and backwards for ever, so that no frame differs much from the one before.
    pub(super) fn play(&self, feed: &mut Feed) {
        let mut pace = Pace::new(RATE_HZ);
        let there = self.files.iter();
        let back = self.files.iter().rev().skip(1).take(self.files.len().saturating_sub(2));
        for file in there.chain(back).cycle() {
            pace.wait();
            match Frame::decode(file) {
                Ok(frame) => feed.put(frame, Some(self.spacing)),
                Err(error) => feed.error(&error.to_string()),
            }
        }
    }
}

/// The files of a sequence. Inside a JPEG file of ours, which has no thumbnail, the start does not occur.
fn split(bytes: &'static [u8]) -> Vec<&'static [u8]> {
    let starts: Vec<usize> = bytes
        .windows(START.len())
        .enumerate()
        .filter(|(_, w)| *w == START)
        .map(|(i, _)| i)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| bytes.get(*start..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_of_the_demo_is_read() {
        let demo = Demo::open().unwrap();
        assert!(demo.files.len() > 20);
        let sizes = demo.files.iter().map(|file| {
            let frame = Frame::decode(file).unwrap();
            (frame.width(), frame.height())
        });
        assert!(sizes.collect::<Vec<_>>().windows(2).all(|pair| pair[0] == pair[1]));
    }
}
