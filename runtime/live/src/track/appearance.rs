//! How an object and its surroundings looked, and where in another picture that is found.
//!
//! The measure is normalised cross-correlation: gain and brightness, which a sonographer turns all the time,
//! do not change it.

use super::Thumbnail;

/// Surroundings on each side, as a share of the object's size: the border of an object tells more than its
/// inside.
const MARGIN: f32 = 0.3;
/// Least surroundings, in cells.
const MIN_MARGIN_CELLS: f32 = 3.0;
/// Most cells of a side that are compared. A larger region is compared at every second, third.. cell.
const MAX_CELLS: usize = 40;
/// Contrast below which a region looks like any other: 1.5 of 255 gray levels.
const MIN_DEVIATION: f32 = 0.006;

/// A region of a thumbnail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Appearance {
    /// Left and top cell of the region.
    left: usize,
    top: usize,
    columns: usize,
    rows: usize,
    /// Distance of the compared cells.
    step: usize,
    /// Their values less the mean, divided by their norm.
    values: Vec<f32>,
}

/// Where an appearance was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Match {
    /// How far it moved right and down, in pixels of the frame.
    pub(crate) shift_px: [f32; 2],
    /// Correlation, -1 to 1.
    pub(crate) likeness: f32,
}

impl Appearance {
    /// Takes the region round the box `[x0, y0, x1, y1]`, in pixels of the frame; its buffer is reused.
    pub(crate) fn take(&mut self, picture: &Thumbnail, bounds_px: [f32; 4]) {
        let [x0, y0, x1, y1] = bounds_px.map(|px| px / picture.cell_px);
        let margin = |from: f32, to: f32| ((to - from) * MARGIN).max(MIN_MARGIN_CELLS);
        let (across, down) = (margin(x0, x1), margin(y0, y1));
        let clamp = |cell: f32, cells: usize| (cell.max(0.0) as usize).min(cells.saturating_sub(1));
        self.left = clamp(x0 - across, picture.width);
        self.top = clamp(y0 - down, picture.height);
        self.columns = clamp(x1 + across, picture.width) - self.left + 1;
        self.rows = clamp(y1 + down, picture.height) - self.top + 1;
        self.step = self.columns.max(self.rows).div_ceil(MAX_CELLS);
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        self.sample(picture, [0, 0], &mut values);
        normalise(&mut values);
        self.values = values;
    }

    /// Whether there is something to compare with.
    pub(crate) fn is_taken(&self) -> bool {
        !self.values.is_empty()
    }

    /// Correlation with the region moved by `offset` cells; `None` if less than half of it is in the picture.
    fn likeness(
        &self,
        picture: &Thumbnail,
        offset: [i32; 2],
        scratch: &mut Vec<f32>,
    ) -> Option<f32> {
        scratch.clear();
        let inside = self.sample(picture, offset, scratch);
        if 2 * inside < scratch.len() {
            return None;
        }
        normalise(scratch);
        Some(scratch.iter().zip(&self.values).map(|(a, b)| a * b).sum())
    }

    /// Looks for it within `reach` cells of where it would be, moved by `expected_px`, at every `stride`-th cell.
    pub(crate) fn find(
        &self,
        picture: &Thumbnail,
        expected_px: [f32; 2],
        [reach, stride]: [i32; 2],
        scratch: &mut Vec<f32>,
    ) -> Option<Match> {
        if !self.is_taken() || picture.values.is_empty() {
            return None;
        }
        let middle = expected_px.map(|px| (px / picture.cell_px).round() as i32);
        let stride = stride.max(1);
        let mut best: Option<([i32; 2], f32)> = None;
        for down in (-reach..=reach).step_by(stride as usize) {
            for across in (-reach..=reach).step_by(stride as usize) {
                let offset = [middle[0] + across, middle[1] + down];
                let Some(likeness) = self.likeness(picture, offset, scratch) else { continue };
                if best.is_none_or(|(_, found)| likeness > found) {
                    best = Some((offset, likeness));
                }
            }
        }
        let (offset, likeness) = best?;
        // The top of the parabola through three neighbours: motion of a part of a cell.
        let mut shift_px = [0.0; 2];
        for axis in 0..2 {
            let mut side = |sign: i32| {
                let mut offset = offset;
                offset[axis] += sign;
                self.likeness(picture, offset, scratch)
            };
            let part = match (side(-1), side(1)) {
                (Some(before), Some(after)) => {
                    let bend = before - 2.0 * likeness + after;
                    if bend < -1e-6 {
                        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
                    } else {
                        0.0
                    }
                }
                _ => 0.0,
            };
            shift_px[axis] = (offset[axis] as f32 + part) * picture.cell_px;
        }
        Some(Match { shift_px, likeness })
    }

