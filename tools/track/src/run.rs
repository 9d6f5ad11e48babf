//! One method through one sequence.

use crate::method::Follower;
use crate::sequence::taps;
use crate::{Method, Sequence, TrackError};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use uniultra_core::dice;
use uniultra_engine::Segmenter;
use uniultra_live::{CapturedFrame, LiveOptions, MAX_LIVE_OBJECTS};

/// A method's mask on a frame, against the true one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FrameScore {
    /// Whether the true mask has an object.
    pub visible: bool,
    /// Whether the method shows a mask.
    pub shown: bool,
    /// Dice of the two; 0 if only one of them is empty.
    pub dice: f32,
}

/// Follows the objects of a sequence's first frame from one tap in the middle of each. At most
/// [`MAX_LIVE_OBJECTS`] are followed. `progress` is called once a frame.
///
/// # Errors
/// [`TrackError`]: a file that cannot be read, a first frame without objects, or a model that fails.
pub fn follow(
    sequence: &Sequence,
    method: Method,
    segmenter: &Segmenter,
    options: &LiveOptions,
    progress: &dyn Fn(),
) -> Result<Vec<FrameScore>, TrackError> {
    let mut follower = Follower::new(method, segmenter, options);
    let (mut tapped, mut size) = (Vec::new(), None);
    let mut scores = Vec::with_capacity(sequence.frames.len());
    for (number, files) in sequence.frames.iter().enumerate() {
        let (frame, truth) = files.read()?;
        let found = [frame.width(), frame.height()];
        let expected = *size.get_or_insert(found);
        if found != expected {
            return Err(TrackError::SizeChanged { path: files.image.clone(), expected, found });
        }
        if number == 0 {
            tapped = taps(&truth);
            tapped.truncate(MAX_LIVE_OBJECTS);
            if tapped.is_empty() {
                return Err(TrackError::NoObject { path: files.mask.clone() });
            }
        }
        let captured = CapturedFrame {
            number: number as u64,
            captured: Duration::from_secs_f32(number as f32 / sequence.rate_hz.max(1e-3)),
            spacing: sequence.spacing,
            frame,
        };
        let mask = follower.next(&captured, &tapped)?;
        let visible = truth.area_px() > 0;
        // Masks of one size: the follower's is the frame's, and so is the truth's.
        let overlap = mask.as_ref().and_then(|mask| dice(mask, &truth).ok());
        scores.push(FrameScore {
            visible,
            shown: mask.is_some(),
            dice: if visible { overlap.unwrap_or(0.0) } else { 0.0 },
        });
        progress();
    }
    Ok(scores)
}
