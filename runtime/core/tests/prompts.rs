//! What prompts may be, and where they land in the model's input.

use proptest::prelude::*;
use uniultra_core::{DecoderInput, MAX_POINTS, MaskPrompt, PointLabel, PromptError, Prompts};

const POSITIVE: PointLabel = PointLabel::Positive;

#[test]
fn the_33rd_point_is_refused() {
    let mut prompts = Prompts::new();
    for i in 0..MAX_POINTS {
        prompts = prompts.with_point(i as f32, 0.0, POSITIVE).unwrap();
    }
    assert_eq!(prompts.points().len(), 32);
    assert_eq!(prompts.with_point(0.0, 0.0, POSITIVE), Err(PromptError::TooManyPoints));
}

#[test]
fn coordinates_are_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let refused = |result| matches!(result, Err(PromptError::NotFinite { .. }));
        assert!(refused(Prompts::new().with_point(bad, 1.0, POSITIVE)));
        assert!(refused(Prompts::new().with_point(1.0, bad, POSITIVE)));
        assert!(refused(Prompts::new().with_box(0.0, 0.0, bad, 5.0)));
        let mask = MaskPrompt::new(vec![0.0, bad, 0.0, 0.0], 2);
        assert!(matches!(mask, Err(PromptError::NotFinite { .. })));
    }
}

#[test]
fn a_box_has_an_area_and_is_the_only_one() {
    for [x0, y0, x1, y1] in
        [[5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 9.0, 5.0], [9.0, 5.0, 5.0, 9.0], [5.0, 9.0, 9.0, 5.0]]
    {
        let refused = Prompts::new().with_box(x0, y0, x1, y1);
        assert!(matches!(refused, Err(PromptError::BoxCorners { .. })));
    }
    let one = Prompts::new().with_box(1.0, 1.0, 2.0, 2.0).unwrap();
    assert_eq!(one.with_box(3.0, 3.0, 4.0, 4.0), Err(PromptError::SecondBox));
}

#[test]
fn a_mask_prompt_is_a_square_of_the_models_side_and_the_only_one() {
    for (count, side) in [(3, 2), (0, 0), (4, usize::MAX)] {
        let refused = MaskPrompt::new(vec![0.0; count], side);
        assert_eq!(refused, Err(PromptError::MaskValues { side, found: count }));
    }
    let mask = MaskPrompt::new(vec![1.0; 16], 4).unwrap();
    let prompts = Prompts::new().with_mask(mask.clone()).unwrap();
    assert_eq!(prompts.validate(100, 100, 4), Ok(()));
    assert_eq!(prompts.validate(100, 100, 8), Err(PromptError::MaskSide { expected: 8, found: 4 }));
    assert_eq!(prompts.with_mask(mask), Err(PromptError::SecondMask));
}

#[test]
fn prompts_lie_in_the_frame_and_there_is_one() {
    assert_eq!(Prompts::new().validate(100, 50, 16), Err(PromptError::Empty));
    for (x, y, inside) in [
        (0.0, 0.0, true),
        (100.0, 50.0, true),
        (-0.01, 10.0, false),
        (100.01, 10.0, false),
        (10.0, 50.01, false),
    ] {
        let prompts = Prompts::new().with_point(x, y, POSITIVE).unwrap();
        assert_eq!(prompts.validate(100, 50, 16).is_ok(), inside, "{x},{y}");
    }
    let edge = Prompts::new().with_box(0.0, 0.0, 100.0, 50.0).unwrap();
    assert_eq!(edge.validate(100, 50, 16), Ok(()));
    let over = Prompts::new().with_box(10.0, 10.0, 20.0, 51.0).unwrap();
    assert!(matches!(over.validate(100, 50, 16), Err(PromptError::Outside { .. })));
}

