//! `uniultra-tools compare`: a pack with itself, with others, and mistakes with their exit codes.
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
use uniultra_manifest::WeightFormat;
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};
use uniultra_tests::cli::{Run, run};
use uniultra_tests::packs::{ScratchPack, random};

/// A small model of random weights: how good its masks are does not matter here.
fn pack(seed: u64, options: ExportOptions) -> ScratchPack {
    ScratchPack::export(&random("uniultra-mini", seed), &options)
}

fn small(image_size: usize) -> ExportOptions {
    ExportOptions { image_size, ..ExportOptions::default() }
}

/// A set of four frames with objects, and one of four without.
fn frames() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let phantom = PhantomConfig { size_px: Some([160, 128]), ..PhantomConfig::default() };
    for (set_name, empty_share) in [("some", 0.0), ("none", 1.0)] {
        let config = DatasetConfig {
            seed: 12,
            count: 4,
            set_name: set_name.to_string(),
            phantom: PhantomConfig { empty_share, ..phantom },
            force: false,
            threads: None,
        };
        write_dataset(folder.path(), &config, &|| ()).unwrap();
    }
    folder
}

/// Runs `compare`, without speed where `rest` does not say otherwise.
fn compare(a: &Path, b: &Path, out: &Path, rest: &[&str]) -> Run {
    let mut args: Vec<OsString> = vec!["compare".into(), a.into(), b.into()];
    args.extend(["--out".into(), out.into()]);
    if !rest.contains(&"--runs") {
        args.extend(["--runs", "0"].map(Into::into));
    }
    args.extend(rest.iter().map(Into::into));
    run("uniultra-tools", args)
}

