//! From stored samples to the pixels of a frame.

mod colour;
mod format;
mod palette;
mod place;

pub(crate) use colour::{inverted, to_pixels};
pub(crate) use format::{Photometric, PixelFormat};
pub(crate) use palette::Palette;
pub(crate) use place::Frames;

/// Samples of a frame as they are stored, row by row; the samples of a pixel lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}
