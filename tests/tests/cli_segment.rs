//! `uniultra` and `uniultra-tools` as a user runs them, on the phantom sample frame.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use uniultra_checkpoint::Checkpoint;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{run, sample_frame};
use uniultra_tests::npy;
use uniultra_tests::packs::{ScratchPack, random, sam2_tiny};
use uniultra_tests::sample::{BOX, POINT, dice, foreground, gray};

const FRAME_SIZE: (u32, u32) = (512, 400);

fn pack(checkpoint: &Checkpoint, image_size: usize) -> ScratchPack {
    ScratchPack::export(checkpoint, &ExportOptions { image_size, ..ExportOptions::default() })
}

/// Runs `uniultra segment` on the sample and returns the JSON report.
fn segment(model: &Path, rest: &[&str]) -> Value {
    let mut args: Vec<OsString> = vec!["segment".into(), sample_frame().into()];
    args.extend(["--model".into(), model.into(), "--json".into(), "-".into()]);
    args.extend(rest.iter().map(Into::into));
    let run = run("uniultra", args);
    run.succeeds();
    // stdout is the report and nothing else.
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn report_and_files_tell_the_same() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_string();
    let (mask, overlay, logits) = (text("mask.png"), text("overlay.png"), text("logits.npy"));
    let report = segment(
        &pack.folder(),
        &["--box", BOX, "--point", POINT, "--point", "20,20,0", "--pixel-spacing", "0.5"]
            .into_iter()
            .chain(["--out-mask", &mask, "--overlay", &overlay, "--logits", &logits])
            .collect::<Vec<_>>(),
    );

    let mask = gray(&path("mask.png"));
    assert_eq!(mask.dimensions(), FRAME_SIZE);
    assert!(mask.pixels().all(|p| matches!(p.0[0], 0 | 255)));
    let area = foreground(&mask);
    assert_eq!(report["area_px"], area);
    assert!((report["area_mm2"].as_f64().unwrap() - area as f64 * 0.25).abs() < 1e-3 * area as f64);
    if area > 0 {
        let columns = mask.enumerate_pixels().filter(|(.., p)| p.0[0] > 0).map(|(x, ..)| x);
        let bounds = &report["bounding_box"];
        assert_eq!(bounds[0], columns.clone().min().unwrap());
        assert_eq!(bounds[2], columns.max().unwrap());
    }
    assert_eq!(report["predicted_iou"].as_array().unwrap().len(), 4);
    assert_eq!(report["logits_size"], serde_json::json!([32, 32]));
    assert_eq!(report["frame"]["width"], FRAME_SIZE.0);
    assert!(report["object_score"].as_f64().unwrap() <= 1.0);
    for stage in ["load", "decode_frame", "preprocess", "image_encoder", "mask_decoder", "total"] {
        assert!(report["timings_ms"][stage].as_f64().unwrap() >= 0.0, "{stage}");
    }

    let overlay = image::open(path("overlay.png")).unwrap();
    assert!(overlay.width() >= FRAME_SIZE.0 && overlay.height() > FRAME_SIZE.1);
    let npy = npyz::NpyFile::new(File::open(path("logits.npy")).unwrap()).unwrap();
    assert_eq!(npy.shape(), [4, 32, 32]);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
}

#[test]
fn logits_come_back_as_a_mask_prompt() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    let folder = tempfile::tempdir().unwrap();
    let logits = folder.path().join("logits.npy");
    let logits = logits.to_str().unwrap();
    let first = segment(&pack.folder(), &["--point", POINT, "--logits", logits]);
    let again = segment(
        &pack.folder(),
        &["--point", POINT, "--mask-prompt", logits, "--mask-prompt-index", "2"],
    );
    assert_ne!(first["predicted_iou"], again["predicted_iou"], "the mask prompt has an effect");
    // A mask prompt alone is a prompt too.
    segment(&pack.folder(), &["--mask-prompt", logits, "--mask-prompt-index", "0"]);
    // Four masks and no choice among them: say which.
    let mut args: Vec<OsString> = vec!["segment".into(), sample_frame().into()];
    args.extend(["--model".into(), pack.folder().into(), "--mask-prompt".into(), logits.into()]);
    run("uniultra", args).fails(3, &["--mask-prompt-index"]);
}

