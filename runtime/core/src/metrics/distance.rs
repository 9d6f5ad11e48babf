//! Exact Euclidean distance transform (Felzenszwalb and Huttenlocher, 2012).

use crate::Mask;

/// Stands for the squared distance where there are no targets.
const FAR: u32 = u32::MAX;

/// Squared distance of each pixel of `[height, width]` to the nearest background pixel, in square
/// pixels: 0 on background, `u32::MAX` everywhere if there is none. The image's border is not
/// background.
#[must_use]
pub fn squared_distance_px2(mask: &Mask) -> Vec<u32> {
    let targets: Vec<bool> = mask.data().iter().map(|&value| value == 0).collect();
    squared_distance(&targets, mask.width())
}

/// Squared distance of each cell of a grid, `width` cells a row, to the nearest target. Exact for
/// sides up to 32,768.
pub(super) fn squared_distance(targets: &[bool], width: usize) -> Vec<u32> {
    let mut grid = along_columns(targets, width);
    let mut envelope = Envelope::default();
    for row in grid.chunks_exact_mut(width.max(1)) {
        envelope.rebuild(row, 1.0);
        // Whole numbers, exact in both types.
        envelope.sample(row, |square| square as u32);
    }
    grid
}

/// As [`squared_distance`] where a cell is `aspect` times as high as it is wide, in squared widths;
/// infinite if there are no targets.
pub(super) fn squared_distance_stretched(targets: &[bool], width: usize, aspect: f64) -> Vec<f64> {
    let grid = along_columns(targets, width);
    let mut distances = vec![f64::INFINITY; grid.len()];
    let mut envelope = Envelope::default();
    let rows = grid.chunks_exact(width.max(1));
    for (row, out) in rows.zip(distances.chunks_exact_mut(width.max(1))) {
        envelope.rebuild(row, aspect * aspect);
        envelope.sample(out, |square| square);
    }
    distances
}

/// Squared distance to the nearest target of the same column, in cells, or `FAR`.
fn along_columns(targets: &[bool], width: usize) -> Vec<u32> {
    let mut grid: Vec<u32> = targets.iter().map(|&t| if t { 0 } else { FAR }).collect();
    if let Some(height) = grid.len().checked_div(width) {
        sweep_columns(&mut grid, width, height);
    }
    grid
}

/// Replaces 0 and `FAR` by the squared distance along each column: one sweep down, one up.
fn sweep_columns(grid: &mut [u32], width: usize, height: usize) {
    let mut away = vec![FAR; width];
    // The sweep up improves on the sweep down, whose values are never below the true distance.
    for y in (0..height).chain((0..height).rev()) {
        for (value, away) in grid[y * width..(y + 1) * width].iter_mut().zip(&mut away) {
            *away = if *value == 0 { 0 } else { away.saturating_add(1) };
            if *away < FAR {
                *value = (*value).min(away.saturating_mul(*away));
            }
        }
    }
}

/// Lower envelope of the parabolas `(x - place)^2 + height` of one row.
#[derive(Default)]
struct Envelope {
    places: Vec<(usize, f64)>,
    /// Where each parabola takes over from the one before.
    starts: Vec<f64>,
}

impl Envelope {
    /// Parabolas of a row's squared distances, each `scale` times as high.
    fn rebuild(&mut self, row: &[u32], scale: f64) {
        self.places.clear();
        self.starts.clear();
        for (place, &height) in row.iter().enumerate().filter(|(_, height)| **height != FAR) {
            let height = f64::from(height) * scale;
            let mut start = f64::NEG_INFINITY;
            while let (Some(&last), Some(&last_start)) = (self.places.last(), self.starts.last()) {
                start = crossing(last, (place, height));
                if start > last_start {
                    break;
                }
                self.places.pop();
                self.starts.pop();
                start = f64::NEG_INFINITY;
            }
            self.places.push((place, height));
            self.starts.push(start);
        }
    }

    /// Sets every value of a row, if there is any parabola.
    fn sample<T>(&self, row: &mut [T], value_of: impl Fn(f64) -> T) {
        let mut at = 0;
        for (x, value) in row.iter_mut().enumerate() {
            while self.starts.get(at + 1).is_some_and(|&start| start <= x as f64) {
                at += 1;
            }
            if let Some(&(place, height)) = self.places.get(at) {
                let away = x.abs_diff(place) as f64;
                *value = value_of(away * away + height);
            }
        }
    }
}

/// The place from which the right one of two parabolas lies below the left one.
fn crossing((left, left_height): (usize, f64), (right, right_height): (usize, f64)) -> f64 {
    let [l, r] = [left as f64, right as f64];
    (right_height + r * r - left_height - l * l) / (2.0 * (r - l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_target_all_is_far() {
        assert_eq!(squared_distance(&[false; 6], 3), [FAR; 6]);
        assert!(squared_distance(&[], 0).is_empty());
    }

    proptest! {
        #[test]
        fn equals_the_nearest_of_all_targets(
            (width, targets) in (1_usize..14, 1_usize..14).prop_flat_map(|(w, h)| {
                (Just(w), prop::collection::vec(prop::bool::weighted(0.15), w * h))
            }),
        ) {
            let at = |i: usize| [i % width, i / width];
            let brute = |i: usize| {
                let [x, y] = at(i);
                let hits = targets.iter().enumerate().filter(|(_, target)| **target);
                let squares = hits.map(|(j, _)| {
                    let [u, v] = at(j);
                    (x.abs_diff(u).pow(2) + y.abs_diff(v).pow(2)) as u32
                });
                squares.min().unwrap_or(FAR)
            };
            let expected: Vec<u32> = (0..targets.len()).map(brute).collect();
            prop_assert_eq!(squared_distance(&targets, width), expected);
        }
    }
}
