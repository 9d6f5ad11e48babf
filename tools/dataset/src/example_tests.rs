//! Examples under any augmentation.

use super::*;
use crate::Part;
use proptest::prelude::*;
use uniultra_core::{Frame, Mask, Pixels};

/// Two disks and a strip; the picture is white where an object is.
fn packed(width: usize, height: usize) -> Packed {
    let unit = |at: usize, side: usize| (at as f64 + 0.5) / side as f64;
    let inside = |i: usize| {
        let [x, y] = [unit(i % width, width), unit(i / width, height)];
        let disk = |u: f64, v: f64, r: f64| (x - u).powi(2) + (y - v).powi(2) < r * r;
        disk(0.3, 0.3, 0.15) || disk(0.75, 0.4, 0.1) || (0.8..0.84).contains(&y)
    };
    let data: Vec<u8> = (0..width * height).map(|i| if inside(i) { 255 } else { 0 }).collect();
    let frame = Frame::new(width, height, Pixels::Gray8(data.clone())).unwrap();
    Packed::pack(&frame, &Mask::from_binary(width, height, data).unwrap()).unwrap()
}

/// Every part, always, in its default range.
fn everything() -> AugmentConfig {
    let d = AugmentConfig::default();
    let always = |part: Part| Part { p: 1.0, ..part };
    AugmentConfig {
        flip_horizontal: 0.5,
        flip_vertical: 0.5,
        scale: always(d.scale),
        aspect: always(d.aspect),
        shift: always(d.shift),
        rotate_deg: always(d.rotate_deg),
        depth: always(d.depth),
        gain_db: always(d.gain_db),
        contrast: always(d.contrast),
        gamma: always(d.gamma),
        tgc_db: always(d.tgc_db),
        speckle: always(d.speckle),
        noise: always(d.noise),
        blur_px: always(d.blur_px),
        shadow: always(d.shadow),
    }
}

/// Geometry only, all of it.
fn moves() -> AugmentConfig {
    let all = everything();
    AugmentConfig {
        flip_horizontal: all.flip_horizontal,
        flip_vertical: all.flip_vertical,
        scale: Part { range: [0.3, 3.0], ..all.scale },
        aspect: all.aspect,
        shift: Part { range: [-0.5, 0.5], ..all.shift },
        rotate_deg: Part { range: [-45.0, 45.0], ..all.rotate_deg },
        depth: all.depth,
        ..AugmentConfig::none()
    }
}

#[test]
fn without_augmentation_all_objects_are_there() {
    let drawn = draw(&packed(120, 90), 64, &AugmentConfig::none(), true, &[1, 2, 3]);
    let areas: Vec<usize> =
        drawn.objects.iter().map(|mask| mask.iter().map(|&v| usize::from(v)).sum()).collect();
    // Disks of 0.0707 and 0.0314 of the picture; of the strip, rows 72 to 75 of 90.
    let expected = [290.0, 129.0, 4.0 / 90.0 * 4096.0];
    for (area, expected) in areas.iter().zip(expected) {
        assert!((*area as f64 / expected - 1.0).abs() < 0.08, "{areas:?}");
    }
    assert_eq!(areas.len(), 3);
}

#[test]
fn the_same_seed_gives_the_same_example_and_another_another() {
    let packed = packed(120, 90);
    let image = |seed| draw(&packed, 48, &everything(), true, &seed).image;
    assert_eq!(image([1, 2, 3]), image([1, 2, 3]));
    for other in [[2, 2, 3], [1, 3, 3], [1, 2, 4]] {
        assert_ne!(image([1, 2, 3]), image(other));
    }
}

#[test]
fn black_stays_black_whatever_the_look() {
    let mut packed = packed(100, 80);
    packed.gray.fill(0);
    let look = AugmentConfig { gain_db: Part { p: 1.0, range: [6.0, 6.0] }, ..everything() };
    for seed in 0..20 {
        let drawn = draw(&packed, 48, &look, true, &[seed, 0, 0]);
        assert!(drawn.image.iter().all(|&value| value == 0.0));
    }
}

#[test]
fn objects_too_small_for_the_size_are_left_out() {
    assert!(draw(&packed(120, 90), 1, &AugmentConfig::none(), true, &[0; 3]).objects.is_empty());
}

proptest! {
    #[test]
    fn image_and_masks_stay_aligned(seed: u64, width in 60_usize..140, height in 60_usize..140) {
        let packed = packed(width, height);
        let Drawn { image, objects } = draw(&packed, 64, &moves(), true, &[seed, 0, 0]);
        prop_assert!(!objects.is_empty());
        for mask in &objects {
            prop_assert!(mask.contains(&1));
        }
        // Objects that were left out are white in the image, but in no mask.
        let all = objects.len() == packed.objects.len();
        for (at, value) in image.iter().enumerate() {
            let covered: u8 = objects.iter().map(|mask| mask[at]).sum();
            prop_assert!(covered <= 1);
            // Between two objects, both may be below one half where the image is above.
            let clear = (value - 0.5).abs() > 1e-4;
            prop_assert!(covered == 0 || *value >= 0.5 - 1e-6);
            prop_assert!(!(all && clear && *value > 0.5) || covered == 1, "{at}: {value}");
        }
    }

    #[test]
    fn values_stay_in_range(seed: u64, size in 16_usize..80) {
        let packed = packed(90, 70);
        let Drawn { image, objects } = draw(&packed, size, &everything(), true, &[seed, 1, 1]);
        prop_assert!(image.iter().all(|value| (0.0..=1.0).contains(value)));
        prop_assert!(!objects.is_empty());
        for mask in &objects {
            prop_assert!(mask.iter().all(|value| *value <= 1) && mask.contains(&1));
        }
    }
}
