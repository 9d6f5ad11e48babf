//! The published protocol against values worked out by hand.

use super::*;
use crate::fakes::{Sums, mask_of};
use uniultra_core::Pixels;

fn case() -> Case {
    Case {
        set: "a".to_string(),
        stem: "b".to_string(),
        image: "b.png".into(),
        mask: "b.png".into(),
        pixel_spacing: None,
        head_circumference_mm: None,
    }
}

/// A scene of 64 x 64 pixels; `[x0, y0, x1, y1]` of rectangles, both corners inside.
fn scene(rectangles: &[[usize; 4]]) -> Scene {
    let inside = |i: usize, [x0, y0, x1, y1]: [usize; 4]| {
        (x0..=x1).contains(&(i % 64)) && (y0..=y1).contains(&(i / 64))
    };
    let on = |i| u8::from(rectangles.iter().any(|&rectangle| inside(i, rectangle)));
    let mask = Mask::from_binary(64, 64, (0..64 * 64).map(on).collect()).unwrap();
    let frame = Frame::new(64, 64, Pixels::Gray8(vec![0; 64 * 64])).unwrap();
    Scene::new(frame, &mask).unwrap()
}

/// Opposite corners, a quarter of the side each.
const CORNERS: [[usize; 4]; 2] = [[0, 0, 15, 15], [48, 48, 63, 63]];

#[test]
fn overlap_has_one_added_above_and_below() {
    // 6 and 4 pixels, 2 shared.
    let a = mask_of(&["###..", "###..", "....."]);
    let b = mask_of(&["..##.", "..##.", "....."]);
    assert_eq!(smoothed_overlap(&a, &b), [5.0 / 11.0, 3.0 / 9.0]);
    let empty = mask_of(&[".....", ".....", "....."]);
    assert_eq!(smoothed_overlap(&empty, &b), [1.0 / 5.0, 1.0 / 5.0]);
    assert_eq!(smoothed_overlap(&b, &b), [1.0, 1.0]);
}

#[test]
fn every_component_has_a_box_that_ends_after_it() {
    // A rectangle, and a single pixel that this project's own protocol would drop.
    let scene = scene(&[[16, 8, 31, 15], [40, 50, 40, 50]]);
    let model = Sums::new([0.0, 0.0]);
    scene.predict(&case(), "m", &model).unwrap();
    let boxes: Vec<_> = model.seen().iter().map(|p| p.bounding_box().unwrap()).collect();
    assert_eq!(boxes, [[16.0, 8.0, 32.0, 16.0], [40.0, 50.0, 41.0, 51.0]]);
    assert!(model.seen().iter().all(|prompts| prompts.points().is_empty()));
}

#[test]
fn logits_are_summed_and_a_sum_of_zero_is_object() {
    let scene = scene(&CORNERS);
    // 1 - 1 = 0, whose sigmoid is 0.5: the whole grid is object.
    let (row, shown) = scene.predict(&case(), "m", &Sums::new([1.0, -1.0])).unwrap();
    assert_eq!((row.objects, row.truth_px, row.prediction_px), (2, 2 * 65_536, 1_048_576));
    assert_eq!(row.dice, Some(262_145.0 / 1_179_649.0));
    assert_eq!(row.iou, Some(131_073.0 / 1_048_577.0));
    // From the free corner to the nearest column of a square: 1023 - 255.
    assert_eq!((row.hausdorff_1024_px, row.hausdorff_infinite), (Some(768.0), false));
    assert_eq!((shown.width(), shown.area_px()), (64, 64 * 64));
    // The union of both masks would be everything; their sum is nothing.
    let (row, shown) = scene.predict(&case(), "m", &Sums::new([1.0, -1.5])).unwrap();
    assert_eq!((row.prediction_px, shown.area_px()), (0, 0));
    assert_eq!(row.dice, Some(1.0 / 131_073.0));
    assert_eq!((row.hausdorff_1024_px, row.hausdorff_infinite), (None, true));
}

#[test]
fn figures_belong_to_the_grid_whatever_the_image_s_size() {
    // Logits that are the truth but for one of 64 rows, the first of the rectangle: 16 on the grid.
    let scene = scene(&[[16, 16, 31, 31]]);
    let inside = |i: usize| (16..=31).contains(&(i % 64)) && (17..=31).contains(&(i / 64));
    let values = (0..64 * 64).map(|i| if inside(i) { 8.0 } else { -8.0 }).collect();
    let logits = Logits { values, side: 64 };
    let prediction = above(Some(&logits), [GRID_SIDE; 2]).unwrap();
    let row = scene.row(&case(), &prediction, "m").unwrap();
    // Bilinear between -8 and 8 crosses 0 where the cells meet; corners are rounded a little.
    let [truth, found] = [256.0 * 256.0, 256.0 * 240.0];
    let expected = (2.0 * found + 1.0) / (truth + found + 1.0);
    assert!((row.dice.unwrap() - expected).abs() < 2e-3, "{row:?} for {expected}");
    // The corner's rounding takes a few pixels more than the 16 rows.
    let hausdorff = row.hausdorff_1024_px.unwrap();
    assert!((16.0..20.0).contains(&hausdorff), "{hausdorff}");
}

#[test]
fn the_ellipse_is_scored_the_same_way() {
    let scene = scene(&[[16, 16, 31, 31]]);
    let (row, shown) = scene.baseline(&case()).unwrap().unwrap();
    let quarter = std::f32::consts::FRAC_PI_4;
    assert!((row.dice.unwrap() - 2.0 * quarter / (1.0 + quarter)).abs() < 2e-3, "{row:?}");
    assert!((row.iou.unwrap() - quarter).abs() < 2e-3, "{row:?}");
    // A circle of radius 128 in its square: the corner is (sqrt(2) - 1) * 128 away.
    assert!((row.hausdorff_1024_px.unwrap() - 53.0).abs() < 1.5, "{row:?}");
    assert_eq!((row.model.as_str(), shown.width()), (BASELINE, 64));
}

#[test]
fn an_image_without_an_object_has_no_figures() {
    let scene = scene(&[]);
    assert!(scene.baseline(&case()).unwrap().is_none());
    let (row, _) = scene.predict(&case(), "m", &Sums::new([])).unwrap();
    assert_eq!((row.objects, row.dice, row.hausdorff_infinite), (0, None, false));
}

#[test]
fn a_model_without_logits_is_refused() {
    let scene = scene(&CORNERS);
    let model = crate::fakes::Scripted::new([mask_of(&["#"])]);
    let error = scene.predict(&case(), "m", &model).unwrap_err().to_string();
    assert_eq!(error, "m: expected logits, found none");
}
