//! `uniultra selftest`: passes on a good machine, and fails with exit code 5 if a requirement is
//! not met.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use uniultra_tests::cli::{Run, root, run, run_alone, sample_frame};
use uniultra_tests::sample::{POINT, foreground, gray};

const WRONG_HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn passed(report: &Value, name: &str) -> Option<bool> {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).map(|check| check["ok"].as_bool().unwrap())
}

/// Pixels of a mask given as runs, background first.
fn pixels(report: &Value) -> Vec<bool> {
    let runs = report["mask_runs"].as_array().unwrap();
    let lengths = runs.iter().map(|run| usize::try_from(run.as_u64().unwrap()).unwrap());
    lengths.enumerate().flat_map(|(i, length)| std::iter::repeat_n(i % 2 == 1, length)).collect()
}

#[test]
fn it_needs_no_file_and_answers_as_segment_does() {
    let done = run_alone("uniultra", &[], &["selftest", "--json", "-"]);
    let report = json(done.succeeds());
    assert!(done.stdout.starts_with(r#"{"schema":"uniultra-selftest","schema_version":2,"#));
    assert_eq!(done.stdout.lines().count(), 1, "one line, that a reader of a console can find");
    assert_eq!(report["ok"], true);
    for name in ["mask_from_point", "mask_from_box", "same_bits_twice"] {
        assert_eq!(passed(&report, name), Some(true), "{name}: {report}");
    }
    assert_eq!(report["model"]["id"], "uniultra-mini-int8");
    for stage in ["load_ms", "encode_ms", "click_ms"] {
        assert!(report[stage].as_f64().unwrap() > 0.0, "{stage}");
    }
    println!("Dice {}, peak {} MiB", report["mask_dice"], report["peak_rss_mib"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.png");
    let [frame, mask] = [&sample_frame(), &path].map(|path| path.to_str().unwrap().to_string());
    run("uniultra", ["segment", &frame, "--point", POINT, "--out-mask", &mask]).succeeds();
    let mask = gray(&path);
    assert_eq!(report["mask_size"], serde_json::json!([mask.width(), mask.height()]));
    assert_eq!(report["mask_area_px"], foreground(&mask));
    assert!(mask.pixels().map(|pixel| pixel.0[0] > 0).eq(pixels(&report)));
}

#[test]
fn the_bits_of_another_run_can_be_asked_for() {
    let first = json(run("uniultra", ["selftest", "--json", "-"]).succeeds());
    let bits = first["logits_sha256"].as_str().unwrap();
    let args = ["selftest", "--threads", "2", "--expect-logits", bits, "--json", "-"];
    let second = json(run("uniultra", args).succeeds());
    assert_eq!(passed(&second, "expected_logits"), Some(true));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let args = ["selftest", "--expect-logits", WRONG_HASH, "--json", path.to_str().unwrap()];
    let third = run("uniultra", args);
    third.fails(5, &["expected_logits"]);
    assert!(third.stdout.contains("FAIL"), "{third:?}");
    // The report is still written, to find the cause.
    let third: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((&third["ok"], passed(&third, "expected_logits")), (&false.into(), Some(false)));
    assert_eq!(third["logits_sha256"], bits);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_has_a_limit_where_one_is_given() {
    let within =
        json(run("uniultra", ["selftest", "--max-rss-mib", "4096", "--json", "-"]).succeeds());
    assert_eq!(passed(&within, "peak_rss_mib"), Some(true));
    let beyond = run("uniultra", ["selftest", "--max-rss-mib", "1", "--json", "-"]);
    beyond.fails(5, &["peak_rss_mib"]);
    assert_eq!(passed(&json(&beyond), "peak_rss_mib"), Some(false));
    assert!(within["system"]["memory_total_mib"].as_f64().unwrap() > 0.0);
}

#[test]
fn mistakes_have_their_exit_codes() {
    run("uniultra", ["selftest", "--model", "absent"]).fails(4, &["absent"]);
    run("uniultra", ["selftest", "--expect-logits", "abc"]).fails(2, &["64"]);
    run("uniultra", ["selftest", "--max-rss-mib", "0"]).fails(2, &["--max-rss-mib"]);
    run("uniultra", ["selftest", "--json", "no/folder/report.json"]).fails(6, &["report.json"]);
}

#[test]
fn a_damaged_pack_is_a_bad_model_and_no_failed_check() {
    let folder = tempfile::tempdir().unwrap();
    let pack = root().join("models/uniultra-mini-int8");
    let copy = |name: &str| fs::copy(pack.join(name), folder.path().join(name)).unwrap();
    for name in ["model.toml", "image_encoder.onnx", "mask_decoder.onnx"] {
        copy(name);
    }
    let damage = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    damage(&folder.path().join("mask_decoder.onnx"));
    let args = ["selftest", "--model", folder.path().to_str().unwrap()];
    run("uniultra", args).fails(4, &["mask_decoder.onnx", "SHA-256"]);
}
