//! How an object is prompted: deterministic, in pixels of the image.

use std::fmt;
use std::str::FromStr;
use uniultra_core::{
    MAX_SIDE_PX, Mask, MaskError, PixelBox, PointLabel, PromptError, Prompts, squared_distance_px2,
};

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
}

impl fmt::Display for PromptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point => f.write_str("point"),
            Self::Box => f.write_str("box"),
            Self::Centroid => f.write_str("centroid"),
            Self::Clicks(count) => write!(f, "clicks-{count}"),
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
            _ => clicks().ok_or_else(|| {
                format!("expected point, box, centroid or clicks-1 to clicks-{MAX_CLICKS}, found {text:?}")
            }),
        }
    }
}

/// An object with what its prompts are made from.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) mask: Mask,
    pub(crate) tight_box: PixelBox,
    /// Column and row of the pixel farthest from the border.
    pub(crate) deepest: [usize; 2],
    pub(crate) centroid: [f32; 2],
}

impl Object {
    /// Prepares a component; `None` if it is empty.
    pub(crate) fn of(mask: Mask) -> Result<Option<Self>, MaskError> {
        let deepest = deepest_pixel(&mask)?;
        let (Some(tight_box), Some(centroid), Some(deepest)) =
            (mask.bounding_box(), mask.centroid(), deepest)
        else {
            return Ok(None);
        };
        Ok(Some(Self { mask, tight_box, deepest, centroid }))
    }

    /// The first, or only, prompt of a kind.
    pub(crate) fn prompts(&self, kind: PromptKind) -> Result<Prompts, PromptError> {
        match kind {
            PromptKind::Point | PromptKind::Clicks(_) => {
                let [x, y] = self.deepest.map(|v| v as f32);
                Prompts::new().with_point(x, y, PointLabel::Positive)
            }
            PromptKind::Centroid => {
                let [x, y] = self.centroid;
                Prompts::new().with_point(x, y, PointLabel::Positive)
            }
            PromptKind::Box => {
                let PixelBox { x0, y0, x1, y1 } = self.tight_box;
                let [x0, x1] = side(x0, x1);
                let [y0, y1] = side(y0, y1);
                Prompts::new().with_box(x0, y0, x1, y1)
            }
        }
    }
}