/// The warnings of a report with that code.
fn warnings<'a>(report: &'a Value, code: &str) -> Vec<&'a Value> {
    report["warnings"].as_array().unwrap().iter().filter(|w| w["code"] == code).collect()
}

#[test]
fn a_click_that_the_mask_contradicts_is_named() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    // One pixel, marked as inside and outside at once: every mask contradicts one of the two.
    let both = ["--point", POINT, "--point", &format!("{POINT},0")];
    let report = segment(&pack.folder(), &both);
    let found = warnings(&report, "click_contradicted");
    assert_eq!(found.len(), 1, "{report}");
    let number = found[0]["point"].as_u64().unwrap();
    assert!(found[0]["message"].as_str().unwrap().contains(&format!("point {number},")));
    // As many clicks as allowed: the list has room for all warnings.
    let report = segment(&pack.folder(), &both.repeat(16));
    let numbers: Vec<u64> = warnings(&report, "click_contradicted")
        .iter()
        .map(|warning| warning["point"].as_u64().unwrap())
        .collect();
    let first = numbers[0];
    assert!(numbers.iter().copied().eq((0..16).map(|i| first + 2 * i)), "{numbers:?}");
    let box_alone = segment(&pack.folder(), &["--box", BOX]);
    assert!(warnings(&box_alone, "click_contradicted").is_empty());
}

#[test]
fn prompts_that_may_be_mistaken_are_doubted() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    let folder = tempfile::tempdir().unwrap();
    let code = "coordinates_look_normalized";
    let report = segment(&pack.folder(), &["--point", "0.5,0.7", "--box", "0.25,0.25,0.75,1"]);
    assert_eq!(warnings(&report, code).len(), 1, "{report}");
    let report = segment(&pack.folder(), &["--point", POINT, "--point", "0.5,0.7,0"]);
    assert!(warnings(&report, code).is_empty(), "{report}");

    let code = "mask_prompt_is_no_logits";
    let with = |values: Vec<f32>| {
        let path = folder.path().join("mask.npy");
        npy::write(&path, &[32, 32], &values).unwrap();
        let report = segment(&pack.folder(), &["--mask-prompt", path.to_str().unwrap()]);
        let found = warnings(&report, code).into_iter().cloned().collect::<Vec<_>>();
        assert!(found.len() <= 1);
        found.first().map(|warning| warning["message"].as_str().unwrap().to_string())
    };
    let each = |value: fn(usize) -> f32| (0..32 * 32).map(value).collect::<Vec<_>>();
    assert!(with(each(|_| 1.0)).unwrap().contains("is 1 everywhere"));
    assert!(with(each(|i| (i / 512) as f32)).unwrap().contains("-10 for 0 and 10 for 1"));
    assert!(with(each(|i| i as f32 / 1024.0)).unwrap().contains("ln(p / (1 - p))"));
    assert_eq!(with(each(|i| i as f32 / 100.0 - 5.0)), None);
    assert_eq!(with(each(|i| if i < 512 { -10.0 } else { 10.0 })), None);
}

#[test]
fn pixels_that_are_not_square_are_measured_in_millimetres() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    let with = |spacing| segment(&pack.folder(), &["--box", BOX, "--pixel-spacing", spacing]);
    let report = with("0.1,0.3");
    let number = |name: &str| report[name].as_f64().unwrap();
    assert_eq!(report["pixel_spacing_mm"].as_array().unwrap().len(), 2);
    assert!((number("area_mm2") / number("area_px") - 0.03).abs() < 1e-6, "{report}");
    let ends = |name: &str, axis: usize| {
        let ends = &report[name];
        ends[0][axis].as_f64().unwrap() - ends[1][axis].as_f64().unwrap()
    };
    for name in ["longest_diameter", "perpendicular_diameter"] {
        let place = format!("{name}_mm_ends");
        let mm = f64::hypot(ends(&place, 0) * 0.1, ends(&place, 1) * 0.3);
        // Ends are rounded to hundredths of a pixel.
        assert!((number(&format!("{name}_mm")) - mm).abs() < 0.01, "{name}: {report}");
        let place = format!("{name}_ends");
        let px = f64::hypot(ends(&place, 0), ends(&place, 1));
        assert!((number(&format!("{name}_px")) - px).abs() < 0.03, "{name}: {report}");
    }
    let [px, mm] = ["perimeter_px", "perimeter_mm"].map(number);
    assert!(mm > 0.1 * px && mm < 0.3 * px, "{px} {mm}");
    // The ends of the range: every value in millimetres is a number.
    for spacing in ["0.001", "10", "0.001,10"] {
        let report = with(spacing);
        for name in ["area_mm2", "longest_diameter_mm", "perimeter_mm"] {
            assert!(report[name].as_f64().unwrap() > 0.0, "{spacing}: {report}");
        }
    }
}

