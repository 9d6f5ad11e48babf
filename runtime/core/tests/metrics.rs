//! Measures of agreement against values worked out by hand.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use proptest::prelude::*;
use uniultra_core::{
    Mask, MetricError, PixelSpacing, dice, hausdorff_px, hd95_mm, hd95_px, iou,
    squared_distance_px2, stability_score,
};

/// A mask drawn with `#` for object.
fn drawn(rows: &[&str]) -> Mask {
    let data = rows.iter().flat_map(|row| row.bytes().map(|b| u8::from(b == b'#'))).collect();
    Mask::from_binary(rows[0].len(), rows.len(), data).unwrap()
}

fn rectangle(width: usize, height: usize, x: [usize; 2], y: [usize; 2]) -> Mask {
    let inside =
        |i: usize| (x[0]..=x[1]).contains(&(i % width)) && (y[0]..=y[1]).contains(&(i / width));
    let data = (0..width * height).map(|i| u8::from(inside(i))).collect();
    Mask::from_binary(width, height, data).unwrap()
}

#[test]
fn overlap_of_two_rectangles() {
    // 6 and 4 pixels, 2 shared.
    let a = drawn(&["###..", "###..", "....."]);
    let b = drawn(&["..##.", "..##.", "....."]);
    assert_eq!(dice(&a, &b), Ok(0.4));
    assert_eq!(iou(&a, &b), Ok(0.25));
    assert_eq!((dice(&a, &a), iou(&a, &a)), (Ok(1.0), Ok(1.0)));
}

#[test]
fn empty_masks_agree_with_each_other_only() {
    let empty = drawn(&["...", "...", "...", "..."]);
    let dot = drawn(&["...", ".#.", "...", "..."]);
    assert_eq!((dice(&empty, &empty), iou(&empty, &empty)), (Ok(1.0), Ok(1.0)));
    assert_eq!((dice(&empty, &dot), iou(&empty, &dot)), (Ok(0.0), Ok(0.0)));
    assert_eq!(hd95_px(&empty, &empty), Ok(0.0));
    // The diagonal of 3x4 pixels.
    assert_eq!((hd95_px(&empty, &dot), hd95_px(&dot, &empty)), (Ok(5.0), Ok(5.0)));
}

#[test]
fn masks_of_different_sizes_cannot_be_compared() {
    let (a, b) = (drawn(&["#.", ".."]), drawn(&["#.."]));
    let size = MetricError::Size { a: [2, 2], b: [3, 1] };
    assert_eq!(dice(&a, &b), Err(size.clone()));
    assert_eq!(iou(&a, &b), Err(size.clone()));
    assert_eq!(hd95_px(&a, &b), Err(size));
}

#[test]
fn hd95_of_a_shifted_square_is_the_shift() {
    let a = rectangle(100, 100, [20, 59], [20, 59]);
    let b = rectangle(100, 100, [23, 62], [20, 59]);
    assert_eq!(hd95_px(&a, &a), Ok(0.0));
    // Of the 312 surface distances, the 40 of each outer side are 3, more than 5 %.
    assert_eq!(hd95_px(&a, &b), Ok(3.0));
}

#[test]
fn hd95_in_millimetres_knows_both_sides_of_a_pixel() {
    let spacing = PixelSpacing::with_sides(0.1, 0.3).unwrap();
    let a = rectangle(40, 40, [5, 14], [5, 14]);
    // Shifted by 3 pixels across, 0.3 mm, and by 3 down, 0.9 mm.
    let across = rectangle(40, 40, [8, 17], [5, 14]);
    let down = rectangle(40, 40, [5, 14], [8, 17]);
    assert_eq!(hd95_mm(&a, &across, spacing), Ok(0.3));
    assert!((hd95_mm(&a, &down, spacing).unwrap() - 0.9).abs() < 1e-6);
    // The diagonal of 3 x 4 pixels that are 2 mm wide and 1.125 mm high: 6 mm and 4.5 mm.
    let empty = drawn(&["...", "...", "...", "..."]);
    let dot = drawn(&["...", ".#.", "...", "..."]);
    let wide = PixelSpacing::with_sides(2.0, 1.125).unwrap();
    assert_eq!(hd95_mm(&empty, &dot, wide), Ok(7.5));
    assert_eq!(hd95_mm(&empty, &empty, wide), Ok(0.0));
    assert!(hd95_mm(&a, &dot, wide).is_err());
}

#[test]
fn hd95_leaves_out_a_twentieth_and_interpolates() {
    // Rows of single pixels: distances of a to b are 0, of b to a 0 but for its last pixel.
    let a = rectangle(40, 3, [0, 9], [1, 1]);
    let b = rectangle(40, 3, [0, 10], [1, 1]);
    // 21 distances, one of them 1: the place 0.95 * 20 = 19 is still 0.
    assert_eq!(hd95_px(&a, &b), Ok(0.0));
    let (a, b) = (rectangle(40, 3, [0, 7], [1, 1]), rectangle(40, 3, [0, 8], [1, 1]));
    // 17 distances: the place 15.2 is a fifth of the way from 0 to 1.
    let found = hd95_px(&a, &b).unwrap();
    assert!((found - 0.2).abs() < 1e-6, "{found}");
}

