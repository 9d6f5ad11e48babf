//! A frame as a scanner hands it over.

use std::time::Duration;
use uniultra_core::{Frame, PixelSpacing};

/// A frame with its number and the time of its capture.
#[derive(Clone, Debug)]
pub struct CapturedFrame {
    /// Number of the frame in its stream, rising by at least one. Prompts refer to it.
    pub number: u64,
    /// Time of the capture since the stream began.
    pub captured: Duration,
    /// Size of a pixel, if the source knows it.
    pub spacing: Option<PixelSpacing>,
    /// The picture.
    pub frame: Frame,
}
