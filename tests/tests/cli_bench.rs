//! `uniultra bench`: what its JSON holds, and mistakes with their exit codes.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::fs;
use uniultra_tests::cli::{root, run, sample_frame};

const FEW: [&str; 5] = ["bench", "--runs", "3", "--warm-up", "1"];

const STAGES: [&str; 6] =
    ["preprocess_ms", "encode_ms", "first_click_ms", "click_ms", "mask_ms", "frame_to_mask_ms"];

fn number(json: &Value, key: &str) -> f64 {
    json[key].as_f64().unwrap_or_else(|| panic!("{key}: {json}"))
}

fn check(json: &Value) {
    assert_eq!((&json["schema"], &json["schema_version"]), (&"uniultra-bench".into(), &2.into()));
    for stage in STAGES {
        let times = &json[stage];
        let [p50, p90, p99, max] = ["p50", "p90", "p99", "max"].map(|key| number(times, key));
        assert!(0.0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max, "{stage}: {times}");
        assert_eq!(p99, max, "{stage}: of three runs, the largest");
    }
    // The parts of a run do not take longer than the run.
    let longest_whole = number(&json["frame_to_mask_ms"], "max");
    for part in ["preprocess_ms", "encode_ms", "first_click_ms"] {
        assert!(number(&json[part], "max") <= longest_whole, "{part}: {json}");
    }
    let share = number(json, "preprocess_and_mask_share");
    assert!(0.0 < share && share < 1.0, "{share}");
    let parts = json["cold_start_parts_ms"].as_object().unwrap();
    assert_eq!(parts.len(), 6);
    let sum: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
    assert!((number(json, "cold_start_ms") - sum).abs() < 1e-6, "{json}");
    assert!(number(json, "read_and_verify_ms") > 0.0);
    #[cfg(target_os = "linux")]
    assert!(number(json, "peak_rss_mib") > 1.0);
}

#[test]
fn the_model_inside_needs_no_file() {
    let done = run("uniultra", FEW.into_iter().chain(["--json", "-"]));
    let json: Value = serde_json::from_str(&done.succeeds().stdout).unwrap();
    check(&json);
    assert_eq!(json["model"]["id"], "uniultra-mini-int8");
    assert_eq!((&json["model"]["precision"], &json["threads"]), (&"int8".into(), &1.into()));
    assert_eq!((&json["runs"], &json["warm_up"]), (&3.into(), &1.into()));
    assert_eq!(json["model"]["embedded"], true);
    assert!(json["frame"]["path"].is_null());
    assert!(!json["machine"]["cpu"].as_str().unwrap().is_empty());
    assert_eq!(done.stderr, "", "no progress if stderr is not a terminal");
}

#[test]
fn a_named_pack_and_frame_are_measured() {
    let scratch = tempfile::tempdir().unwrap();
    let (json, pack) =
        (scratch.path().join("bench.json"), root().join("models/uniultra-mini-int8"));
    let frame = sample_frame();
    let paths = ["--model", pack.to_str().unwrap(), "--frame", frame.to_str().unwrap()];
    let tail = ["--threads", "2", "--json", json.to_str().unwrap()];
    let done = run("uniultra", FEW.into_iter().chain(paths).chain(tail));
    for word in ["image encoder", "next click", "cold start", "2 threads", "512 x 400 px"] {
        assert!(done.succeeds().stdout.contains(word), "{word}: {}", done.stdout);
    }
    let json: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    check(&json);
    assert_eq!((&json["threads"], &json["frame"]["height"]), (&2.into(), &400.into()));
    assert_eq!(json["model"]["embedded"], false);
}

#[test]
fn mistakes_have_their_exit_codes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let bench = |tail: &[&str]| run("uniultra", FEW.iter().chain(tail));
    run("uniultra", ["bench", "--runs", "10001"]).fails(2, &["10001"]);
    bench(&["--frame", &path("absent.png")]).fails(3, &["absent.png"]);
    bench(&["--model", &path("absent")]).fails(4, &["absent"]);
    bench(&["--json", &path("no/folder.json")]).fails(6, &["folder.json"]);
    fs::copy(sample_frame(), path("frame.png")).unwrap();
    let same = path("frame.png");
    bench(&["--frame", &same, "--json", &same]).fails(2, &["--json", "the frame"]);
    assert_eq!(fs::read(&same).unwrap(), fs::read(sample_frame()).unwrap());
}
