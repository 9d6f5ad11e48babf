//! Interactive segmentation: each click corrects the largest error so far.

use crate::{Answer, Encoded, ImageError, IouPair};
use uniultra_core::{Mask, MaskPrompt, MetricError, PointLabel, PromptError, Prompts, iou};
use uniultra_dataset::{Components, Object, deepest_pixel};

/// Most clicks that NoC counts: an object that never gets there counts as this many.
pub const NOC_CAP: usize = 10;

/// IoU of NoC@85 and NoC@90.
const NOC_IOU: [f32; 2] = [0.85, 0.90];

/// What the prompts of one object gave.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The mask after each of the prompts asked for.
    pub(crate) masks: Vec<Mask>,
    /// Predicted IoU of the last of them.
    pub(crate) predicted_iou: Option<f32>,
    /// The object score after the last of them.
    pub(crate) object_score: Option<f32>,
    /// Clicks needed for 85 % and 90 % IoU, at most [`NOC_CAP`]; 0 where no click corrects another.
    pub(crate) noc: [usize; 2],
}

impl Trace {
    /// Predicted IoU of the last mask, and the one it reached with the object.
    pub(crate) fn iou_pair(&self, object: &Object) -> Result<Option<IouPair>, MetricError> {
        let (Some(predicted), Some(mask)) = (self.predicted_iou, self.masks.last()) else {
            return Ok(None);
        };
        Ok(Some(IouPair { predicted, reached: iou(mask, &object.mask)? }))
    }

    /// Of a single answer.
    pub(crate) fn new(answer: Answer) -> Self {
        let Answer { mask, predicted_iou, object_score, .. } = answer;
        Self { masks: vec![mask], predicted_iou, object_score, noc: [0; 2] }
    }
}

/// Clicks on an object until `count` masks are there and both NoC figures are known.
pub(crate) fn click(
    encoded: &dyn Encoded,
    object: &Object,
    count: usize,
) -> Result<Trace, ImageError> {
    let mut masks: Vec<Mask> = Vec::with_capacity(count);
    let (mut predicted_iou, mut object_score) = (None, None);
    let mut needed: [Option<usize>; 2] = [None; 2];
    let mut clicks = vec![(object.deepest, PointLabel::Positive)];
    let mut previous: Option<MaskPrompt> = None;
    loop {
        let done = clicks.len();
        let answer = encoded.predict(&click_prompts(&clicks, previous.take())?)?;
        let reached = iou(&answer.mask, &object.mask)?;
        for (needed, wanted) in needed.iter_mut().zip(NOC_IOU) {
            if needed.is_none() && done <= NOC_CAP && reached >= wanted {
                *needed = Some(done);
            }
        }
        let next = next_click(&answer.mask, &object.mask)?;
        if done <= count {
            predicted_iou = answer.predicted_iou;
            object_score = answer.object_score;
            masks.push(answer.mask.clone());
        }
        let known = done >= NOC_CAP || needed.iter().all(Option::is_some);
        match next {
            Some(next) if done < count || !known => clicks.push(next),
            _ => {
                // Without an error there is nothing to click: the mask stays as it is.
                masks.resize(count, answer.mask);
                break;
            }
        }
        previous = answer.mask_prompt;
    }
    let noc = needed.map(|needed| needed.unwrap_or(NOC_CAP));
    Ok(Trace { masks, predicted_iou, object_score, noc })
}

/// Clicks so far, with the logits of the answer before.
///
/// # Errors
/// [`PromptError`] if there are more clicks than a prompt may have.
pub fn click_prompts(
    clicks: &[([usize; 2], PointLabel)],
    previous: Option<MaskPrompt>,
) -> Result<Prompts, PromptError> {
    let mut prompts = Prompts::new();
    for &([x, y], label) in clicks {
        prompts = prompts.with_point(x as f32, y as f32, label)?;
    }
    Ok(match previous {
        Some(mask) => prompts.with_mask(mask)?,
        None => prompts,
    })
}