fn json(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn on(data: &TempDir) -> [&str; 4] {
    ["--data", data.path().to_str().unwrap(), "--split", "all"]
}

#[test]
fn a_pack_does_not_differ_from_itself() {
    let (pack, data, scratch) = (pack(3, small(64)), frames(), tempfile::tempdir().unwrap());
    let (folder, out) = (pack.folder(), scratch.path().join("out"));
    let done = compare(&folder, &folder, &out, &on(&data));
    assert!(done.succeeds().stdout.contains("A and B are one model"), "{done:?}");
    let report = json(&out);
    assert_eq!(
        (&report["schema"], &report["schema_version"]),
        (&"uniultra-comparison".into(), &2.into())
    );
    assert_eq!(report["one_model"], true);
    assert_eq!(report["packs"]["a"], report["packs"]["b"]);
    let lines = report["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 4, "two sets, two prompts");
    for line in lines {
        assert_eq!(
            (&line["agreement"]["mean"], &line["agreement"]["min"]),
            (&1.0.into(), &1.0.into())
        );
        if line["set"] == "none" {
            assert_eq!((&line["images"], &line["difference"]), (&0.into(), &Value::Null));
            continue;
        }
        for figure in ["dice", "iou", "hd95_px"] {
            assert_eq!(line["difference"][figure], 0.0, "{line}");
        }
        let losses = &line["losses"];
        assert_eq!((&losses["over_0_01"], &losses["worst"]), (&0.into(), &Value::Null));
    }
    for line in report["embeddings"].as_array().unwrap() {
        assert_eq!((&line["images"], &line["max"]), (&4.into(), &0.0.into()));
    }
    assert_eq!((&report["pictures"], &report["timing"]), (&Value::Array(vec![]), &Value::Null));
    assert!(!out.join("overlays").exists());
}

#[test]
fn other_weights_are_told_apart_and_pictured() {
    let (a, b, data) = (pack(3, small(64)), pack(4, small(64)), frames());
    let scratch = tempfile::tempdir().unwrap();
    let out = |name: &str| scratch.path().join(name);
    let rest = |extra: &[&'static str]| [&on(&data)[..], &["--worst", "2"], extra].concat();
    let done = compare(&a.folder(), &b.folder(), &out("one"), &rest(&["--threads", "1"]));
    done.succeeds();
    let printed =
        compare(&a.folder(), &b.folder(), &out("two"), &rest(&["--threads", "3", "--json", "-"]));
    let [one, two] = ["one", "two"].map(|name| fs::read(out(name).join("report.json")).unwrap());
    assert_eq!(one, two, "neither folder nor threads show");
    assert_eq!(printed.succeeds().stdout.as_bytes(), two, "JSON in place of the tables");

    let report = json(&out("one"));
    assert_eq!(report["one_model"], false);
    let line = &report["lines"][2];
    assert_eq!((&line["set"], &line["prompt"]), (&"some".into(), &"point".into()));
    let means = |side: &str| line["means"][side]["dice"].as_f64().unwrap();
    let difference = line["difference"]["dice"].as_f64().unwrap();
    assert!((means("b") - means("a") - difference).abs() < 1e-6, "{line}");
    assert!(line["agreement"]["min"].as_f64().unwrap() < 1.0, "{line}");
    assert!(report["embeddings"][0]["mean"].as_f64().unwrap() > 0.0);
    let page = fs::read_to_string(out("one").join("report.html")).unwrap();
    let pictures = report["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 2);
    for picture in pictures {
        let path = picture["path"].as_str().unwrap();
        assert!(page.contains(&format!("<img src=\"{path}\"")), "{path}");
        assert_eq!(
            image::open(out("one").join(path)).unwrap().into_rgb8().dimensions(),
            (160, 128)
        );
    }
    assert!(page.contains("A only") && page.contains("outline of the truth"));
}

#[test]
fn what_the_files_hold_is_counted() {
    let half = ExportOptions { weights: WeightFormat::F16, ..small(64) };
    let (full, half) = (pack(3, small(64)), pack(3, half));
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    // On phantoms, with speed: that it is there is all that a test can say of it.
    let rest = ["--limit", "1", "--prompt", "box", "--runs", "1"];
    let done = compare(&full.folder(), &half.folder(), &out, &rest);
    done.succeeds();
    let report = json(&out);
    assert_eq!(report["settings"]["sets"], serde_json::json!(["phantom"]));
    assert!(report["settings"]["phantom_seed"].is_u64());
    assert_eq!(report["timing"]["runs"], 1);
    let side = |side: &str| &report["packs"][side];
    let (a, b) = (side("a"), side("b"));
    assert_eq!(a["model"]["precision"], "f32");
    for (pack, facts) in [(&full, a), (&half, b)] {
        let manifest = &pack.pack.manifest;
        assert_eq!(facts["image_encoder"]["bytes"], manifest.image_encoder.bytes);
        assert_eq!(facts["mask_decoder"]["sha256"], *manifest.mask_decoder.sha256.as_str());
        let files = ["image_encoder.onnx", "mask_decoder.onnx", "model.toml"];
        let bytes: u64 =
            files.iter().map(|name| fs::metadata(pack.folder().join(name)).unwrap().len()).sum();
        assert_eq!(facts["pack_bytes"], bytes);
    }
    let weights = |facts: &Value, kind: &str, what: &str| {
        facts["mask_decoder"]["weights"][kind][what].as_u64().unwrap_or_default()
    };
    assert_eq!(weights(a, "f16", "values"), 0);
    let moved = weights(b, "f16", "values");
    assert!(moved > 0);
    assert_eq!(weights(b, "f16", "bytes"), 2 * moved);
    assert_eq!(weights(a, "f32", "values"), weights(b, "f32", "values") + moved);
    let casts = |facts: &Value| facts["mask_decoder"]["nodes"]["Cast"].as_u64().unwrap_or_default();
    assert!(casts(b) > casts(a), "f16 weights are read by a Cast each");
}

#[test]
fn packs_of_other_sizes_compare_without_embeddings() {
    let (a, b, data) = (pack(3, small(64)), pack(3, small(96)), frames());
    let scratch = tempfile::tempdir().unwrap();
    let done = compare(&a.folder(), &b.folder(), &scratch.path().join("out"), &on(&data));
    let said = "Embeddings are not compared: their shapes differ, since A takes 64 px and B 96 px.";
    assert!(done.succeeds().stdout.contains(said), "{done:?}");
    let report = json(&scratch.path().join("out"));
    assert_eq!(report["embeddings"], Value::Array(Vec::new()));
    assert_eq!(report["lines"].as_array().unwrap().len(), 4);
}

#[test]
fn mistakes_have_their_exit_codes() {
    let (pack, data, scratch) = (pack(3, small(64)), frames(), tempfile::tempdir().unwrap());
    let (good, out) = (pack.folder(), scratch.path().join("out"));
    let with = |rest: &[&'static str]| [&on(&data)[..], rest].concat();
    compare(&good, data.path(), &out, &with(&[])).fails(4, &["model.toml", "hint: "]);
    compare(&good, &good, &out, &with(&["--runs", "-1"])).fails(2, &["-1"]);
    compare(&scratch.path().join("gone"), &good, &out, &with(&[])).fails(4, &["gone"]);
    compare(&good, &good, &out, &with(&["--set", "nowhere"])).fails(3, &["`nowhere`", "hint: "]);
    compare(&good, &good, &out, &with(&["--prompt", "guess"])).fails(2, &["guess"]);
    compare(&good, &good, &out, &["--set", "some"]).fails(2, &["--data"]);
    let flat = data.path().join("some");
    let flat = ["--data", flat.to_str().unwrap()];
    compare(&good, &good, &out, &flat).fails(3, &["<set>/image"]);
    assert!(!out.exists(), "nothing is written where nothing was compared");

    let set = data.path().join("some");
    for file in fs::read_dir(set.join("image")).unwrap() {
        fs::write(file.unwrap().path(), b"no image").unwrap();
    }
    let none = compare(&good, &good, &out, &with(&["--set", "some"]));
    assert!(
        none.code == Some(3) && none.stderr.contains("expected at least one image"),
        "{none:?}"
    );
    assert!(!none.stderr.contains("panicked") && !out.exists(), "{none:?}");

    compare(&good, &good, &out, &with(&["--limit", "1", "--set", "none"])).succeeds();
    compare(&good, &good, &out, &with(&[])).fails(6, &["report.json", "hint: ", "--force"]);
    // The broken set is now one of two: its images are problems, the others count.
    let forced = compare(&good, &good, &out, &with(&["--force"]));
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(json(&out)["problems"].as_array().map(Vec::len), Some(4));
}
