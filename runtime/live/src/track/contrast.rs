//! How an object stands out from what lies round it.
//!
//! A mask prompt makes the decoder sure of its mask: it is repeated where the object was even after the object
//! has left the plane, and tissue has taken its place. What is gone then is the contrast.

use super::Thumbnail;

/// Width of the ring round the object, in cells.
const RING_CELLS: f32 = 4.0;
/// Fewest cells of object and of ring: the mean of fewer says nothing.
const MIN_CELLS: u32 = 4;
/// Least deviation of the gray values that are compared: 1.5 of 255 gray levels.
const MIN_DEVIATION: f32 = 0.006;

/// An object against what lies round it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Mean gray inside the mask less the mean of its surroundings, in standard deviations of both together: gain
    /// and brightness change nothing.
    pub(crate) contrast: f32,
    /// Mean gray of object and surroundings, as a share of the whole picture's: it falls in a shadow.
    pub(crate) brightness: f32,
}

/// How the mask of logits `[side, side]` stands out. `None` if object or surroundings have too few cells.
pub(crate) fn standing(picture: &Thumbnail, logits: &[f32], side: usize) -> Option<Standing> {
    let logit = |column: usize, row: usize| {
        let cell = |at: usize, cells: usize| (2 * at + 1) * side / (2 * cells);
        let at = cell(row, picture.height) * side + cell(column, picture.width);
        logits.get(at).copied().unwrap_or_default()
    };
    let mut bounds: Option<[usize; 4]> = None;
    for row in 0..picture.height {
        for column in (0..picture.width).filter(|&column| logit(column, row) > 0.0) {
            let [x0, y0, x1, y1] = bounds.unwrap_or([column, row, column, row]);
            bounds = Some([x0.min(column), y0, x1.max(column), y1.max(row)]);
        }
    }
    let [x0, y0, x1, y1] = bounds?;
    let ring = RING_CELLS as usize;
    let columns = x0.saturating_sub(ring)..(x1 + ring + 1).min(picture.width);
    let rows = y0.saturating_sub(ring)..(y1 + ring + 1).min(picture.height);
    // Sums of count, value and square: inside, outside.
    let mut sums = [[0.0_f32; 3]; 2];
    let mut counts = [0_u32; 2];
    for row in rows {
        let cells = picture.row(row);
        for column in columns.clone() {
            let part = usize::from(logit(column, row) <= 0.0);
            let value = cells.get(column).copied().unwrap_or_default();
            counts[part] += 1;
            sums[part][0] += value;
            sums[part][1] += value * value;
        }
    }
    if counts.iter().any(|count| *count < MIN_CELLS) {
        return None;
    }
    let [inside, outside] = [0, 1].map(|part| sums[part][0] / counts[part] as f32);
    let all = (counts[0] + counts[1]) as f32;
    let mean = (sums[0][0] + sums[1][0]) / all;
    let variance = (sums[0][1] + sums[1][1]) / all - mean * mean;
    let contrast = (inside - outside) / variance.max(0.0).sqrt().max(MIN_DEVIATION);
    Some(Standing { contrast, brightness: mean / picture.mean().max(MIN_DEVIATION) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::thumbnail::tests_support::{disc, noise};

    fn mask(side: usize, [x0, y0]: [f32; 2], radius: f32) -> Vec<f32> {
        // The grid covers the picture of 128 x 100 cells.
        let inside = |at: usize| {
            let x = (at % side) as f32 * 128.0 / side as f32;
            let y = (at / side) as f32 * 100.0 / side as f32;
            (x - x0).hypot(y - y0) < radius
        };
        (0..side * side).map(|at| if inside(at) { 4.0 } else { -4.0 }).collect()
    }

    #[test]
    fn a_dark_disc_stands_out_and_tissue_in_its_place_does_not() {
        let mask = mask(64, [60.0, 50.0], 12.0);
        let there = standing(&disc([60.0, 50.0], 12.0), &mask, 64).unwrap();
        assert!(there.contrast < -1.0, "{there:?}");
        let mut brighter = disc([60.0, 50.0], 12.0);
        brighter.values.iter_mut().for_each(|value| *value = 0.5 * *value + 0.4);
        let brighter = standing(&brighter, &mask, 64).unwrap();
        assert!((brighter.contrast - there.contrast).abs() < 1e-3, "{brighter:?} for {there:?}");
        let gone = standing(&noise(9), &mask, 64).unwrap();
        assert!(gone.contrast.abs() < 0.3, "{gone:?}");
    }

    #[test]
    fn a_shadow_takes_brightness_and_gain_does_not() {
        let mask = mask(64, [60.0, 50.0], 12.0);
        let picture = disc([60.0, 50.0], 12.0);
        let brightness = |picture| standing(picture, &mask, 64).unwrap().brightness;
        let (mut darker, mut shaded) = (picture.clone(), picture.clone());
        darker.values.iter_mut().for_each(|value| *value *= 0.5);
        assert!((brightness(&darker) / brightness(&picture) - 1.0).abs() < 1e-3);
        for row in shaded.values.chunks_exact_mut(128) {
            row[40..80].iter_mut().for_each(|value| *value *= 0.4);
        }
        assert!(brightness(&shaded) < 0.7 * brightness(&picture));
    }

    #[test]
    fn nothing_and_everything_have_no_contrast() {
        let picture = noise(9);
        assert_eq!(standing(&picture, &[-1.0; 64 * 64], 64), None);
        assert_eq!(standing(&picture, &[1.0; 64 * 64], 64), None);
    }
}
