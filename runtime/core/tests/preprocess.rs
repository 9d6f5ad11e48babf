//! Preprocessing against a plain double-precision reference, and its symmetries.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use proptest::prelude::*;
use uniultra_core::{Frame, InputSpec, Pixels, PreprocessError, preprocess};
use uniultra_manifest::{Channels, Normalization};

/// Values in 0..=1 against exact arithmetic: a few single-precision roundings.
const VALUE_TOLERANCE: f64 = 5e-7;

/// After the division by std >= 0.224 the same roundings weigh up to 4.5 times as much.
const NORMALISED_TOLERANCE: f64 = 2e-6;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

fn gray_spec(image_size: usize) -> InputSpec {
    let normalization = Normalization::Graph;
    InputSpec { image_size, channels: Channels::Gray, normalization, mean: MEAN, std: STD }
}

fn rgb_spec(image_size: usize) -> InputSpec {
    let normalization = Normalization::Runtime;
    InputSpec { image_size, channels: Channels::Rgb, normalization, mean: MEAN, std: STD }
}

/// Numbers that look random and are the same everywhere.
fn noise(count: usize, seed: u64) -> impl Iterator<Item = u16> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count).map(move |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as u16
    })
}

fn noisy_frame(width: usize, height: usize, kind: usize, seed: u64) -> Frame {
    let gray = noise(width * height, seed);
    let rgb = noise(3 * width * height, seed);
    let pixels = match kind {
        0 => Pixels::Gray8(gray.map(|v| (v >> 8) as u8).collect()),
        1 => Pixels::Gray16(gray.collect()),
        2 => Pixels::Rgb8(rgb.map(|v| (v >> 8) as u8).collect()),
        _ => Pixels::Rgb16(rgb.collect()),
    };
    Frame::new(width, height, pixels).unwrap()
}

fn run(frame: &Frame, spec: &InputSpec) -> Vec<f32> {
    let mut out = vec![f32::NAN; spec.values()];
    preprocess(frame, spec, &mut out).unwrap();
    out
}

/// One pixel's plane value in double precision.
fn sample(frame: &Frame, x: usize, y: usize, channel: usize, gray: bool) -> f64 {
    let at = y * frame.width() + x;
    let rgb = match frame.pixels() {
        Pixels::Gray8(s) => [f64::from(s[at]) / 255.0; 3],
        Pixels::Gray16(s) => [f64::from(s[at]) / 65535.0; 3],
        Pixels::Rgb8(s) => [0, 1, 2].map(|c| f64::from(s[3 * at + c]) / 255.0),
        Pixels::Rgb16(s) => [0, 1, 2].map(|c| f64::from(s[3 * at + c]) / 65535.0),
    };
    if gray { 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] } else { rgb[channel] }
}

/// Bilinear resizing as it is defined, one output value at a time.
fn reference(frame: &Frame, side: usize, channel: usize, gray: bool) -> Vec<f64> {
    let axis = |i: usize, length: usize| {
        let place = (i as f64 + 0.5) * length as f64 / side as f64 - 0.5;
        let place = place.max(0.0).min(length as f64 - 1.0);
        let lo = place.floor();
        (lo as usize, (lo as usize + 1).min(length - 1), place - lo)
    };
    let mut out = Vec::with_capacity(side * side);
    for i in 0..side {
        let (y0, y1, fy) = axis(i, frame.height());
        for j in 0..side {
            let (x0, x1, fx) = axis(j, frame.width());
            let at = |x, y| sample(frame, x, y, channel, gray);
            out.push(
                (1.0 - fy) * ((1.0 - fx) * at(x0, y0) + fx * at(x1, y0))
                    + fy * ((1.0 - fx) * at(x0, y1) + fx * at(x1, y1)),
            );
        }
    }
    out
}

fn largest_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs()).fold(0.0, f64::max)
}

#[test]
fn gray_input_equals_the_reference_on_odd_sizes() {
    for (width, height, side) in [
        (16, 16, 64),
        (17, 31, 96),
        (31, 17, 64),
        (8192, 16, 64),
        (16, 8192, 64),
        (1024, 1024, 512),
    ] {
        for kind in 0..4 {
            let frame = noisy_frame(width, height, kind, 7);
            let error =
                largest_error(&run(&frame, &gray_spec(side)), &reference(&frame, side, 0, true));
            assert!(error <= VALUE_TOLERANCE, "{width}x{height} kind {kind}: {error:e}");
        }
    }
}

