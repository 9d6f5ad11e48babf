//! End to end on real frames: a fetal head from its box, through export and runtime.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, Mask, MaskChoice, PixelBox, Pixels, Prompts, dice};
use uniultra_engine::Segmenter;
use uniultra_export::ExportOptions;
use uniultra_tests::packs::{ScratchPack, sam2_tiny};

fn hc18() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/hc18")
}

fn val_stems() -> Vec<String> {
    let text = fs::read_to_string(hc18().join("data_split.json")).unwrap();
    let mut split: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap();
    split.remove("val").unwrap()
}

fn read(path: PathBuf) -> Frame {
    Frame::decode(&fs::read(path).unwrap()).unwrap()
}

fn truth(stem: &str) -> Mask {
    let frame = read(hc18().join("mask").join(format!("{stem}.png")));
    let Pixels::Gray8(values) = frame.pixels() else { panic!("{stem}: masks are 8-bit gray") };
    let binary = values.iter().map(|v| u8::from(*v > 127)).collect();
    Mask::from_binary(frame.width(), frame.height(), binary).unwrap()
}

/// Dice of the whole head, prompted with its true box as `uniultra-evaluate` prompts objects.
fn head_dice(segmenter: &Segmenter, stem: &str) -> f64 {
    let frame = read(hc18().join("image").join(format!("{stem}.jpg")));
    let truth = truth(stem);
    let PixelBox { x0, y0, x1, y1 } = truth.bounding_box().unwrap();
    let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|v| v as f32);
    let prompts = Prompts::new().with_box(x0, y0, x1, y1).unwrap();
    let prediction = segmenter.encode(&frame).unwrap().predict(&prompts).unwrap();
    dice(&prediction.mask(prediction.choose(MaskChoice::Single)), &truth).unwrap().into()
}

fn evaluate(stems: &[String]) -> Option<Vec<f64>> {
    let checkpoint = sam2_tiny()?;
    let pack = ScratchPack::export(&checkpoint, &ExportOptions::default());
    let segmenter = pack.segmenter();
    let dice: Vec<f64> = stems.iter().map(|stem| head_dice(&segmenter, stem)).collect();
    for (stem, dice) in stems.iter().zip(&dice) {
        println!("{stem} {dice:.4}");
    }
    Some(dice)
}

/// SAM 2 has never seen ultrasound: some heads fail (a mean of 0.76 and a median of 0.96 were seen
/// on another sample), so the claim is about most of them.
fn most_are_good(dice: &[f64]) {
    let mut sorted = dice.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mean = dice.iter().sum::<f64>() / dice.len() as f64;
    let median = sorted[sorted.len() / 2];
    let good = dice.iter().filter(|d| **d >= 0.9).count();
    println!("{} heads: mean {mean:.4}, median {median:.4}, {good} at 0.9 or more", dice.len());
    assert!(2 * good > dice.len(), "{good} of {} heads reach Dice 0.9", dice.len());
}

#[test]
fn a_few_heads_from_their_boxes() {
    if !hc18().is_dir() {
        eprintln!("skipped: no ../shared");
        return;
    }
    let stems: Vec<String> = val_stems().into_iter().step_by(16).collect();
    if let Some(dice) = evaluate(&stems) {
        most_are_good(&dice);
    }
}

#[test]
#[ignore = "113 encodes of SAM 2 tiny at 1024 take minutes; run by hand, figures in tests/README.md"]
fn every_validation_head_from_its_box() {
    if !hc18().is_dir() {
        eprintln!("skipped: no ../shared");
        return;
    }
    if let Some(dice) = evaluate(&val_stems()) {
        most_are_good(&dice);
    }
}
