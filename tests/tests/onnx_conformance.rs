//! Exported packs are valid, standard ONNX, and ONNX Runtime computes what our runtime computes.
//!
//! Without the environment that `cargo xtask setup-python` makes, these tests are skipped, or fail
//! where `CI=true`.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::fs;
use std::path::Path;
use uniultra_checkpoint::{Architecture, Checkpoint, random_checkpoint};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{Channels, EdgeLayout, WeightFormat};
use uniultra_tests::cli::root;
use uniultra_tests::onnx_runtime::{Features, SCORE_SCALE, Work, python, run_both, shipped};

/// Largest difference between the two engines, as a share of the tensor's largest magnitude. Both
/// compute in f32 and differ in the order of sums and in how they approximate exp and erf: 5e-5 at
/// most when this was written, while a wrong operator or layout is off by far more than 1e-3.
const TOLERANCE: f32 = 1e-3;

/// For the same input of each network: the largest difference of the engines' outputs, in 8-bit
/// steps, and the share of values that must be within it. A value between two steps may be rounded
/// either way, and all that reads it follows. The smallest share seen was 99.997 %; over encoder
/// and decoder together it was 62 %, for a decoder without any prompt.
const MAX_STEPS: f32 = 2.0;
const MIN_SHARE: f32 = 0.999;

#[test]
fn random_mini_packs_agree_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let checkpoint = random_checkpoint(&mini, 2);
    for image_size in [128, 256] {
        for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
            for channels in [Channels::Gray, Channels::Rgb] {
                for simplify in [true, false] {
                    let options = ExportOptions {
                        image_size,
                        edge_layout,
                        channels,
                        simplify,
                        ..Default::default()
                    };
                    let name = format!("{image_size} {edge_layout} {channels} simplify={simplify}");
                    compare(&python, &name, &export(&checkpoint, &options).unwrap());
                }
            }
        }
    }
}

#[test]
fn sam2_tiny_pack_agrees_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let weights = root().join("../shared/weights/sam2_hiera_tiny.fp16.safetensors");
    if !weights.is_file() {
        eprintln!("skipped: no ../shared");
        return;
    }
    let checkpoint = Checkpoint::open(&weights).unwrap();
    let options = ExportOptions { image_size: 512, ..Default::default() };
    compare(&python, "SAM 2 tiny", &export(&checkpoint, &options).unwrap());
}

#[test]
fn packs_with_f16_weights_agree_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let checkpoint = random_checkpoint(&mini, 2);
    for simplify in [true, false] {
        let weights = WeightFormat::F16;
        let options = ExportOptions { image_size: 256, weights, simplify, ..Default::default() };
        let name = format!("weights {weights}, simplify={simplify}");
        compare(&python, &name, &export(&checkpoint, &options).unwrap());
    }
}

#[test]
fn the_f32_model_agrees_with_onnx_runtime() {
    let Some(python) = python() else { return };
    compare(&python, "uniultra-mini", &shipped("uniultra-mini"));
}

#[test]
fn the_int8_model_agrees_with_onnx_runtime_to_two_steps() {
    let Some(python) = python() else { return };
    let mut least: f32 = 1.0;
    for pair in
        run_both(&python, "uniultra-mini-int8", &shipped("uniultra-mini-int8"), Features::Theirs)
    {
        let step = pair.scale() / 127.0;
        let near = pair.ours.iter().zip(&pair.theirs).filter(|(a, b)| {
            // NaN is near to nothing.
            (**a - **b).abs() <= MAX_STEPS * step
        });
        let share = near.count() as f32 / pair.ours.len() as f32;
        assert!(share >= MIN_SHARE, "{}: {share} within {MAX_STEPS} steps", pair.what);
        least = least.min(share);
    }
    eprintln!("uniultra-mini-int8: at least {least} within {MAX_STEPS} steps");
}

/// The script above all must be able to say no.
#[test]
fn checker_refuses_a_pack_that_is_not_what_it_says() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let options = ExportOptions { image_size: 64, ..Default::default() };
    let good = export(&random_checkpoint(&mini, 3), &options).unwrap();
    let refusal = |pack: &ModelPack, break_it: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::new(folder.path(), pack);
        break_it(&work.pack);
        let output = work.check(&python);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    };

    let flipped = refusal(&good, &|pack| {
        let path = pack.join("mask_decoder.onnx");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    });
    assert!(flipped.contains("mask_decoder.onnx: sha256"), "{flipped}");

    let renamed = refusal(&good, &|pack| {
        let path = pack.join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("high_res_feats_1", "high_res_feats_2", 1)).unwrap();
    });
    assert!(renamed.contains("image_encoder.onnx: outputs"), "{renamed}");

    let restated = refusal(&good, &|pack| {
        let path = pack.join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("weights = \"f32\"", "weights = \"f16\"", 1)).unwrap();
    });
    assert!(restated.contains("image_encoder.onnx: formats of weights"), "{restated}");
}

#[test]
fn differences_are_relative_and_nan_is_one() {
    assert!((difference(&[1.0, 10.1], &[1.0, 10.0], 0.0) - 0.01).abs() < 1e-6);
    assert!((difference(&[0.1], &[0.2], SCORE_SCALE) - 0.1).abs() < 1e-6);
    assert!(difference(&[1.0, f32::NAN, 1.0], &[1.0; 3], 0.0).is_nan());
    assert_eq!(difference(&[0.0], &[0.0], 0.0), f32::INFINITY);
}

/// Runs one pack in both engines on every kind of prompt.
fn compare(python: &Path, name: &str, pack: &ModelPack) {
    let mut worst: f32 = 0.0;
    for pair in run_both(python, name, pack, Features::Ours) {
        let difference = difference(&pair.ours, &pair.theirs, pair.floor);
        assert!(difference <= TOLERANCE, "{name}: {}: differs by {difference:e}", pair.what);
        worst = worst.max(difference);
    }
    eprintln!("{name}: largest difference {worst:.1e}");
}

/// Largest difference as a share of the largest magnitude, or of `floor` where that is larger. A
/// tensor of zeros agrees with nothing.
fn difference(ours: &[f32], theirs: &[f32], floor: f32) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let scale = theirs.iter().fold(floor, |largest, value| largest.max(value.abs()));
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    // `f32::max` would pass over NaN.
    let largest = differences.fold(0.0, |a: f32, b| if a.is_nan() || a > b { a } else { b });
    if scale > 0.0 { largest / scale } else { f32::INFINITY }
}