#[test]
fn negative_points_alone_mean_no_object() {
    let negative = Prompts::new().with_point(8.0, 5.0, PointLabel::Negative).unwrap();
    assert_eq!(negative.validate(100, 50, 2), Err(PromptError::OnlyNegative));
    let mask = MaskPrompt::new(vec![1.0, -1.0, 1.0, -1.0], 2).unwrap();
    for prompts in [
        negative.clone().with_point(9.0, 9.0, POSITIVE),
        negative.clone().with_box(0.0, 0.0, 50.0, 40.0),
        negative.with_mask(mask),
    ] {
        assert_eq!(prompts.unwrap().validate(100, 50, 2), Ok(()));
    }
}

#[test]
fn the_box_comes_before_the_clicks_and_nothing_is_padded() {
    let prompts = Prompts::new()
        .with_point(400.0, 270.0, POSITIVE)
        .unwrap()
        .with_point(8.0, 5.4, PointLabel::Negative)
        .unwrap()
        .with_box(200.0, 135.0, 600.0, 405.0)
        .unwrap();
    // 800x540 to 1024: the frame of the golden images.
    let input = DecoderInput::from_prompts(&prompts, 800, 540, 1024).unwrap();
    assert_eq!(
        input.point_coords.as_slice(),
        [[256.0, 256.0], [768.0, 768.0], [512.0, 512.0], [10.24, 10.24]]
    );
    assert_eq!(input.point_labels.as_slice(), [2.0, 3.0, 1.0, 0.0]);
    assert_eq!(input.mask_input, None);
}

#[test]
fn a_mask_alone_is_a_prompt() {
    let logits: Vec<f32> = (0..16).map(|v| v as f32).collect();
    let mask = MaskPrompt::new(logits.clone(), 4).unwrap();
    let input =
        DecoderInput::from_prompts(&Prompts::new().with_mask(mask).unwrap(), 99, 33, 16).unwrap();
    assert!(input.point_coords.is_empty() && input.point_labels.is_empty());
    assert_eq!(input.mask_input, Some(logits));
}

#[test]
fn all_points_and_a_box_fit() {
    let mut prompts = Prompts::new().with_box(0.0, 0.0, 9.0, 9.0).unwrap();
    for _ in 0..MAX_POINTS {
        prompts = prompts.with_point(3.0, 4.0, POSITIVE).unwrap();
    }
    let input = DecoderInput::from_prompts(&prompts, 16, 16, 512).unwrap();
    assert_eq!(input.point_coords.len(), 34);
}

proptest! {
    #[test]
    fn coordinates_scale_there_and_back(
        width in 16_usize..=8192,
        height in 16_usize..=8192,
        fx in 0.0_f32..=1.0,
        fy in 0.0_f32..=1.0,
        image_size in prop::sample::select(vec![256_usize, 512, 1024]),
    ) {
        let (x, y) = (fx * width as f32, fy * height as f32);
        let prompts = Prompts::new().with_point(x, y, POSITIVE).unwrap();
        let input = DecoderInput::from_prompts(&prompts, width, height, image_size).unwrap();
        let [u, v] = input.point_coords[0];
        let side = image_size as f32;
        // Four roundings of 2^-24 each.
        let close = |back: f32, there: f32| (back - there).abs() <= 4.0 * f32::EPSILON * there;
        prop_assert!((0.0..=side * 1.000_001).contains(&u) && (0.0..=side * 1.000_001).contains(&v));
        prop_assert!(close(u * width as f32 / side, x) && close(v * height as f32 / side, y));
    }

    #[test]
    fn mirroring_frame_and_point_mirrors_the_input(
        width in 16_usize..=8192,
        x in 0.0_f32..=16.0,
    ) {
        let at = |x: f32| {
            let prompts = Prompts::new().with_point(x, 3.0, POSITIVE).unwrap();
            DecoderInput::from_prompts(&prompts, width, 64, 1024).unwrap().point_coords[0][0]
        };
        // Across the frame's edges, 0 and width, which map to 0 and S.
        let mirrored = 1024.0 - at(width as f32 - x);
        prop_assert!((at(x) - mirrored).abs() <= 1024.0 * 4.0 * f32::EPSILON);
    }
}
