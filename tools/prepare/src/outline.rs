//! Fills drawn outlines of convex objects.

use crate::polygon::fill;

/// Fills the outline of a convex object, itself included. Where the image cuts the object, the outline
/// is open at the image's edge and the visible part is filled. Where the outline has a gap, the convex
/// hull is filled.
pub(crate) fn fill_outline(outline: &[u8], width: usize, height: usize) -> Vec<u8> {
    let outline: Vec<u8> = outline.iter().map(|&value| u8::from(value != 0)).collect();
    let Some(seed) = centre(&outline, width) else { return outline };
    let hull = filled_hull(&outline, width, height);
    let Some(inside) = flooded(&outline, width, seed) else { return hull };
    let area = |mask: &[u8]| mask.iter().filter(|&&value| value != 0).count();
    // Through a gap the flood reaches the outside: everything, or a part that makes it less convex.
    let is_open = area(&inside) == inside.len();
    let convex = area(&filled_hull(&inside, width, height));
    if is_open || convex * 100 > area(&inside) * 102 { hull } else { inside }
}

/// The pixel at the centre of mass of an outline, which lies inside any convex object; `None` if there
/// is no outline.
fn centre(outline: &[u8], width: usize) -> Option<usize> {
    let places = || outline.iter().enumerate().filter(|(_, value)| **value != 0).map(|(at, _)| at);
    let count = places().count();
    let mean = |of: &dyn Fn(usize) -> usize| places().map(of).sum::<usize>().checked_div(count);
    Some(mean(&|at| at / width.max(1))? * width + mean(&|at| at % width.max(1))?)
}

/// What is reached from a pixel without crossing the outline, and the outline; `None` if the pixel is
/// on it.
fn flooded(outline: &[u8], width: usize, seed: usize) -> Option<Vec<u8>> {
    let mut mask = outline.to_vec();
    *mask.get_mut(seed).filter(|value| **value == 0)? = 1;
    let mut open = vec![seed];
    while let Some(at) = open.pop() {
        let left = (at % width > 0).then(|| at - 1);
        let right = (at % width + 1 < width).then_some(at + 1);
        for next in [left, right, at.checked_sub(width), Some(at + width)].into_iter().flatten() {
            if let Some(value) = mask.get_mut(next).filter(|value| **value == 0) {
                *value = 1;
                open.push(next);
            }
        }
    }
    Some(mask)
}

/// A mask and its convex hull.
fn filled_hull(mask: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut filled = mask.to_vec();
    let mut corners = Vec::new();
    for (y, row) in mask.chunks_exact(width.max(1)).take(height).enumerate() {
        let first = row.iter().position(|&value| value != 0);
        let last = row.iter().rposition(|&value| value != 0);
        corners.extend(first.into_iter().chain(last).map(|x| [x as f64, y as f64]));
    }
    fill(&hull(corners), width, height, &mut filled);
    filled
}

/// The convex hull, by Andrew's monotone chain.
fn hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let mut lower = chain(points.iter());
    let mut upper = chain(points.iter().rev());
    // Each begins where the other ends.
    lower.pop();
    upper.pop();
    lower.append(&mut upper);
    lower
}

fn chain<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for &point in points {
        while let [.., a, b] = kept.as_slice() {
            let turn = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]);
            if turn > 0.0 {
                break;
            }
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outline and filled ellipse, one pixel thick.
    fn ellipse(centre: [f64; 2], radii: [f64; 2], width: usize, height: usize) -> [Vec<u8>; 2] {
        let inside = |x: f64, y: f64| {
            let [u, v] = [(x - centre[0]) / radii[0], (y - centre[1]) / radii[1]];
            u * u + v * v <= 1.0
        };
        let all = |keep: &dyn Fn(f64, f64) -> bool| {
            (0..height)
                .flat_map(|y| (0..width).map(move |x| (x as f64, y as f64)))
                .map(|(x, y)| u8::from(keep(x, y)))
                .collect::<Vec<u8>>()
        };
        let outline = |x: f64, y: f64| {
            let beside = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
            inside(x, y) && beside.iter().any(|[u, v]| !inside(x + u, y + v))
        };
        [all(&outline), all(&inside)]
    }

    #[test]
    fn an_ellipse_is_filled() {
        let [outline, whole] = ellipse([30.0, 22.0], [24.0, 15.0], 64, 48);
        assert_eq!(fill_outline(&outline, 64, 48), whole);
    }

    #[test]
    fn the_visible_part_of_an_ellipse_that_the_image_cuts_is_filled() {
        // Cut at one side, at a corner that lies inside, and at two sides whose corner lies outside.
        for (centre, radii) in
            [([2.0, 24.0], [20.0, 15.0]), ([6.0, 40.0], [20.0, 15.0]), ([28.0, 22.0], [29.5, 23.5])]
        {
            let [outline, whole] = ellipse(centre, radii, 64, 48);
            assert_eq!(fill_outline(&outline, 64, 48), whole, "{centre:?}");
        }
    }

    #[test]
    fn a_gap_is_bridged() {
        let [mut outline, whole] = ellipse([30.0, 22.0], [24.0, 15.0], 64, 48);
        for (at, value) in outline.iter_mut().enumerate() {
            if (28..33).contains(&(at % 64)) && at / 64 < 20 {
                *value = 0;
            }
        }
        let filled = fill_outline(&outline, 64, 48);
        let wrong = filled.iter().zip(&whole).filter(|(a, b)| a != b).count();
        assert!(wrong < 10, "{wrong}");
    }

    #[test]
    fn a_filled_ellipse_stays_as_it_is() {
        let [_, whole] = ellipse([30.0, 22.0], [24.0, 15.0], 64, 48);
        assert_eq!(fill_outline(&whole, 64, 48), whole);
    }

    #[test]
    fn little_or_nothing_stays_as_it_is() {
        assert_eq!(fill_outline(&[0; 12], 4, 3), [0; 12]);
        let mut dot = [0; 12];
        dot[5] = 255;
        assert_eq!(fill_outline(&dot, 4, 3).iter().sum::<u8>(), 1);
    }
}
