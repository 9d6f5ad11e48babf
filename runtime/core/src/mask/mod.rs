//! A binary mask of the source frame's size.

mod resize;

pub use resize::resize_logits;

use crate::MAX_SIDE_PX;

/// A rectangle of whole pixels; both corners belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelBox {
    /// Leftmost column.
    pub x0: usize,
    /// Topmost row.
    pub y0: usize,
    /// Rightmost column.
    pub x1: usize,
    /// Bottommost row.
    pub y1: usize,
}

/// Why a mask could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The number of values does not follow from the size.
    #[error("mask: expected {expected} values for {width}x{height}, found {found}")]
    Values {
        /// Width of the grid.
        width: usize,
        /// Height of the grid.
        height: usize,
        /// Number of values that the size requires.
        expected: usize,
        /// Number of values found.
        found: usize,
    },
    /// A side of the mask, or of the grid of logits, is out of range.
    #[error("mask: expected 1 to {MAX_SIDE_PX} a side, found {width}x{height}")]
    Size {
        /// Width found.
        width: usize,
        /// Height found.
        height: usize,
    },
}

/// One byte a pixel, row by row: 1 object, 0 background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Mask {
    /// A mask of `width` x `height` pixels; any value but 0 is object.
    ///
    /// # Errors
    /// [`MaskError::Size`] unless both sides are in 1..=[`MAX_SIDE_PX`]; [`MaskError::Values`]
    /// unless there are `width * height` values.
    pub fn from_binary(width: usize, height: usize, mut data: Vec<u8>) -> Result<Self, MaskError> {
        check(width, height, data.len())?;
        for value in &mut data {
            *value = u8::from(*value != 0);
        }
        Ok(Self { width, height, data })
    }

    /// Resizes logits `[side, side]` to `width` x `height` pixels (bilinear, half-pixel centres,
    /// edge clamp, as SAM 2 does) and sets the pixels above 0, row by row.
    ///
    /// # Errors
    /// [`MaskError::Values`] unless there are `side * side` logits, [`MaskError::Size`] unless
    /// all sides are in 1..=[`MAX_SIDE_PX`].
    pub fn upsample_threshold(
        logits: &[f32],
        side: usize,
        width: usize,
        height: usize,
    ) -> Result<Self, MaskError> {
        check(side, side, logits.len())?;
        check_sides(width, height)?;
        Ok(Self::from_logits(logits, side, [width, height]))
    }

    /// [`Mask::upsample_threshold`] for sizes that were checked before.
    pub(crate) fn from_logits(logits: &[f32], side: usize, [width, height]: [usize; 2]) -> Self {
        Self { width, height, data: resize::threshold(logits, side, width, height) }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// `[height, width]`, each 0 or 1.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Whether the pixel in column `x` and row `y` belongs to the object; false outside the mask.
    #[must_use]
    pub fn contains(&self, x: usize, y: usize) -> bool {
        x < self.width
            && y < self.height
            && self.data.get(y * self.width + x).is_some_and(|&v| v != 0)
    }

    /// Number of object pixels.
    #[must_use]
    pub fn area_px(&self) -> usize {
        // A row has at most 8192 ones, which fit a u16; the compiler vectorises narrow sums well.
        let row_sum = |row: &[u8]| usize::from(row.iter().map(|&v| u16::from(v)).sum::<u16>());
        self.rows().map(row_sum).sum()
    }

    /// The tight box; `None` for an empty mask.
    #[must_use]
    pub fn bounding_box(&self) -> Option<PixelBox> {
        let mut found: Option<PixelBox> = None;
        for (y, row) in self.rows().enumerate() {
            let Some(x0) = row.iter().position(|&v| v != 0) else { continue };
            let x1 = row.iter().rposition(|&v| v != 0).unwrap_or(x0);
            found = Some(match found {
                None => PixelBox { x0, y0: y, x1, y1: y },
                Some(b) => PixelBox { x0: b.x0.min(x0), y0: b.y0, x1: b.x1.max(x1), y1: y },
            });
        }
        found
    }

    /// Centre of mass (x, y), in pixels; `None` for an empty mask.
    #[must_use]
    pub fn centroid(&self) -> Option<[f32; 2]> {
        let [mut area, mut sum_x, mut sum_y] = [0_u64; 3];
        for (y, row) in self.rows().enumerate() {
            let (mut count, mut columns) = (0, 0);
            for (x, &value) in row.iter().enumerate() {
                count += u64::from(value);
                columns += x as u64 * u64::from(value);
            }
            area += count;
            sum_x += columns;
            sum_y += y as u64 * count;
        }
        (area > 0).then(|| [sum_x, sum_y].map(|sum| (sum as f64 / area as f64) as f32))
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks_exact(self.width)
    }
}

/// Checks a grid of `found` values against its size.
pub(crate) fn check(width: usize, height: usize, found: usize) -> Result<(), MaskError> {
    check_sides(width, height)?;
    let expected = width * height;
    if found == expected {
        Ok(())
    } else {
        Err(MaskError::Values { width, height, expected, found })
    }
}

pub(crate) fn check_sides(width: usize, height: usize) -> Result<(), MaskError> {
    let sides = 1..=MAX_SIDE_PX;
    if sides.contains(&width) && sides.contains(&height) {
        Ok(())
    } else {
        Err(MaskError::Size { width, height })
    }
}
