//! Many clicks inside an object, all given at once: none of them may make the answer worse.

use crate::clicks::Trace;
use crate::{Encoded, ImageError};
use uniultra_core::{MaskError, PixelBox, PointLabel, PromptError, Prompts};
use uniultra_dataset::{Object, Stream, eroded_pixels};

/// Numbers of clicks whose answers are compared with that of the first alone. Each prompt holds the
/// clicks of the one before it.
pub const INSIDE_COUNTS: [usize; 6] = [1, 3, 6, 10, 18, 32];

/// Clicks of the last prompt.
const MOST: usize = 32;

/// Clicks keep that far from the border, in pixels, where enough of the object is left.
const MARGIN_PX: u32 = 5;

/// Fewest pixels that are enough.
const ENOUGH_PX: usize = 200;

/// Seed of the draws. They follow from the object alone, whatever the model and the shard.
const SEED: u64 = 16;

/// The clicks on an object as (column, row): the interior's pixel nearest to the centre of mass, the
/// first of equals, then others drawn without repetition; where an object has fewer pixels than
/// clicks, they come again in the same order.
pub(crate) fn clicks(object: &Object) -> Result<Vec<[usize; 2]>, MaskError> {
    let mut interior = eroded_pixels(&object.mask, MARGIN_PX)?;
    if interior.len() < ENOUGH_PX {
        interior = eroded_pixels(&object.mask, 0)?;
    }
    let away = |&[x, y]: &[usize; 2]| {
        let [dx, dy] = [x as f32 - object.centroid[0], y as f32 - object.centroid[1]];
        dx * dx + dy * dy
    };
    let nearest = interior.iter().enumerate().min_by(|a, b| away(a.1).total_cmp(&away(b.1)));
    let Some((nearest, _)) = nearest else { return Ok(Vec::new()) };
    interior.swap(0, nearest);
    let PixelBox { x0, y0, x1, y1 } = object.tight_box;
    let key = [x0, y0, x1, y1, object.mask.area_px()].map(|v| v as u64);
    let mut stream = Stream::new(&[&[SEED], key.as_slice()].concat());
    let drawn = interior.len().min(MOST);
    for place in 1..drawn {
        let from = place + stream.below(interior.len() - place);
        interior.swap(place, from);
    }
    Ok(interior.iter().take(drawn).copied().cycle().take(MOST).collect())
}

/// The first `count` clicks as a prompt, all positive.
pub(crate) fn prompts(clicks: &[[usize; 2]], count: usize) -> Result<Prompts, PromptError> {
    clicks.iter().take(count).try_fold(Prompts::new(), |prompts, &[x, y]| {
        prompts.with_point(x as f32, y as f32, PointLabel::Positive)
    })
}

/// Asks for an object once for each of [`INSIDE_COUNTS`].
pub(crate) fn click_inside(encoded: &dyn Encoded, object: &Object) -> Result<Trace, ImageError> {
    let clicks = clicks(object)?;
    let mut trace =
        Trace { masks: Vec::new(), predicted_iou: None, object_score: None, noc: [0; 2] };
    for count in INSIDE_COUNTS {
        let answer = encoded.predict(&prompts(&clicks, count)?)?;
        trace.predicted_iou = answer.predicted_iou;
        trace.object_score = answer.object_score;
        trace.masks.push(answer.mask);
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uniultra_core::{MAX_POINTS, Mask};

    /// A rectangle of `width` x `height` pixels at (10, 20) in an image of 100 x 80.
    fn object(width: usize, height: usize) -> Object {
        let inside = |i: usize| {
            (10..10 + width).contains(&(i % 100)) && (20..20 + height).contains(&(i / 100))
        };
        let data = (0..8000).map(|i| u8::from(inside(i))).collect();
        Object::from_mask(Mask::from_binary(100, 80, data).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn clicks_keep_from_the_border_where_there_is_room() {
        // 41 x 31 eroded by 5 px are 31 x 21.
        let object = object(41, 31);
        let found = clicks(&object).unwrap();
        assert_eq!(found[0], [30, 35], "the centre");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), MOST);
        assert!(found.iter().all(|&[x, y]| (15..=45).contains(&x) && (25..=45).contains(&y)));
        // Spread over the interior, not clustered at its start.
        assert!(found.iter().any(|&[x, _]| x > 35) && found.iter().any(|&[_, y]| y < 30));
        assert_eq!(found, clicks(&object).unwrap(), "seeded");
    }

    #[test]
    fn small_objects_are_clicked_anywhere_and_again() {
        // 22 x 18 eroded would be 12 x 8 = 96 pixels.
        let found = clicks(&object(22, 18)).unwrap();
        assert!(found.iter().all(|&[x, y]| (10..32).contains(&x) && (20..38).contains(&y)));
        assert!(found.iter().any(|&[x, y]| !(15..27).contains(&x) || !(25..33).contains(&y)));
        let few = clicks(&object(3, 3)).unwrap();
        assert_eq!((few.len(), few[0], few[9]), (MOST, [11, 21], [11, 21]));
        assert_eq!(few.iter().collect::<BTreeSet<_>>().len(), 9);
    }

    #[test]
    fn each_prompt_holds_the_one_before() {
        let all = clicks(&object(41, 31)).unwrap();
        let points: Vec<_> =
            INSIDE_COUNTS.map(|n| prompts(&all, n).unwrap().points().to_vec()).into();
        for (points, count) in points.iter().zip(INSIDE_COUNTS) {
            assert_eq!(points.len(), count);
            assert!(points.iter().all(|point| point.label == PointLabel::Positive));
        }
        assert!(points.windows(2).all(|pair| pair[1].starts_with(&pair[0])));
        assert_eq!((INSIDE_COUNTS[5], MOST), (MOST, MAX_POINTS));
    }
}
