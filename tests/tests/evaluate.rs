//! `uniultra-tools evaluate` and `merge` on phantom frames: files, shards, masks, exit codes.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use uniultra_export::ExportOptions;
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};
use uniultra_tests::cli::{Run, root, run};
use uniultra_tests::packs::{ScratchPack, random};

const FRAMES: u32 = 6;

/// A small model of random weights: how good its masks are does not matter here.
fn pack() -> ScratchPack {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", 3), &options)
}

fn frames() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = DatasetConfig {
        seed: 11,
        count: FRAMES,
        set_name: "phantom".to_string(),
        phantom: PhantomConfig { size_px: Some([320, 256]), ..PhantomConfig::default() },
        force: false,
        threads: None,
    };
    write_dataset(folder.path(), &config, &|| ()).unwrap();
    folder
}

/// Runs `evaluate` on every frame with three kinds of prompts.
fn evaluate(model: &Path, data: &Path, out: &Path, rest: &[&str]) -> Run {
    let mut args: Vec<OsString> = vec!["evaluate".into(), "--model".into(), model.into()];
    args.extend(["--data".into(), data.into(), "--out".into(), out.into()]);
    args.extend(["--split", "all"].map(Into::into));
    args.extend(["--prompt", "point", "--prompt", "box", "--prompt", "clicks-2"].map(Into::into));
    args.extend(rest.iter().map(Into::into));
    run("uniultra-tools", args)
}

fn json(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn shards_merge_to_the_whole_byte_for_byte() {
    let (pack, data, scratch) = (pack(), frames(), tempfile::tempdir().unwrap());
    let out = |name: &str| scratch.path().join(name);
    let masks = out("masks");
    let save = ["--threads", "2", "--save-masks", masks.to_str().unwrap()];
    let whole = evaluate(&pack.folder(), data.path(), &out("whole"), &save);
    assert!(whole.succeeds().stdout.contains("| baseline:ellipse |"), "{whole:?}");
    for (name, shard) in [("part-0", "0/2"), ("part-1", "1/2")] {
        let rest = ["--threads", "1", "--shard", shard];
        evaluate(&pack.folder(), data.path(), &out(name), &rest).succeeds();
    }
    let args = ["merge".into(), out("part-0"), out("part-1"), "--out".into(), out("merged")];
    run("uniultra-tools", args).succeeds();

    let read = |folder: &str, name: &str| fs::read_to_string(out(folder).join(name)).unwrap();
    let csv = read("whole", "images.csv");
    assert_eq!(csv, read("merged", "images.csv"));
    assert_eq!(read("whole", "report.md"), read("merged", "report.md"));
    // The header, and a frame's baseline and three prompts.
    assert_eq!(csv.lines().count(), 1 + FRAMES as usize * 4, "{csv}");

    let (whole, merged) = (json(&out("whole")), json(&out("merged")));
    assert_eq!(whole["aggregates"], merged["aggregates"]);
    assert_eq!(whole["problems"], Value::Array(Vec::new()));
    let manifest = &pack.pack.manifest;
    let model = &whole["models"][0];
    assert_eq!(model["id"], *manifest.model.id);
    assert_eq!(model["image_encoder_sha256"], *manifest.image_encoder.sha256.as_str());
    assert_eq!(model["mask_decoder_sha256"], *manifest.mask_decoder.sha256.as_str());
    // Pictures that the page shows are there.
    let html = read("merged", "report.html");
    let shown: Vec<&str> =
        html.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(shown.len() >= 3 * 3, "{shown:?}");
    assert!(shown.iter().all(|path| out("merged").join(path).is_file()), "{shown:?}");
    // Two of three prompts are not the only one: masks lie below model and prompt.
    let saved = masks.join(&manifest.model.id).join("box/phantom/phantom_000004.png");
    let saved = image::open(saved).unwrap().into_luma8();
    assert_eq!(saved.dimensions(), (320, 256));
    assert!(saved.pixels().all(|pixel| matches!(pixel.0, [0 | 255])));
}

#[test]
fn the_published_protocol_merges_and_names_itself() {
    let (pack, data, scratch) = (pack(), frames(), tempfile::tempdir().unwrap());
    let out = |name: &str| scratch.path().join(name);
    let published = |name: &str, rest: &[&str]| {
        let mut args: Vec<OsString> =
            vec!["evaluate".into(), "--model".into(), pack.folder().into()];
        args.extend(["--data".into(), data.path().into(), "--out".into(), out(name).into()]);
        args.extend(
            ["--split", "all", "--protocol", "published"].iter().chain(rest).map(Into::into),
        );
        run("uniultra-tools", args)
    };
    let whole = published("whole", &[]);
    for words in ["protocol published", "| box | baseline:ellipse |", "64 x 64 pixels", "infinite"]
    {
        assert!(whole.succeeds().stdout.contains(words), "{words} in {whole:?}");
    }
    for (name, shard) in [("part-0", "0/2"), ("part-1", "1/2")] {
        published(name, &["--shard", shard]).succeeds();
    }
    let args = ["merge".into(), out("part-0"), out("part-1"), "--out".into(), out("merged")];
    run("uniultra-tools", args).succeeds();
    let read = |folder: &str, name: &str| fs::read_to_string(out(folder).join(name)).unwrap();
    assert_eq!(read("whole", "images.csv"), read("merged", "images.csv"));
    assert_eq!(read("whole", "report.md"), read("merged", "report.md"));
    // The header, and a frame's baseline and box.
    assert_eq!(read("whole", "images.csv").lines().count(), 1 + FRAMES as usize * 2);
    let json = json(&out("whole"));
    assert_eq!(json["settings"]["protocol"], "published");
    let line = &json["aggregates"][1];
    let (finite, infinite) = (&line["hausdorff_1024_px"]["n"], &line["hausdorff_infinite"]);
    assert_eq!(finite.as_u64().unwrap_or(0) + infinite.as_u64().unwrap(), u64::from(FRAMES));

    published("more", &["--prompt", "point"]).fails(2, &["--prompt", "published"]);
    published("more", &["--multimask"]).fails(2, &["--multimask", "published"]);
}

#[test]
fn bad_frames_are_named_and_strict_fails() {
    let (pack, data, scratch) = (pack(), frames(), tempfile::tempdir().unwrap());
    let set = data.path().join("phantom");
    fs::write(set.join("image/phantom_000001.png"), b"no image").unwrap();
    fs::remove_file(set.join("mask/phantom_000002.png")).unwrap();
    image::GrayImage::new(64, 64).save(set.join("mask/phantom_000005.png")).unwrap();

    let out = scratch.path().join("lenient");
    evaluate(&pack.folder(), data.path(), &out, &[]).succeeds();
    let report = json(&out);
    let stems: Vec<&str> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["stem"].as_str().unwrap())
        .collect();
    assert_eq!(stems, ["phantom_000001", "phantom_000002", "phantom_000005"]);

    let out = scratch.path().join("strict");
    evaluate(&pack.folder(), data.path(), &out, &["--strict"]).fails_after_warnings(3);
    assert_eq!(json(&out)["problems"], report["problems"], "the report is written all the same");
}

