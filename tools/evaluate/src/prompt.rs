//! How an object is prompted: deterministic, in pixels of the image.

use crate::ImageError;
use crate::clicks_inside;
use std::fmt;
use std::str::FromStr;
use uniultra_core::{PixelBox, PointLabel, PromptError, Prompts};
use uniultra_dataset::{Object, Sample};

/// Most clicks that one object may get.
pub const MAX_CLICKS: usize = 20;

/// A way of prompting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PromptKind {
    /// One click on the pixel farthest from the object's border.
    Point,
    /// The tight box, inclusive pixel coordinates.
    Box,
    /// One click on the centre of mass, which may lie outside the object.
    Centroid,
    /// Corrective clicks, that many, each with the logits before it as mask prompt.
    Clicks(usize),
    /// Positive clicks inside the object, 1, 3, 6, 10, 18 and 32 of them, each time all at once.
    ClicksInside,
}

impl fmt::Display for PromptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point => f.write_str("point"),
            Self::Box => f.write_str("box"),
            Self::Centroid => f.write_str("centroid"),
            Self::Clicks(count) => write!(f, "clicks-{count}"),
            Self::ClicksInside => f.write_str("clicks-inside"),
        }
    }
}

impl FromStr for PromptKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let clicks = || {
            let count = text.strip_prefix("clicks-")?.parse().ok()?;
            (1..=MAX_CLICKS).contains(&count).then_some(Self::Clicks(count))
        };
        match text {
            "point" => Ok(Self::Point),
            "box" => Ok(Self::Box),
            "centroid" => Ok(Self::Centroid),
            "clicks-inside" => Ok(Self::ClicksInside),
            _ => clicks().ok_or_else(|| {
                format!(
                    "expected point, box, centroid, clicks-1 to clicks-{MAX_CLICKS} or clicks-inside, \
                     found {text:?}"
                )
            }),
        }
    }
}

/// The first, or only, prompt of a kind for an object; of clicks inside, all of them.
///
/// # Errors
/// [`ImageError`] never, for an object inside a frame.
pub fn prompts_for(object: &Object, kind: PromptKind) -> Result<Prompts, ImageError> {
    let prompts = match kind {
        PromptKind::Point | PromptKind::Clicks(_) => {
            let [x, y] = object.deepest.map(|v| v as f32);
            Prompts::new().with_point(x, y, PointLabel::Positive)
        }
        PromptKind::Centroid => {
            let [x, y] = object.centroid;
            Prompts::new().with_point(x, y, PointLabel::Positive)
        }
        PromptKind::Box => {
            let PixelBox { x0, y0, x1, y1 } = object.tight_box;
            let [x0, x1] = side(x0, x1);
            let [y0, y1] = side(y0, y1);
            Prompts::new().with_box(x0, y0, x1, y1)
        }
        PromptKind::ClicksInside => {
            let clicks = clicks_inside::clicks(object)?;
            clicks_inside::prompts(&clicks, clicks.len())
        }
    };
    Ok(prompts?)
}

/// One side of a box. An object one pixel wide gets half a pixel more on either side, since a box
/// needs an extent; the frame's border stays the limit.
fn side(low: usize, high: usize) -> [f32; 2] {
    let [from, to] = [low as f32, high as f32];
    if low < high { [from, to] } else { [(from - 0.5).max(0.0), to + 0.5] }
}

/// The first prompt of each object of an image, or the one of an image without an object.
///
/// # Errors
/// [`ImageError`] never, for an image that was loaded.
pub fn first_prompts(sample: &Sample, kind: PromptKind) -> Result<Vec<Prompts>, ImageError> {
    if sample.objects.is_empty() {
        let [width, height] = [sample.truth.width(), sample.truth.height()];
        return Ok(vec![prompts_without_object(kind, width, height)?]);
    }
    sample.objects.iter().map(|object| prompts_for(object, kind)).collect()
}

/// What an image without an object is asked: its central pixel, or the central box of half its
/// width and height.
pub(crate) fn prompts_without_object(
    kind: PromptKind,
    width: usize,
    height: usize,
) -> Result<Prompts, PromptError> {
    if kind == PromptKind::Box {
        let quarter = [width / 4, height / 4].map(|v| v as f32);
        let far = [width - width / 4, height - height / 4].map(|v| v as f32 - 1.0);
        return Prompts::new().with_box(quarter[0], quarter[1], far[0], far[1]);
    }
    let [x, y] = [width / 2, height / 2].map(|v| v as f32);
    Prompts::new().with_point(x, y, PointLabel::Positive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;

    #[test]
    fn kinds_parse_as_they_print() {
        for kind in
            [PromptKind::Point, PromptKind::Box, PromptKind::Centroid, PromptKind::Clicks(5)]
                .into_iter()
                .chain([PromptKind::ClicksInside])
        {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for bad in ["", "clicks", "clicks-0", "clicks-21", "clicks--1", "Box"] {
            assert!(bad.parse::<PromptKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn boxes_are_tight_and_inclusive() {
        let object =
            Object::from_mask(mask_of(&[".....", ".##..", "..#..", "....."])).unwrap().unwrap();
        let prompts = prompts_for(&object, PromptKind::Box).unwrap();
        assert_eq!(prompts.bounding_box(), Some([1.0, 1.0, 2.0, 2.0]));
    }

    #[test]
    fn a_line_gets_a_box_with_an_extent() {
        let object = Object::from_mask(mask_of(&["#...", "#...", "#..."])).unwrap().unwrap();
        let prompts = prompts_for(&object, PromptKind::Box).unwrap();
        assert_eq!(prompts.bounding_box(), Some([0.0, 0.0, 0.5, 2.0]));
        assert!(prompts.validate(4, 3, 0).is_ok());
    }

    #[test]
    fn a_centroid_may_fall_outside() {
        let object = Object::from_mask(mask_of(&["###", "#..", "###"])).unwrap().unwrap();
        let prompts = prompts_for(&object, PromptKind::Centroid).unwrap();
        let [point] = prompts.points() else { panic!("one point") };
        // Columns 0 three times, 1 and 2 twice: 6 / 7.
        assert_eq!((point.x, point.y), (6.0 / 7.0, 1.0));
    }
}
