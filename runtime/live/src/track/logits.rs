//! A mask on the model's grid: moved, compared, and its innermost point.

use uniultra_core::{Mask, squared_distance_px2};

/// Logit of what a moved mask uncovers: surely background.
const OUTSIDE: f32 = -8.0;

/// Moves logits `[side, side]` by `[x, y]` cells of their grid, with bilinear interpolation.
pub(crate) fn shift(logits: &[f32], side: usize, [x, y]: [f32; 2], out: &mut Vec<f32>) {
    out.clear();
    let (left, top) = (x.floor(), y.floor());
    let (right, below) = (x - left, y - top);
    let at = |column: i64, row: i64| {
        let inside = |cell: i64| (0..side as i64).contains(&cell);
        if inside(column) && inside(row) {
            logits.get(row as usize * side + column as usize).copied().unwrap_or(OUTSIDE)
        } else {
            OUTSIDE
        }
    };
    for row in 0..side as i64 {
        for column in 0..side as i64 {
            // The value comes from `shift` before: between the cell and the one left of it.
            let (c, r) = (column - left as i64, row - top as i64);
            let upper = at(c, r - 1) * (1.0 - right) + at(c - 1, r - 1) * right;
            let lower = at(c, r) * (1.0 - right) + at(c - 1, r) * right;
            out.push(upper * below + lower * (1.0 - below));
        }
    }
}

/// Cells that a mask may move, in a frame time, beyond the motion that was seen: 2.3 % of a frame.
const TOLERANCE_CELLS: u32 = 3;

/// How well two masks agree, 0 to 1: of each, the share that is within [`TOLERANCE_CELLS`] of the other; the
/// smaller share of the two. IoU would call a thin strip that moved by its own width a stranger.
pub(crate) fn agreement(a: &[f32], b: &[f32], side: usize) -> f32 {
    let share = |of: &[f32], near: &[f32]| {
        let outside = near.iter().map(|&logit| u8::from(logit <= 0.0)).collect();
        // The distance to the other mask is that of this "mask" of everything else to its background.
        let Ok(outside) = Mask::from_binary(side, side, outside) else { return 0.0 };
        let distance = squared_distance_px2(&outside);
        let (mut inside, mut close) = (0_u32, 0_u32);
        for (logit, distance) in of.iter().zip(distance) {
            inside += u32::from(*logit > 0.0);
            close += u32::from(*logit > 0.0 && distance <= TOLERANCE_CELLS * TOLERANCE_CELLS);
        }
        if inside == 0 { 0.0 } else { close as f32 / inside as f32 }
    };
    share(a, b).min(share(b, a))
}

/// Cells of a mask.
pub(crate) fn area(logits: &[f32]) -> u32 {
    logits.iter().map(|logit| u32::from(*logit > 0.0)).sum()
}

/// IoU of two masks; 0 if both are empty.
pub(crate) fn overlap(a: &[f32], b: &[f32]) -> f32 {
    let (mut both, mut either) = (0_u32, 0_u32);
    for (a, b) in a.iter().zip(b) {
        both += u32::from(*a > 0.0 && *b > 0.0);
        either += u32::from(*a > 0.0 || *b > 0.0);
    }
    both as f32 / either.max(1) as f32
}

/// Moves `logits` a `share` of the way to `others`.
pub(crate) fn blend(logits: &mut [f32], others: &[f32], share: f32) {
    for (logit, other) in logits.iter_mut().zip(others) {
        *logit += share * (other - *logit);
    }
}

/// The point of a mask that is farthest from its border, in cells of the grid; `None` for an empty mask.
pub(crate) fn inner_point(logits: &[f32], side: usize) -> Option<[f32; 2]> {
    let inside = logits.iter().map(|&logit| u8::from(logit > 0.0)).collect();
    let mask = Mask::from_binary(side, side, inside).ok().filter(|mask| mask.area_px() > 0)?;
    let distance = squared_distance_px2(&mask);
    let (place, _) = distance.iter().enumerate().max_by_key(|(_, distance)| **distance)?;
    Some([(place % side) as f32, (place / side) as f32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn square(side: usize, [x0, y0, x1, y1]: [usize; 4]) -> Vec<f32> {
        let inside = |i: usize| (x0..=x1).contains(&(i % side)) && (y0..=y1).contains(&(i / side));
        (0..side * side).map(|i| if inside(i) { 5.0 } else { -5.0 }).collect()
    }

    #[test]
    fn a_mask_moves_with_its_inner_point() {
        let mask = square(32, [8, 10, 14, 16]);
        assert_eq!(inner_point(&mask, 32), Some([11.0, 13.0]));
        let mut moved = Vec::new();
        shift(&mask, 32, [3.0, -4.0], &mut moved);
        assert_eq!(inner_point(&moved, 32), Some([14.0, 9.0]));
        let there = square(32, [11, 6, 17, 12]);
        assert!(moved.iter().zip(&there).all(|(a, b)| (*a > 0.0) == (*b > 0.0)));
        shift(&mask, 32, [40.0, 0.0], &mut moved);
        assert_eq!(inner_point(&moved, 32), None);
        assert_eq!(agreement(&moved, &moved, 32), 0.0);
    }

    #[test]
    fn a_strip_that_moved_by_its_width_agrees_and_one_far_away_does_not() {
        let strip = |row: usize| square(64, [10, row, 50, row + 2]);
        assert_eq!(agreement(&strip(20), &strip(23), 64), 1.0);
        assert_eq!(agreement(&strip(20), &strip(40), 64), 0.0);
        // A mask that grew over everything is close to the strip only in part.
        let all = square(64, [0, 0, 63, 63]);
        assert!(agreement(&strip(20), &all, 64) < 0.2);
        assert_eq!(agreement(&strip(20), &[-1.0; 64 * 64], 64), 0.0);
    }

    #[test]
    fn area_overlap_and_blend() {
        let (a, b) = (square(32, [0, 0, 9, 9]), square(32, [5, 0, 14, 9]));
        assert_eq!(area(&a), 100);
        assert!((overlap(&a, &b) - 50.0 / 150.0).abs() < 1e-6);
        assert_eq!(overlap(&[-1.0], &[-1.0]), 0.0);
        let mut blended = a.clone();
        blend(&mut blended, &b, 0.5);
        // Where both say so, and where they disagree.
        assert_eq!([blended[7], blended[2], blended[12]], [5.0, 0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(x in -3_i32..4, y in -3_i32..4) {
            let mask = square(24, [8, 9, 15, 13]);
            let (mut there, mut back) = (Vec::new(), Vec::new());
            shift(&mask, 24, [x as f32, y as f32], &mut there);
            shift(&there, 24, [-x as f32, -y as f32], &mut back);
            prop_assert!(back.iter().zip(&mask).all(|(a, b)| (*a > 0.0) == (*b > 0.0)));
        }

        #[test]
        fn half_a_cell_lies_between(part in 0.0_f32..1.0) {
            let ramp: Vec<f32> = (0..256).map(|i| (i % 16) as f32).collect();
            let mut moved = Vec::new();
            shift(&ramp, 16, [part, 0.0], &mut moved);
            prop_assert!((moved[7 * 16 + 9] - (9.0 - part)).abs() < 1e-4);
        }
    }
}
