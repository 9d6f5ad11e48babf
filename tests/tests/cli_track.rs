//! `phantom --cine` and `track`: a sequence followed from one tap, its report, and exit codes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, root, run};
use uniultra_tests::packs::{ScratchPack, random};

const FRAMES: usize = 6;

/// One short sequence, and its set's folder.
fn cine() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let frames = FRAMES.to_string();
    let out = folder.path().to_str().unwrap();
    let words = ["phantom", "--cine", "--seed", "5", "--count", "1", "--frames", &frames];
    run("uniultra-tools", words.into_iter().chain(["--set-name", "cine", "--out", out])).succeeds();
    let set = folder.path().join("cine");
    (folder, set)
}

fn track(set: &Path, model: &Path, more: &[&str]) -> Run {
    let out = set.join("report");
    let words = [
        "track",
        "--data",
        set.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--force",
    ];
    run("uniultra-tools", words.iter().chain(more))
}

/// The shipped model on a fetal head that hardly moves in 6 frames.
#[test]
fn the_shipped_model_follows_and_the_report_says_so() {
    let (_scratch, set) = cine();
    let found = track(&set, &root().join("models/uniultra-mini-int8"), &["--json", "-"]);
    found.succeeds();
    let report: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(report["schema"], "uniultra-track");
    assert_eq!(report["model"]["id"], "uniultra-mini-int8");
    let methods = report["methods"].as_array().unwrap();
    let names: Vec<_> = methods.iter().map(|method| method["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["live", "frozen", "point_held", "template"]);
    for method in methods {
        let frames = method["sequences"][0]["frames"].as_array().unwrap();
        assert_eq!(frames.len(), FRAMES);
        assert_eq!(method["figures"]["visible_frames"], FRAMES);
    }
    let dice = methods[0]["figures"]["mean_dice"].as_f64().unwrap();
    assert!(dice > 0.9, "{dice}");
    for (file, words) in
        [("report.md", "live session"), ("report.html", "<svg"), ("report.json", "methods")]
    {
        let text = fs::read_to_string(set.join("report").join(file)).unwrap();
        assert!(text.contains(words), "{file}: no {words}");
    }
}

#[test]
fn mistakes_have_their_exit_codes() {
    let (_scratch, set) = cine();
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    let pack = ScratchPack::export(&random("uniultra-mini", 5), &options);
    let model = pack.folder();
    // Frames by number need no cine.json; a range without two of them is refused.
    track(&set, &model, &["--run", "1-4", "--no-baselines"]).succeeds();
    track(&set, &model, &["--run", "4-4"]).fails(2, &["FIRST-LAST"]);
    track(&set, &model, &["--run", "90-99"]).fails(3, &["at least 2 frames", "found 0"]);
    track(&set, Path::new("/nowhere"), &[]).fails(4, &["/nowhere"]);
    track(&set, &model, &["--json", "/nowhere/report.json"]).fails(6, &["report.json"]);
    let image = set.join("image/cine_0000_0002.png");
    fs::write(&image, "not an image").unwrap();
    track(&set, &model, &[]).fails(3, &["cine_0000_0002.png"]);
    fs::write(set.join("cine.json"), "{}").unwrap();
    track(&set, &model, &[]).fails(3, &["cine.json", "sequences"]);
    track(&set.join("image"), &model, &[]).fails(3, &["cine.json", "phantom --cine"]);
}
