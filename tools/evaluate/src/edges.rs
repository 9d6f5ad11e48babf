//! How ragged a mask is: its perimeter, its parts and its holes.

use serde::{Deserialize, Serialize};
use uniultra_core::Mask;
use uniultra_dataset::Components;

/// Edges of a prediction beside those of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// Perimeter of the prediction over that of the truth; `None` for an empty prediction, which has
    /// no edge.
    pub perimeter_ratio: Option<f32>,
    /// 8-connected components of the prediction.
    pub parts: usize,
    /// Those of the truth.
    pub truth_parts: usize,
    /// Holes of the prediction: 4-connected components of the background that do not reach the
    /// image's border.
    pub holes: usize,
    /// Those of the truth.
    pub truth_holes: usize,
}

impl Edges {
    /// Edges of two masks; the truth is not empty.
    pub(crate) fn measure(prediction: &Mask, truth: &Mask) -> Self {
        let ratio = perimeter_px(prediction) / perimeter_px(truth);
        Self {
            perimeter_ratio: (prediction.area_px() > 0).then_some(ratio as f32),
            parts: Components::from_mask(prediction).areas_px().len(),
            truth_parts: Components::from_mask(truth).areas_px().len(),
            holes: holes(prediction),
            truth_holes: holes(truth),
        }
    }
}

/// Length of the outlines of a mask, holes included, in pixels: Cauchy's and Crofton's formula with
/// lines through the pixels' centres in four directions. Right on average over directions, while a
/// count of border pixels makes a slanted edge too long or too short.
fn perimeter_px(mask: &Mask) -> f64 {
    // A line crosses an outline where neighbours along it differ; outside of the image is background.
    let crossings = |dx: isize, dy: isize| {
        let (width, height) = (mask.width() as isize, mask.height() as isize);
        let at = |x: isize, y: isize| {
            (0..width).contains(&x)
                && (0..height).contains(&y)
                && mask.contains(x as usize, y as usize)
        };
        let places = (-1..=height).flat_map(|y| (-1..=width).map(move |x| (x, y)));
        places.filter(|&(x, y)| at(x, y) != at(x + dx, y + dy)).count() as f64
    };
    let straight = crossings(1, 0) + crossings(0, 1);
    // Diagonal lines through all centres are 1 / sqrt(2) apart.
    let diagonal = (crossings(1, 1) + crossings(-1, 1)) * std::f64::consts::FRAC_1_SQRT_2;
    std::f64::consts::FRAC_PI_8 * (straight + diagonal)
}

/// Holes of a mask.
fn holes(mask: &Mask) -> usize {
    let (width, height) = (mask.width(), mask.height());
    let mut seen: Vec<bool> = mask.data().iter().map(|&value| value != 0).collect();
    let mut open = Vec::new();
    let mut count = 0;
    for start in 0..seen.len() {
        if seen[start] {
            continue;
        }
        let mut inside = true;
        seen[start] = true;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            inside &= x > 0 && y > 0 && x + 1 < width && y + 1 < height;
            let beside = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                (y > 0).then(|| at - width),
                (y + 1 < height).then_some(at + width),
            ];
            for next in beside.into_iter().flatten() {
                if !seen[next] {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        count += usize::from(inside);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;

    fn disc(radius: f64) -> Mask {
        let inside = |i: usize| {
            let [x, y] = [(i % 200) as f64 - 100.2, (i / 200) as f64 - 99.9];
            u8::from(x * x + y * y <= radius * radius)
        };
        Mask::from_binary(200, 200, (0..40_000).map(inside).collect()).unwrap()
    }

    #[test]
    fn the_perimeter_of_known_shapes() {
        // One pixel is crossed twice in each direction: pi / 8 * (4 + 4 / sqrt(2)).
        let dot = perimeter_px(&mask_of(&["...", ".#.", "..."]));
        assert!((dot - 2.6815).abs() < 1e-3, "{dot}");
        // 3 x 2 pixels, also where the image ends beside them: 4 + 6 crossings straight; 2 * 4 on
        // each diagonal.
        for rows in [vec!["###", "###"], vec![".....", ".###.", ".###.", "....."]] {
            let found = perimeter_px(&mask_of(&rows));
            let expected = std::f64::consts::FRAC_PI_8 * (10.0 + 16.0 / 2.0_f64.sqrt());
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
        for radius in [20.0, 60.0, 95.0] {
            let ratio = perimeter_px(&disc(radius)) / (2.0 * std::f64::consts::PI * radius);
            assert!((ratio - 1.0).abs() < 0.01, "{ratio} at {radius}");
        }
    }

    #[test]
    fn ragged_edges_are_longer() {
        let smooth = disc(60.0);
        // Every other sector of six degrees is cut off at 54 pixels.
        let keep = |i: usize| {
            let [x, y] = [(i % 200) as f64 - 100.2, (i / 200) as f64 - 99.9];
            let sector = (y.atan2(x).to_degrees() / 6.0).floor() as i64;
            sector % 2 == 0 || x * x + y * y <= 54.0 * 54.0
        };
        let data = smooth.data().iter().enumerate().map(|(i, &v)| v * u8::from(keep(i))).collect();
        let ragged = Mask::from_binary(200, 200, data).unwrap();
        let edges = Edges::measure(&ragged, &smooth);
        // 30 notches with two sides of 6 pixels each: 360 more of 377.
        let ratio = edges.perimeter_ratio.unwrap();
        assert!((1.7..2.1).contains(&ratio), "{ratio}");
        assert_eq!((edges.parts, edges.truth_parts), (1, 1));
    }

    #[test]
    fn parts_and_holes_are_counted() {
        let mask =
            mask_of(&["####...#", "#..#..#.", "#.##....", "##.#.###", "####.#.#", ".....##."]);
        // The diagonal pair at the upper right is one part; so are the ring and the open ring.
        // Holes: one of three pixels and one of a single pixel, which meet at a corner only, and one
        // in the open ring, closed by its corner: background is not connected diagonally.
        let edges = Edges::measure(&mask, &mask_of(&["########"; 6]));
        assert_eq!((edges.parts, edges.holes), (3, 3));
        assert_eq!((edges.truth_parts, edges.truth_holes), (1, 0));
        let empty = Edges::measure(&mask_of(&["...", "..."]), &mask_of(&["##.", "##."]));
        assert_eq!((empty.perimeter_ratio, empty.parts, empty.holes), (None, 0, 0));
    }
}
