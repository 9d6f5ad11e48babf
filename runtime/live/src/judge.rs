//! What an answer says of an object, and what becomes of the object then.

use crate::LiveOptions;
use crate::gate::Evidence;
use crate::object::{LiveObject, ObjectState};
use crate::track::{Standing, Thumbnail, area, standing};
use uniultra_core::{MaskToken, Prediction};

/// Contrast, in standard deviations, below which an object does not stand out from its surroundings.
const MIN_CONTRAST: f32 = 0.5;
/// Weight of a frame in the mean of the model's estimates.
const USUAL_SHARE: f32 = 0.1;

/// Collects what speaks for the mask `token`, which agrees with what was expected by `agreement`, on a picture that
/// resembles the last one by `likeness`; and how the mask stands out.
pub(crate) fn weigh(
    object: &LiveObject,
    picture: &Thumbnail,
    answer: &Prediction,
    (token, agreement, likeness): (MaskToken, f32, f32),
) -> (Evidence, Option<Standing>) {
    let (logits, side) = (answer.logits_of(token), answer.side());
    let stands = standing(picture, logits, side);
    // Where the answer is wrong, the place where the object was expected still tells.
    let there = standing(picture, &object.expected, side);
    let [prompted, trusted] = object.stood;
    let prompted = prompted.map(|standing| standing.contrast);
    let prompted = prompted.filter(|contrast| contrast.abs() >= MIN_CONTRAST);
    let share = |now: Option<Standing>| {
        prompted.map(|before| now.map_or(0.0, |standing| standing.contrast) / before)
    };
    let brightness = there.zip(trusted).map(|(now, before)| now.brightness / before.brightness);
    let evidence = Evidence {
        predicted_iou: answer.predicted_iou()[token.index()],
        prompted_iou: object.prompted_iou,
        usual_iou: object.usual_iou,
        object_score: answer.object_score(),
        agreement,
        growth: area(logits) as f32 / object.prompted_area.max(1) as f32,
        likeness,
        contrast: share(stands),
        expected_contrast: share(there),
        brightness: brightness.unwrap_or(1.0),
    };
    (evidence, stands)
}

/// The object was recognised: its last sight is that of this frame.
pub(crate) fn trust(object: &mut LiveObject) {
    object.expected.clone_from(&object.last.logits);
    object.usual_iou += USUAL_SHARE * (object.predicted_iou - object.usual_iou);
    object.fresh = 0;
    object.moved = false;
    object.unseen = 0;
    object.held = 0;
    object.moved_px = [0.0; 2];
    object.state = ObjectState::Tracking;
}

/// The mask is the object's, but its surroundings are still looked for as they were before.
pub(crate) fn follow_mask(object: &mut LiveObject, logits: &[f32]) {
    object.last.take_mask(logits, object.place_px);
    object.expected.clone_from(&object.last.logits);
    object.moved = false;
    object.unseen = 0;
    object.held = 0;
    object.state = ObjectState::Tracking;
}

/// The mask was not trusted, but the object counts as still there.
pub(crate) fn hold(object: &mut LiveObject, options: &LiveOptions) {
    if object.held < options.held_frames && object.state != ObjectState::Lost {
        object.held += 1;
        object.moved = true;
        object.state = ObjectState::Uncertain;
    } else {
        doubt(object, options);
    }
}

/// The object was not recognised.
pub(crate) fn doubt(object: &mut LiveObject, options: &LiveOptions) {
    object.moved = true;
    object.unseen = object.unseen.saturating_add(1);
    let lost = object.unseen > options.uncertain_frames || object.state == ObjectState::Lost;
    object.state = if lost { ObjectState::Lost } else { ObjectState::Uncertain };
}
