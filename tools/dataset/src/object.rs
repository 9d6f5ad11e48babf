//! An object of a mask, prepared for making prompts.

use uniultra_core::{MAX_SIDE_PX, Mask, MaskError, PixelBox, squared_distance_px2};

/// An object with what its prompts are made from.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object alone, at the image's size.
    pub mask: Mask,
    /// Its tight box.
    pub tight_box: PixelBox,
    /// Column and row of the pixel farthest from the border.
    pub deepest: [usize; 2],
    /// Centre of mass (x, y), in pixels; it may fall outside the object.
    pub centroid: [f32; 2],
}

impl Object {
    /// Prepares a component; `None` if it is empty.
    ///
    /// # Errors
    /// [`MaskError`] never happens for a mask that exists; it is passed on, not hidden.
    pub fn from_mask(mask: Mask) -> Result<Option<Self>, MaskError> {
        let deepest = deepest_pixel(&mask)?;
        let (Some(tight_box), Some(centroid), Some(deepest)) =
            (mask.bounding_box(), mask.centroid(), deepest)
        else {
            return Ok(None);
        };
        Ok(Some(Self { mask, tight_box, deepest, centroid }))
    }
}

/// Column and row of the pixel farthest from a mask's border (exact Euclidean distance transform);
/// the first in row-major order of equals, `None` for an empty mask. Outside the image nothing is
/// of the mask, so the image's edge is a border too.
///
/// # Errors
/// [`MaskError`] never happens for a mask that exists; it is passed on, not hidden.
pub fn deepest_pixel(mask: &Mask) -> Result<Option<[usize; 2]>, MaskError> {
    let Some(depths) = Depths::measure(mask)? else { return Ok(None) };
    let all = depths.squared_px2.iter().enumerate();
    let deepest = all.reduce(|best, next| if next.1 > best.1 { next } else { best });
    // The deepest pixel is of the mask, so it is not on the margin.
    Ok(deepest.map(|(at, _)| depths.pixel(at)))
}

/// Columns and rows of the pixels that are left of a mask eroded by a disc of that radius, in
/// row-major order. The image's edge is a border, as for [`deepest_pixel`].
///
/// # Errors
/// [`MaskError`] never happens for a mask that exists; it is passed on, not hidden.
pub fn eroded_pixels(mask: &Mask, radius_px: u32) -> Result<Vec<[usize; 2]>, MaskError> {
    let Some(depths) = Depths::measure(mask)? else { return Ok(Vec::new()) };
    let left = depths.squared_px2.iter().enumerate();
    let left = left.filter(|&(_, &depth)| depth > radius_px.saturating_mul(radius_px));
    Ok(left.map(|(at, _)| depths.pixel(at)).collect())
}

/// Squared distance to the border of every pixel in a mask's tight box and a margin round it.
struct Depths {
    squared_px2: Vec<u32>,
    width: usize,
    /// The box's first column and row, and how much of a margin is before them.
    start: [usize; 2],
    margin: [usize; 2],
}

impl Depths {
    /// Column and row in the mask of a place that is not on the margin.
    fn pixel(&self, at: usize) -> [usize; 2] {
        let ([x0, y0], [left, top]) = (self.start, self.margin);
        [at % self.width + x0 - left, at / self.width + y0 - top]
    }

    /// `None` for an empty mask.
    fn measure(mask: &Mask) -> Result<Option<Self>, MaskError> {
        let Some(PixelBox { x0, y0, x1, y1 }) = mask.bounding_box() else { return Ok(None) };
        // The tight box with a margin of background, because nothing farther away can be nearest. A
        // mask of the largest side has no room for a margin; the transform then uses the other
        // borders.
        let margin = |low: usize, high: usize| usize::from(high - low + 3 <= MAX_SIDE_PX);
        let (left, top) = (margin(x0, x1), margin(y0, y1));
        let (width, height) = (x1 - x0 + 1 + 2 * left, y1 - y0 + 1 + 2 * top);
        let mut data = vec![0; width * height];
        for y in y0..=y1 {
            let row = (y - y0 + top) * width + left;
            let source = y * mask.width();
            data[row..=row + x1 - x0].copy_from_slice(&mask.data()[source + x0..=source + x1]);
        }
        let squared_px2 = squared_distance_px2(&Mask::from_binary(width, height, data)?);
        Ok(Some(Self { squared_px2, width, start: [x0, y0], margin: [left, top] }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn::mask_of;
    use proptest::prelude::*;

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
    fn erosion_takes_what_a_disc_on_the_outside_reaches() {
        let rows = ["........", ".######.", ".######.", ".######.", ".######.", ".######."];
        let mask = mask_of(&rows);
        // One pixel off each side; the image's lower edge is a side too.
        let left = eroded_pixels(&mask, 1).unwrap();
        let expected = (2..=4).flat_map(|y| (2..=5).map(move |x| [x, y]));
        assert!(left.iter().copied().eq(expected), "{left:?}");
        assert_eq!(eroded_pixels(&mask, 2).unwrap(), [[3, 3], [4, 3]]);
        assert_eq!(eroded_pixels(&mask, 3).unwrap(), [[0; 2]; 0]);
        assert_eq!(eroded_pixels(&mask, 0).unwrap().len(), 30);
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