/// The click that corrects most: the centre of the largest component that is missed (positive) or
/// spilled (negative); missed ones first where areas are equal. `None` if the masks are equal.
///
/// # Errors
/// [`ImageError::Mask`](crate::ImageError) if the masks differ in size.
pub fn next_click(
    prediction: &Mask,
    object: &Mask,
) -> Result<Option<([usize; 2], PointLabel)>, ImageError> {
    let largest = |from: &Mask, but: &Mask| -> Result<Option<(usize, Mask)>, ImageError> {
        let data = from.data().iter().zip(but.data()).map(|(&a, &b)| u8::from(a > b)).collect();
        let components =
            Components::from_mask(&Mask::from_binary(from.width(), from.height(), data)?);
        let largest = components.largest();
        Ok(largest.map(|(i, area)| components.mask(i).map(|mask| (area, mask))).transpose()?)
    };
    let missed = largest(object, prediction)?.map(|found| (found, PointLabel::Positive));
    let spilled = largest(prediction, object)?.map(|found| (found, PointLabel::Negative));
    let worst = match (missed, spilled) {
        (Some(missed), Some(spilled)) if spilled.0.0 > missed.0.0 => Some(spilled),
        (missed, spilled) => missed.or(spilled),
    };
    let Some(((_, mask), label)) = worst else { return Ok(None) };
    Ok(deepest_pixel(&mask)?.map(|pixel| (pixel, label)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Scripted, mask_of};

    fn object() -> Object {
        let rows = [".......", ".#####.", ".#####.", ".#####.", "......."];
        Object::from_mask(mask_of(&rows)).unwrap().unwrap()
    }

    #[test]
    fn clicks_go_where_the_error_is_largest() {
        let answers = Scripted::new([
            // The right columns are missed: six pixels, centre (4, 2).
            mask_of(&[".......", ".###...", ".###...", ".###...", "......."]),
            // Now the bottom row is spilled.
            mask_of(&[".......", ".#####.", ".#####.", ".#####.", "#######"]),
            mask_of(&[".......", ".#####.", ".#####.", ".#####.", "......."]),
        ]);
        let trace = click(&answers, &object(), 4).unwrap();
        let seen = answers.seen();
        assert_eq!(seen.len(), 3, "no click where there is no error");
        let clicks: Vec<_> = seen[2].points().iter().map(|p| (p.x, p.y, p.label)).collect();
        let (positive, negative) = (PointLabel::Positive, PointLabel::Negative);
        assert_eq!(clicks, [(2.0, 2.0, positive), (4.0, 1.0, positive), (0.0, 4.0, negative)]);
        assert!(seen[0].mask().is_none());
        // The mask prompt of each click is the answer before it.
        assert_eq!(seen[1].mask().map(|mask| mask.logits()[0]), Some(1.0));
        assert_eq!(seen[2].mask().map(|mask| mask.logits()[0]), Some(2.0));
        assert_eq!(trace.masks.len(), 4);
        assert_eq!(trace.masks[3], object().mask);
        // IoU 9/15, 15/22, 1.
        assert_eq!(trace.noc, [3, 3]);
    }

    #[test]
    fn equal_errors_are_missed_first() {
        let prediction = mask_of(&["#..", "..."]);
        let object = mask_of(&["..#", "..."]);
        let worst = next_click(&prediction, &object).unwrap();
        assert_eq!(worst, Some(([2, 0], PointLabel::Positive)));
        assert_eq!(next_click(&object, &object).unwrap(), None);
    }

    #[test]
    fn noc_is_capped_and_needs_more_clicks_than_are_reported() {
        let empty = mask_of(&[".......", ".......", ".......", ".......", "......."]);
        let answers = Scripted::new(std::iter::repeat_n(empty, 30));
        let trace = click(&answers, &object(), 3).unwrap();
        assert_eq!((trace.masks.len(), trace.noc), (3, [NOC_CAP, NOC_CAP]));
        assert_eq!(answers.seen().len(), NOC_CAP);
        // Twelve clicks asked for: NoC still ends at ten.
        let answers = Scripted::new(
            (0..12).map(|i| if i == 11 { object().mask } else { mask_of(&["......."; 5]) }),
        );
        let trace = click(&answers, &object(), 12).unwrap();
        assert_eq!((trace.masks.len(), trace.noc), (12, [NOC_CAP, NOC_CAP]));
        assert_eq!(trace.masks[11], object().mask);
    }

    #[test]
    fn both_thresholds_are_told_apart() {
        // 13 of 15 pixels are 87 %, 14 are 93 %.
        let answers = Scripted::new([
            mask_of(&[".......", "...###.", ".#####.", ".#####.", "......."]),
            mask_of(&[".......", "..####.", ".#####.", ".#####.", "......."]),
        ]);
        assert_eq!(click(&answers, &object(), 1).unwrap().noc, [1, 2]);
    }
}