#[test]
fn multimask_reports_the_three_alternatives() {
    let pack = pack(&random("uniultra-mini", 9), 128);
    let report = segment(&pack.folder(), &["--point", POINT, "--multimask"]);
    let tokens: Vec<_> =
        report["masks"].as_array().unwrap().iter().map(|m| m["token"].as_u64().unwrap()).collect();
    assert_eq!(tokens, [1, 2, 3]);
    let best = (1..4)
        .max_by(|a, b| {
            let iou = |k: &usize| report["predicted_iou"][*k].as_f64().unwrap();
            iou(a).total_cmp(&iou(b))
        })
        .unwrap();
    assert_eq!(report["chosen"], best);
}

#[test]
fn masks_do_not_depend_on_threads() {
    let pack = pack(&random("uniultra-mini", 9), 256);
    let folder = tempfile::tempdir().unwrap();
    let masks = ["1", "2", "4"].map(|threads| {
        let path = folder.path().join(format!("{threads}.npy"));
        segment(
            &pack.folder(),
            &["--box", BOX, "--threads", threads, "--logits", path.to_str().unwrap()],
        );
        fs::read(path).unwrap()
    });
    assert!(masks.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Real weights, real answer: the phantom's cyst from one point and from its box.
#[test]
fn sam2_finds_the_cyst() {
    let Some(checkpoint) = sam2_tiny() else { return };
    let pack = pack(&checkpoint, 512);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.png");
    for prompt in [["--point", POINT], ["--box", BOX]] {
        let rest = [&prompt[..], &["--out-mask", path.to_str().unwrap()]].concat();
        let report = segment(&pack.folder(), &rest);
        assert_eq!(report["object_score"], Value::Null, "these weights have no such head");
        let dice = dice(&gray(&path));
        println!("{prompt:?}: Dice {dice:.4}");
        assert!(dice >= 0.9, "{prompt:?}: {dice}");
    }
}

#[test]
fn info_tells_engine_and_model() {
    let pack = pack(&random("uniultra-mini", 9), 64);
    let args: [OsString; 5] =
        ["info".into(), "--model".into(), pack.folder().into(), "--json".into(), "-".into()];
    let run = run("uniultra", args);
    let text = &run.succeeds().stdout;
    let info: Value = serde_json::from_str(text).unwrap();
    assert!(text.contains("tract 0.23.9") && text.contains("uniultra-mini-64"), "{info}");
    assert_eq!(info["model"]["embedded"], false);
}

#[test]
fn inspect_reproduces_the_published_sizes() {
    let large = run("uniultra-tools", ["inspect", "--arch", "uniultra-large"]);
    for number in ["221,802,860", "212,703,280", "233,529,710", "20,798,782", "8.91", "94.08"] {
        assert!(large.succeeds().stdout.contains(number), "{number} in {}", large.stdout);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mini.safetensors");
    fs::write(&path, random("uniultra-mini", 1).to_safetensors().unwrap()).unwrap();
    let mini = run("uniultra-tools", ["inspect".into(), path.into_os_string()]);
    assert!(mini.succeeds().stdout.contains("864,520"), "{}", mini.stdout);
}

#[test]
fn help_shows_examples_and_exit_codes() {
    for (binary, args) in [
        ("uniultra", vec!["segment", "--help"]),
        ("uniultra-tools", vec!["export", "--help"]),
        ("uniultra-tools", vec!["inspect", "--help"]),
        ("uniultra-tools", vec!["phantom", "--help"]),
    ] {
        let help = run(binary, &args);
        assert!(help.succeeds().stdout.contains("xamples"), "{args:?}: {}", help.stdout);
    }
    for binary in ["uniultra", "uniultra-tools"] {
        let help = run(binary, ["--help"]);
        assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
        assert!(help.stdout.contains("not a medical device"), "{}", help.stdout);
    }
}
