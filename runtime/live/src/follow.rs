//! One object from one frame to the next: where it is looked for, what the decoder is asked, which of its masks
//! is taken, and what is shown.

use crate::object::{LiveObject, ObjectState};
use crate::sight::Sight;
use crate::track::{Match, Thumbnail, agreement, blend, inner_point, overlap, shift};
use uniultra_core::{
    Mask, MaskChoice, MaskPrompt, MaskToken, PixelSpacing, PointLabel, Prediction, PromptError,
    Prompts, contour,
};

/// Cells in which an object is looked for round the place where the picture took it.
const REACH_CELLS: i32 = 5;
/// The same for a lost object, at every second cell.
const LOST_REACH_CELLS: i32 = 24;

/// Cells in which an object is looked for, as it was prompted, round the place where it is expected.
const ANCHOR_REACH_CELLS: i32 = 3;
/// Correlation below which the picture has changed too much for the first mask to say anything.
const MIN_ANCHOR_LIKENESS: f32 = 0.6;
/// Weight of the first mask beside the last one.
const ANCHOR_SHARE: f32 = 0.5;

/// Why a mask is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// The user said where the object is.
    Prompted,
    /// The object was there on an earlier frame; its surroundings have this correlation now.
    Followed(f32),
}

/// Where an object is, by its appearance on the last frame on which it was recognised, and which sight of it tells.
/// A lost object is looked for as it was when it was prompted, too: before it left, it faded.
fn look<'a>(
    object: &'a LiveObject,
    picture: &Thumbnail,
    scratch: &mut Vec<f32>,
) -> (Option<Match>, &'a Sight) {
    let (first, last, moved) = (&object.first, &object.last, object.moved_px);
    if object.state != ObjectState::Lost {
        return (last.find(picture, moved, [REACH_CELLS, 1], scratch), last);
    }
    let way = first.way_to(last);
    let reach = [LOST_REACH_CELLS, 2];
    let as_prompted = [0, 1].map(|axis| way[axis] + moved[axis]);
    let as_prompted = first.find(picture, as_prompted, reach, scratch);
    let as_last_seen = last.find(picture, moved, reach, scratch);
    let likeness = |found: Option<Match>| found.map_or(-1.0, |found| found.likeness);
    if likeness(as_prompted) > likeness(as_last_seen) {
        (as_prompted, first)
    } else {
        (as_last_seen, last)
    }
}

/// Moves the last mask to where the object is on this frame, and returns the likeness of its surroundings there.
pub(crate) fn expect(
    object: &mut LiveObject,
    picture: &Thumbnail,
    side: usize,
    size_px: [usize; 2],
    min_likeness: f32,
    scratch: &mut Vec<f32>,
) -> f32 {
    let mut expected = std::mem::take(&mut object.expected);
    let (found, sight) = look(object, picture, scratch);
    let trusted_place = found.filter(|found| found.likeness >= min_likeness);
    let by = trusted_place.map_or(object.moved_px, |found| found.shift_px);
    let mask_by = sight.mask_moves(by);
    let cells = [0, 1].map(|axis| mask_by[axis] * side as f32 / size_px[axis] as f32);
    shift(&sight.logits, side, cells, &mut expected);
    if object.state != ObjectState::Lost && trusted_place.is_some() {
        anchor(object, (picture, size_px), side, by, &mut expected, scratch);
    }
    object.expected = expected;
    object.place_px = by;
    found.map_or(0.0, |found| found.likeness)
}

/// The last mask, moved to this frame, as a prompt: its logits and its innermost point. A box round it was tried
/// in place of either, and followed no better.
pub(crate) fn carried(
    object: &LiveObject,
    side: usize,
    [width, height]: [usize; 2],
) -> Result<Prompts, PromptError> {
    let prompts = Prompts::new().with_mask(MaskPrompt::new(object.expected.clone(), side)?)?;
    match inner_point(&object.expected, side) {
        Some([x, y]) => {
            let to_px = |cell: f32, px: usize| (cell + 0.5) * px as f32 / side as f32 - 0.5;
            let (x, y) = (to_px(x, width).max(0.0), to_px(y, height).max(0.0));
            prompts.with_point(x, y, PointLabel::Positive)
        }
        None => Ok(prompts),
    }
}

/// The mask that is most likely the object, and its agreement with what was expected. The model's own choice
/// knows only this frame; of an ambiguous object (a cyst, or the organ round it) the one that was meant is the
/// one that was there before.
pub(crate) fn choose(
    answer: &Prediction,
    reason: Reason,
    expected: &[f32],
    side: usize,
) -> (MaskToken, f32) {
    let with = |token: MaskToken| agreement(answer.logits_of(token), expected, side);
    let single = answer.choose(MaskChoice::Single);
    if matches!(reason, Reason::Prompted) {
        return (single, with(single));
    }
    let score = |token: MaskToken| {
        let logits = answer.logits_of(token);
        with(token) + overlap(logits, expected) + answer.predicted_iou()[token.index()]
    };
    let best = MaskToken::MULTIMASK
        .into_iter()
        .fold(single, |best, next| if score(next) > score(best) { next } else { best });
    (best, with(best))
}

/// Blends what is expected with the mask as it was prompted, where the picture still shows the object so. Each mask
/// comes from the one before it, so without this a small error grows from frame to frame.
fn anchor(
    object: &LiveObject,
    (picture, size): (&Thumbnail, [usize; 2]),
    side: usize,
    by_px: [f32; 2],
    expected: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let way = object.first.way_to(&object.last);
    let way = [0, 1].map(|axis| way[axis] + by_px[axis]);
    let found = object.first.find(picture, way, [ANCHOR_REACH_CELLS, 1], scratch);
    let Some(found) = found.filter(|found| found.likeness >= MIN_ANCHOR_LIKENESS) else { return };
    let cells = [0, 1].map(|axis| found.shift_px[axis] * side as f32 / size[axis] as f32);
    shift(&object.first.logits, side, cells, scratch);
    blend(expected, scratch, ANCHOR_SHARE);
}

/// Makes mask, contour and measures of the expected mask, unless the object is lost.
pub(crate) fn show(
    object: &mut LiveObject,
    side: usize,
    [width, height]: [usize; 2],
    spacing: Option<PixelSpacing>,
) {
    if object.state == ObjectState::Lost {
        object.hide();
        return;
    }
    let trusted = object.state == ObjectState::Tracking && !object.moved;
    // Sizes were checked when the frame and the model were opened.
    let mask = Mask::upsample_threshold(&object.expected, side, width, height);
    let outlines = contour(&object.expected, side, width, height);
    if let (Ok(mask), Ok(outlines)) = (mask, outlines) {
        object.measures = Some(object.sizes.measure(&mask, &outlines, spacing, trusted));
        object.mask = Some(mask);
        object.contour = outlines;
    }
}