#[test]
fn without_a_model_the_shipped_one_is_evaluated() {
    let (data, scratch) = (frames(), tempfile::tempdir().unwrap());
    let out = scratch.path().join("out");
    let mut args: Vec<OsString> = vec!["evaluate".into(), "--data".into(), data.path().into()];
    args.extend(["--out".into(), out.clone().into(), "--prompt".into(), "clicks-inside".into()]);
    args.extend(["--split", "all", "--limit", "1"].map(Into::into));
    let stdout = run("uniultra-tools", args).succeeds().stdout.clone();
    assert!(
        stdout.contains("| prompt | model | precision | 1 | 3 | 6 | 10 | 18 | 32 | largest fall"),
        "{stdout}"
    );
    let report = json(&out);
    let shipped = fs::read_to_string(root().join("models/uniultra-mini-int8/model.toml")).unwrap();
    for network in ["image_encoder_sha256", "mask_decoder_sha256"] {
        assert!(shipped.contains(report["models"][0][network].as_str().unwrap()), "{network}");
    }
    let line = &report["aggregates"][1];
    assert_eq!(line["inside"]["clicks"], serde_json::json!([1, 3, 6, 10, 18, 32]));
    assert_eq!(line["inside"]["dice"][5], line["dice"]["mean"], "the row's mask is the last");
    let overview = &report["overviews"][1];
    assert_eq!((&overview["group"], &overview["sets"]), (&"sets".into(), &1.into()));
    let pairs = report["rows"][1]["iou_pairs"].as_array().unwrap();
    assert_eq!(overview["calibration"]["objects"], pairs.len());
}

trait FailsAfterWarnings {
    fn fails_after_warnings(&self, code: i32);
}

impl FailsAfterWarnings for Run {
    /// [`Run::fails`] for runs that print warnings before the error.
    fn fails_after_warnings(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains("\nerror: expected no problem, found 3"), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }
}

#[test]
fn mistakes_have_their_exit_codes() {
    let (pack, data, scratch) = (pack(), frames(), tempfile::tempdir().unwrap());
    let model = pack.folder();
    let out = scratch.path().join("out");
    evaluate(&model, data.path(), &out, &["--limit", "1", "--set", "phantom"]).succeeds();
    evaluate(&model, data.path(), &out, &[]).fails(6, &["report.json", "hint: ", "--force"]);
    evaluate(&model, data.path(), &out, &["--limit", "1", "--force"]).succeeds();

    let other = scratch.path().join("other");
    evaluate(&model, data.path(), &other, &["--set", "nowhere"]).fails(3, &["`nowhere`", "hint: "]);
    evaluate(&model, &data.path().join("phantom"), &other, &[]).fails(3, &["<set>/image"]);
    evaluate(&model, data.path(), &other, &["--prompt", "guess"]).fails(2, &["guess"]);
    evaluate(&model, data.path(), &other, &["--shard", "2/2"]).fails(2, &["2/2"]);
    evaluate(&model, data.path(), &other, &["--protocol", "mine"]).fails(2, &["uniultra-edge"]);
    evaluate(data.path(), data.path(), &other, &[]).fails(4, &["model.toml"]);
    let twice = ["--model", model.to_str().unwrap()];
    evaluate(&model, data.path(), &other, &twice).fails(2, &["different models"]);
    let merge =
        ["merge".as_ref(), out.as_os_str(), out.as_os_str(), "--out".as_ref(), other.as_os_str()];
    run("uniultra-tools", merge).fails(3, &["merge", "0/1, 0/1"]);
    assert!(!other.exists(), "nothing is written where nothing was evaluated");
}
