//! Runs the examples on the sample frame, as readers of the documentation do.
#![cfg(all(feature = "embedded-model", feature = "files"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra::{Frame, Pixels};

/// Dice that a mask of the sample's cyst must reach.
const MIN_DICE: f64 = 0.95;

/// The cyst's area in the exact mask, and the largest allowed error, in pixels.
const SLACK_PX: usize = 1500;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sample").join(name)
}

/// Standard output of an example, which must succeed.
fn run(example: &str, args: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program =
        profile.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.is_file(), "{example} is not built: `cargo build -p uniultra --examples`");
    let output = Command::new(program).arg(sample("frame.png")).args(args).output().unwrap();
    assert!(output.status.success(), "{example}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn foreground(path: &Path) -> Vec<bool> {
    let frame = Frame::decode(&std::fs::read(path).unwrap()).unwrap();
    match frame.pixels() {
        Pixels::Gray8(samples) => samples.iter().map(|&v| v > 0).collect(),
        other => panic!("expected 8-bit gray, found {} channels", other.channels()),
    }
}

fn area() -> usize {
    foreground(&sample("mask.png")).into_iter().filter(|&inside| inside).count()
}

#[test]
fn one_click_finds_the_cyst() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.png");
    run("one_click", &["269,279", mask.to_str().unwrap()]);
    let (found, exact) = (foreground(&mask), foreground(&sample("mask.png")));
    assert_eq!(found.len(), exact.len());
    let count = |mask: &[bool]| mask.iter().filter(|&&inside| inside).count();
    let both = found.iter().zip(&exact).filter(|&(&a, &b)| a && b).count();
    let dice = 2.0 * both as f64 / (count(&found) + count(&exact)) as f64;
    assert!(dice > MIN_DICE, "{dice}");
}

#[test]
fn many_objects_answer_the_same_on_any_number_of_threads() {
    let points = ["269,279", "100,100", "300,290"];
    let one = run("many_objects", &[&["1"], &points[..]].concat());
    let three = run("many_objects", &[&["3"], &points[..]].concat());
    assert_eq!(one, three);
    let lines: Vec<Vec<&str>> = one.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines.len(), points.len());
    assert_eq!(lines[0][0], points[0]);
    let found: usize = lines[0][1].parse().unwrap();
    assert!(found.abs_diff(area()) < SLACK_PX, "{found}");
}

#[test]
fn a_refined_mask_is_still_the_cyst() {
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("overlay.png");
    let printed = run("refine", &["269,279", "420,120", overlay.to_str().unwrap()]);
    let areas: Vec<usize> = printed.split_whitespace().map(|text| text.parse().unwrap()).collect();
    assert_eq!(areas.len(), 2, "{printed}");
    assert!(areas.iter().all(|found| found.abs_diff(area()) < SLACK_PX), "{printed}");
    let picture = Frame::decode(&std::fs::read(&overlay).unwrap()).unwrap();
    assert!(picture.width() >= 512 && picture.pixels().channels() == 3);
}

#[test]
fn a_pack_in_the_program_is_that_pack() {
    let printed = run("pack_in_program", &["269,279"]);
    let (id, found) = printed.trim().split_once(' ').unwrap();
    assert_eq!(id, "uniultra-mini");
    let found: usize = found.parse().unwrap();
    assert!(found.abs_diff(area()) < SLACK_PX, "{found}");
}