#[test]
fn rgb_input_is_normalised_by_channel() {
    let side = 96;
    for kind in 0..4 {
        let frame = noisy_frame(67, 45, kind, 3);
        let out = run(&frame, &rgb_spec(side));
        for channel in 0..3 {
            let mean = f64::from(MEAN[channel]);
            let std = f64::from(STD[channel]);
            let expected: Vec<f64> =
                reference(&frame, side, channel, false).iter().map(|v| (v - mean) / std).collect();
            let plane = &out[channel * side * side..(channel + 1) * side * side];
            let error = largest_error(plane, &expected);
            assert!(error <= NORMALISED_TOLERANCE, "kind {kind} channel {channel}: {error:e}");
        }
    }
}

#[test]
fn a_constant_frame_stays_exactly_constant() {
    for value in [0, 1, 77, 128, 254, 255_u8] {
        let frame = Frame::new(37, 53, Pixels::Rgb8(vec![value; 37 * 53 * 3])).unwrap();
        let expected = f32::from(value) / 255.0;
        assert!(run(&frame, &gray_spec(64)).iter().all(|v| *v == expected), "{value}");
    }
}

#[test]
fn a_ramp_stays_a_ramp_away_from_the_border() {
    let (width, side) = (64, 256);
    let row = (0..width).map(|x| x as u16 * 1000);
    let samples = (0..32).flat_map(|_| row.clone()).collect();
    let out = run(&Frame::new(width, 32, Pixels::Gray16(samples)).unwrap(), &gray_spec(side));
    for (x, value) in out[..side].iter().enumerate().skip(2).take(side - 4) {
        let source = (x as f64 + 0.5) * width as f64 / side as f64 - 0.5;
        assert!((f64::from(*value) - source * 1000.0 / 65535.0).abs() <= VALUE_TOLERANCE, "{x}");
    }
}

#[test]
fn a_frame_of_the_models_size_is_not_resampled() {
    let frame = noisy_frame(64, 64, 0, 11);
    let out = run(&frame, &gray_spec(64));
    for (i, value) in out.iter().enumerate() {
        assert_eq!(Some(*value), frame.gray(i % 64, i / 64));
    }
}

#[test]
fn a_buffer_of_another_length_is_refused() {
    let frame = noisy_frame(16, 16, 0, 1);
    let mut out = vec![0.0; 64 * 64 - 1];
    assert!(matches!(
        preprocess(&frame, &gray_spec(64), &mut out),
        Err(PreprocessError::Buffer { expected: 4096, found: 4095 })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mirroring_and_transposing_the_frame_does_so_to_the_input(
        width in 16_usize..80,
        height in 16_usize..80,
        seed in any::<u64>(),
    ) {
        let side = 64;
        let frame = noisy_frame(width, height, 0, seed);
        let Pixels::Gray8(samples) = frame.pixels() else { unreachable!() };
        let mirrored: Vec<u8> =
            samples.chunks(width).flat_map(|row| row.iter().rev().copied()).collect();
        let transposed: Vec<u8> =
            (0..width * height).map(|i| samples[i % height * width + i / height]).collect();
        let out = run(&frame, &gray_spec(side));
        let mirrored = Frame::new(width, height, Pixels::Gray8(mirrored)).unwrap();
        let transposed = Frame::new(height, width, Pixels::Gray8(transposed)).unwrap();
        let mirrored = run(&mirrored, &gray_spec(side));
        let transposed = run(&transposed, &gray_spec(side));
        for (i, &value) in out.iter().enumerate() {
            let (x, y) = (i % side, i / side);
            let close = |a: f32, b: f32| f64::from((a - b).abs()) <= VALUE_TOLERANCE;
            prop_assert!(close(value, mirrored[y * side + side - 1 - x]));
            prop_assert!(close(value, transposed[x * side + y]));
        }
    }

    #[test]
    fn gray_frames_and_their_rgb_copies_give_the_same_input(seed in any::<u64>()) {
        let frame = noisy_frame(33, 21, 1, seed);
        let Pixels::Gray16(samples) = frame.pixels() else { unreachable!() };
        let tripled = samples.iter().flat_map(|v| [*v; 3]).collect();
        let tripled = Frame::new(33, 21, Pixels::Rgb16(tripled)).unwrap();
        for spec in [gray_spec(64), rgb_spec(64)] {
            prop_assert_eq!(run(&frame, &spec), run(&tripled, &spec));
        }
    }
}