    /// Appends the region's cells, moved by `offset`; those outside the picture are copies of its border. How
    /// many were inside.
    fn sample(&self, picture: &Thumbnail, [across, down]: [i32; 2], to: &mut Vec<f32>) -> usize {
        let step = self.step.max(1);
        let (mut inside, last) = (0, [picture.width as i32 - 1, picture.height as i32 - 1]);
        for row in (0..self.rows).step_by(step) {
            let y = (self.top + row) as i32 + down;
            let cells = picture.row(y.clamp(0, last[1]) as usize);
            for column in (0..self.columns).step_by(step) {
                let x = (self.left + column) as i32 + across;
                inside += usize::from((0..=last[0]).contains(&x) && (0..=last[1]).contains(&y));
                to.push(cells.get(x.clamp(0, last[0]) as usize).copied().unwrap_or_default());
            }
        }
        inside
    }
}

/// Shifts and scales values to mean 0 and norm 1. A region without contrast becomes all zeros, which correlate
/// with nothing.
fn normalise(values: &mut [f32]) {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let mut squares = 0.0;
    for value in values.iter_mut() {
        *value -= mean;
        squares += *value * *value;
    }
    let flat = squares < count * MIN_DEVIATION * MIN_DEVIATION;
    let factor = if flat { 0.0 } else { squares.sqrt().recip() };
    values.iter_mut().for_each(|value| *value *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::thumbnail::tests_support::{disc, noise};

    #[test]
    fn a_moved_disc_is_found_to_a_part_of_a_cell() {
        let (before, after) = (disc([60.0, 50.0], 12.0), disc([66.4, 47.2], 12.0));
        let mut appearance = Appearance::default();
        appearance.take(&before, [48.0, 38.0, 72.0, 62.0]);
        let found = appearance.find(&after, [0.0; 2], [8, 1], &mut Vec::new()).unwrap();
        let [x, y] = found.shift_px;
        assert!((x - 6.4).abs() < 0.3 && (y + 2.8).abs() < 0.3, "{found:?}");
        assert!(found.likeness > 0.95, "{found:?}");
    }

    #[test]
    fn gain_does_not_matter_and_absence_does() {
        let mut brighter = disc([60.0, 50.0], 12.0);
        brighter.values.iter_mut().for_each(|value| *value = 0.5 * *value + 0.3);
        let mut appearance = Appearance::default();
        appearance.take(&disc([60.0, 50.0], 12.0), [48.0, 38.0, 72.0, 62.0]);
        let found = |picture| appearance.find(&picture, [0.0; 2], [6, 1], &mut Vec::new()).unwrap();
        assert!(found(brighter).likeness > 0.99);
        assert!(found(noise(3)).likeness < 0.5);
    }

    #[test]
    fn a_region_at_the_border_or_without_contrast_is_no_error() {
        let mut flat = disc([60.0, 50.0], 12.0);
        flat.values.fill(0.4);
        let mut appearance = Appearance::default();
        assert!(appearance.find(&flat, [0.0; 2], [2, 1], &mut Vec::new()).is_none());
        for bounds in
            [[-20.0, -9.0, 5.0, 5.0], [120.0, 90.0, 400.0, 300.0], [0.0, 0.0, 128.0, 100.0]]
        {
            appearance.take(&flat, bounds);
            let found = appearance.find(&flat, [0.0; 2], [2, 1], &mut Vec::new()).unwrap();
            assert_eq!(found.likeness, 0.0);
        }
    }
}