#[test]
fn hausdorff_counts_the_farthest_pixel_and_is_infinite_beside_nothing() {
    let a = rectangle(40, 3, [0, 9], [1, 1]);
    let b = rectangle(40, 3, [0, 13], [1, 1]);
    assert_eq!((hausdorff_px(&a, &b), hausdorff_px(&b, &a)), (Ok(Some(4.0)), Ok(Some(4.0))));
    // The corners of 9x9 are four rows and four columns from the dot.
    let (full, dot) = (rectangle(9, 9, [0, 8], [0, 8]), rectangle(9, 9, [4, 4], [4, 4]));
    assert_eq!(hausdorff_px(&full, &dot), Ok(Some(32.0_f32.sqrt())));
    let empty = drawn(&["...", "..."]);
    let dot = drawn(&["...", ".#."]);
    assert_eq!((hausdorff_px(&empty, &dot), hausdorff_px(&dot, &empty)), (Ok(None), Ok(None)));
    assert_eq!(hausdorff_px(&empty, &empty), Ok(Some(0.0)));
    assert!(hausdorff_px(&a, &empty).is_err());
}

#[test]
fn only_the_surface_counts_and_the_images_border_ends_a_mask() {
    let full = rectangle(9, 9, [0, 8], [0, 8]);
    let dot = rectangle(9, 9, [4, 4], [4, 4]);
    // 32 border pixels and the dot; the four corners are sqrt(32) away, next the eight at 5.
    // Place 0.95 * 32 = 30.4 lies among the corners.
    let found = hd95_px(&full, &dot).unwrap();
    assert!((found - 32.0_f32.sqrt()).abs() < 1e-6, "{found}");
}

#[test]
fn distances_to_the_background() {
    let mask = drawn(&[".....", ".###.", ".###.", ".###.", "....."]);
    let inner = [1, 1, 1, 1, 4, 1, 1, 1, 1];
    let found = squared_distance_px2(&mask);
    let rows = [6, 11, 16].iter().flat_map(|&start| found[start..start + 3].to_vec());
    assert_eq!(rows.collect::<Vec<_>>(), inner);
    assert_eq!(found.iter().filter(|d| **d == 0).count(), 16);
    let full = Mask::from_binary(2, 2, vec![1; 4]).unwrap();
    assert_eq!(squared_distance_px2(&full), [u32::MAX; 4]);
}

#[test]
fn stability_compares_the_areas_either_side_of_zero() {
    assert_eq!(stability_score(&[1.0, 1.0, 1.0, 0.0, -1.0]), 0.75);
    // The thresholds themselves are not above.
    assert_eq!(stability_score(&[1.0, 0.05, -0.05]), 0.5);
    assert_eq!(stability_score(&[-1.0; 3]), 1.0);
    assert_eq!(stability_score(&[]), 1.0);
}

/// The definition of HD95, pair by pair.
fn plain_hd95(a: &Mask, b: &Mask, [x_mm, y_mm]: [f64; 2]) -> f64 {
    let surface = |mask: &Mask| -> Vec<[usize; 2]> {
        let on = |x: isize, y: isize| x >= 0 && y >= 0 && mask.contains(x as usize, y as usize);
        let pixels = (0..mask.data().len()).map(|i| [i % mask.width(), i / mask.width()]).filter(
            |&[x, y]| {
                let (x, y) = (x as isize, y as isize);
                on(x, y) && !(on(x - 1, y) && on(x + 1, y) && on(x, y - 1) && on(x, y + 1))
            },
        );
        pixels.collect()
    };
    let (sa, sb) = (surface(a), surface(b));
    let nearest = |from: &[[usize; 2]], to: &[[usize; 2]]| -> Vec<f64> {
        from.iter()
            .map(|p| {
                to.iter()
                    .map(|q| [p[0] as f64 - q[0] as f64, p[1] as f64 - q[1] as f64])
                    .map(|[x, y]| f64::hypot(x * x_mm, y * y_mm))
                    .fold(f64::INFINITY, f64::min)
            })
            .collect()
    };
    let mut all = nearest(&sa, &sb);
    all.extend(nearest(&sb, &sa));
    all.sort_by(f64::total_cmp);
    let place = 0.95 * (all.len() - 1) as f64;
    let low = all[place.floor() as usize];
    low + (all[place.ceil() as usize] - low) * place.fract()
}

proptest! {
    #[test]
    fn measures_follow_their_definitions(
        (width, a, b) in (1_usize..16, 1_usize..16).prop_flat_map(|(w, h)| {
            let pixels = || prop::collection::vec(prop::bool::weighted(0.4), w * h);
            (Just(w), pixels(), pixels())
        }),
    ) {
        let mask = |bits: &[bool]| {
            let data = bits.iter().map(|bit| u8::from(*bit)).collect();
            Mask::from_binary(width, bits.len() / width, data).unwrap()
        };
        let (a, b) = (mask(&a), mask(&b));
        let (d, i) = (dice(&a, &b).unwrap(), iou(&a, &b).unwrap());
        prop_assert!((d - 2.0 * i / (1.0 + i)).abs() < 1e-6);
        prop_assert_eq!(dice(&b, &a).unwrap(), d);
        if a.area_px() > 0 && b.area_px() > 0 {
            let found = f64::from(hd95_px(&a, &b).unwrap());
            prop_assert!((found - plain_hd95(&a, &b, [1.0; 2])).abs() < 1e-5);
            let in_mm = |x, y| {
                let spacing = PixelSpacing::with_sides(x, y).unwrap();
                f64::from(hd95_mm(&a, &b, spacing).unwrap())
            };
            prop_assert!((in_mm(0.25, 0.25) - found / 4.0).abs() < 1e-5);
            prop_assert!((in_mm(0.25, 1.5) - plain_hd95(&a, &b, [0.25, 1.5])).abs() < 1e-5);
            prop_assert!((in_mm(2.0, 0.5) - plain_hd95(&a, &b, [2.0, 0.5])).abs() < 1e-5);
            prop_assert_eq!(hd95_px(&a, &b), hd95_px(&b, &a));
        }
    }
}