/// One side of a box. An object one pixel wide gets half a pixel more on either side, since a box
/// needs an extent; the frame's border stays the limit.
fn side(low: usize, high: usize) -> [f32; 2] {
    let [from, to] = [low as f32, high as f32];
    if low < high { [from, to] } else { [(from - 0.5).max(0.0), to + 0.5] }
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

/// Column and row of the pixel farthest from a mask's border (exact Euclidean distance transform);
/// the first in row-major order of equals, `None` for an empty mask. Outside the image nothing is
/// of the mask, so the image's edge is a border too.
pub(crate) fn deepest_pixel(mask: &Mask) -> Result<Option<[usize; 2]>, MaskError> {
    let Some(PixelBox { x0, y0, x1, y1 }) = mask.bounding_box() else { return Ok(None) };
    // The tight box with a margin of background: nothing farther away can be nearest. At the
    // largest side a margin has no room, and the transform counts the other borders only.
    let margin = |low: usize, high: usize| usize::from(high - low + 3 <= MAX_SIDE_PX);
    let (left, top) = (margin(x0, x1), margin(y0, y1));
    let (width, height) = (x1 - x0 + 1 + 2 * left, y1 - y0 + 1 + 2 * top);
    let mut data = vec![0; width * height];
    for y in y0..=y1 {
        let row = (y - y0 + top) * width + left;
        let source = y * mask.width();
        data[row..=row + x1 - x0].copy_from_slice(&mask.data()[source + x0..=source + x1]);
    }
    let depths = squared_distance_px2(&Mask::from_binary(width, height, data)?);
    let deepest =
        depths.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    // The deepest pixel is of the mask, so it is not on the margin.
    Ok(deepest.map(|(at, _)| [at % width + x0 - left, at / width + y0 - top]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;
    use proptest::prelude::*;

    #[test]
    fn kinds_parse_as_they_print() {
        for kind in
            [PromptKind::Point, PromptKind::Box, PromptKind::Centroid, PromptKind::Clicks(5)]
        {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for bad in ["", "clicks", "clicks-0", "clicks-21", "clicks--1", "Box"] {
            assert!(bad.parse::<PromptKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_of_equally_deep_pixels_is_clicked() {
        // Two rows of two equally deep pixels; the upper left comes first.
        let mask = mask_of(&["......", ".####.", ".####.", ".####.", ".####.", "......"]);
        assert_eq!(deepest_pixel(&mask).unwrap(), Some([2, 2]));
        assert_eq!(deepest_pixel(&mask_of(&["...#", "#..."])).unwrap(), Some([3, 0]));
        assert_eq!(deepest_pixel(&mask_of(&["...."])).unwrap(), None);
    }

    #[test]
    fn the_image_edge_is_a_border() {
        assert_eq!(deepest_pixel(&mask_of(&["#####", "#####", "#####"])).unwrap(), Some([1, 1]));
        assert_eq!(deepest_pixel(&mask_of(&["###", "###", "###"])).unwrap(), Some([1, 1]));
    }

    #[test]
    fn boxes_are_tight_and_inclusive() {
        let object = Object::of(mask_of(&[".....", ".##..", "..#..", "....."])).unwrap().unwrap();
        let prompts = object.prompts(PromptKind::Box).unwrap();
        assert_eq!(prompts.bounding_box(), Some([1.0, 1.0, 2.0, 2.0]));
    }

    #[test]
    fn a_line_gets_a_box_with_an_extent() {
        let object = Object::of(mask_of(&["#...", "#...", "#..."])).unwrap().unwrap();
        let prompts = object.prompts(PromptKind::Box).unwrap();
        assert_eq!(prompts.bounding_box(), Some([0.0, 0.0, 0.5, 2.0]));
        assert!(prompts.validate(4, 3, 0).is_ok());
    }

    #[test]
    fn a_centroid_may_fall_outside() {
        let object = Object::of(mask_of(&["###", "#..", "###"])).unwrap().unwrap();
        let prompts = object.prompts(PromptKind::Centroid).unwrap();
        let [point] = prompts.points() else { panic!("one point") };
        // Columns 0 three times, 1 and 2 twice: 6 / 7.
        assert_eq!((point.x, point.y), (6.0 / 7.0, 1.0));
    }

    proptest! {
        #[test]
        fn no_pixel_is_deeper(
            (width, data) in (1_usize..12, 1_usize..12).prop_flat_map(|(w, h)| {
                (Just(w), prop::collection::vec(prop::bool::weighted(0.8), w * h))
            }),
        ) {
            let height = data.len() / width;
            let bytes: Vec<u8> = data.iter().map(|&v| u8::from(v)).collect();
            let mask = Mask::from_binary(width, height, bytes).unwrap();
            // Squared distance to the nearest place, image or not, that is not of the mask.
            let depth = |x: usize, y: usize| {
                let outside = |u: i64, v: i64| {
                    u < 0 || v < 0 || !mask.contains(u as usize, v as usize)
                };
                let places = (-1..=height as i64)
                    .flat_map(|v| (-1..=width as i64).map(move |u| (u, v)));
                places
                    .filter(|&(u, v)| outside(u, v))
                    .map(|(u, v)| (u - x as i64).pow(2) + (v - y as i64).pow(2))
                    .min()
                    .unwrap_or(0)
            };
            let all = (0..data.len()).map(|i| [i % width, i / width]);
            let on = all.filter(|&[x, y]| mask.contains(x, y));
            let brute = on.reduce(|best, next| {
                if depth(next[0], next[1]) > depth(best[0], best[1]) { next } else { best }
            });
            prop_assert_eq!(deepest_pixel(&mask).unwrap(), brute);
        }
    }
}
