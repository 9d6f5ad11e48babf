//! `cine.json`: the sequences of a data set, frame by frame.

use super::{Cine, CineConfig, FrameState};
use crate::anatomy::Anatomy;
use crate::geometry::Geometry;
use crate::target::TargetKind;
use serde::{Deserialize, Serialize};

/// Version of `cine.json`.
pub(super) const FORMAT: u32 = 1;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CineRecord {
    /// Version of the format: 1.
    pub format: u32,
    /// Name and version of the simulator.
    pub generator: String,
    /// Seed of the run.
    pub seed: u64,
    /// Choices for all sequences.
    pub config: CineConfig,
    /// The sequences.
    pub sequences: Vec<SequenceRecord>,
}

/// One sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceRecord {
    /// Beginning of its frames' stems: `<set>_<sequence>`.
    pub id: String,
    /// Index in the run.
    pub index: u32,
    /// Frames a second.
    pub frame_rate_hz: f32,
    /// Side of a (square) pixel, mm.
    pub pixel_spacing_mm: f32,
    /// Kind of the tracked target.
    pub kind: TargetKind,
    /// Body region.
    pub anatomy: Anatomy,
    /// Probe and scan conversion.
    pub geometry: Geometry,
    /// The first tap; absent if the target is never seen.
    pub prompt: Option<Prompt>,
    /// The frames in order.
    pub frames: Vec<FrameRecord>,
}

/// A tap inside the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Stem of the first frame on which the target is well seen.
    pub frame: String,
    /// Column, px: the pixel that is farthest from the target's outline.
    pub x: u32,
    /// Row, px.
    pub y: u32,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// Name of its image and its mask without the extension.
    pub stem: String,
    /// Whether the mask has any pixel.
    pub visible: bool,
    /// What is simulated.
    #[serde(flatten)]
    pub state: FrameState,
}

impl SequenceRecord {
    pub(super) fn new(
        cine: &Cine,
        id: String,
        prompt: Option<Prompt>,
        frames: Vec<FrameRecord>,
    ) -> Self {
        Self {
            id,
            index: cine.index,
            frame_rate_hz: cine.frame_rate_hz(),
            pixel_spacing_mm: cine.pixel_spacing_mm(),
            kind: cine.kind(),
            anatomy: cine.anatomy(),
            geometry: cine.geometry(),
            prompt,
            frames,
        }
    }
}
