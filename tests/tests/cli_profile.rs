//! `uniultra-tools profile`: its report, two packs in turns, and the exit codes of mistakes.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, root, run, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

fn shipped() -> PathBuf {
    root().join("models/uniultra-mini-int8")
}

/// Runs `profile` with few runs.
fn profile(model: &Path, rest: &[&str]) -> Run {
    let few = ["profile", "--runs", "3", "--warm-up", "1", "--model", model.to_str().unwrap()];
    run("uniultra-tools", few.iter().chain(rest))
}

fn number(json: &Value, key: &str) -> f64 {
    json[key].as_f64().unwrap_or_else(|| panic!("{key}: {json}"))
}

/// Checks the order of quantiles; returns the largest.
fn check_quantiles(times: &Value) -> f64 {
    let [p50, p90, p99, max] = ["p50", "p90", "p99", "max"].map(|key| number(times, key));
    assert!(0.0 <= p50 && p50 <= p90 && p90 <= p99 && p99 <= max, "{times}");
    max
}

fn array<'a>(json: &'a Value, key: &str) -> &'a Vec<Value> {
    json[key].as_array().unwrap_or_else(|| panic!("{key}: {json}"))
}

fn check_plan(plan: &Value) {
    let ops = array(plan, "ops");
    assert!(!ops.is_empty());
    let whole = check_quantiles(&plan["total_ms"]);
    // In every run the operations take at most as long as the whole, so this holds for the maximum,
    // too.
    assert!(0.0 < check_quantiles(&plan["all"]["ms"]), "{}", plan["all"]);
    assert!(number(&plan["all"]["ms"], "max") <= whole, "{}", plan["all"]);
    assert!(number(&plan["all"]["ms"], "p50") <= number(&plan["total_ms"], "p50"));
    for key in ["families", "kinds", "blocks"] {
        let groups = array(plan, key);
        for what in ["count", "real_macs", "integer_macs", "read_bytes", "written_bytes"] {
            let sum: f64 = groups.iter().map(|group| number(group, what)).sum();
            assert_eq!(sum, number(&plan["all"], what), "{key}: {what}");
        }
        for group in groups {
            assert!(check_quantiles(&group["ms"]) <= whole, "{group}");
        }
    }
    assert_eq!(number(&plan["all"], "count") as usize, ops.len());
    for op in ops {
        assert!(check_quantiles(&op["ms"]) <= whole, "{op}");
        assert!(number(op, "roof_ms") >= 0.0 && number(op, "roof_share") >= 0.0, "{op}");
    }
}

#[test]
fn a_pack_is_taken_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let frame = sample_frame();
    let tail = ["--frame", frame.to_str().unwrap(), "--out", out.to_str().unwrap(), "--top", "2"];
    let done = profile(&shipped(), &tail);
    for word in ["# Profile of `uniultra-mini-int8`", "GOP/s", "| blocks.5 |", "flame.svg"] {
        assert!(done.succeeds().stdout.contains(word), "{word}: {}", done.stdout);
    }
    let json: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!((&json["schema"], &json["schema_version"]), (&"uniultra-profile".into(), &2.into()));
    assert_eq!(json["model"]["precision"], "int8");
    assert_eq!((&json["setting"]["runs"], &json["setting"]["threads"]), (&3.into(), &1.into()));
    assert_eq!(json["setting"]["frame"]["height"], 400);
    assert_eq!(json["comparison"], Value::Null);
    let plans = array(&json, "plans");
    plans.iter().for_each(check_plan);
    let phases: Vec<_> = plans.iter().map(|plan| plan["phase"].as_str().unwrap()).collect();
    assert!(phases.starts_with(&["frame"]) && phases.ends_with(&["click"]), "{phases:?}");
    // A large part of the encoder's products is in integers, as an int8 pack should have it.
    let all = &plans[0]["all"];
    assert!(number(all, "integer_macs") > 0.4 * number(all, "real_macs"), "{all}");
    for peak in ["real", "integer"] {
        assert!(number(&json["peaks"][peak], "giga_ops_per_s") > 0.0);
    }
    assert!(number(&json["peaks"], "memory_read_gb_per_s") > 0.0);
    for stage in ["preprocess_ms", "frame_ms", "click_ms"] {
        assert!(check_quantiles(&json[stage]) > 0.0, "{stage}");
    }
    let flame = fs::read_to_string(out.join("flame.svg")).unwrap();
    assert!(flame.contains("<svg") && flame.contains("blocks.5"), "{flame}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("slowest operations"));
    assert!(fs::read_to_string(out.join("report.md")).unwrap().contains("slowest operations"));

    // A report is not overwritten unasked.
    profile(&shipped(), &tail).fails(6, &["report.json", "--force"]);
    let report = out.join("report.json");
    let again = profile(&shipped(), &["--compare", report.to_str().unwrap()]);
    assert!(again.succeeds().stdout.contains("NOT interleaved"), "{}", again.stdout);
}

#[test]
fn two_packs_run_by_turns() {
    let small = |image_size| {
        let options = ExportOptions { image_size, ..ExportOptions::default() };
        ScratchPack::export(&random("uniultra-mini", 3), &options)
    };
    let (a, b) = (small(128), small(64));
    let b = b.folder();
    let done = profile(&a.folder(), &["--compare", b.to_str().unwrap(), "--json", "-"]);
    let json: Value = serde_json::from_str(&done.succeeds().stdout).unwrap();
    let comparison = &json["comparison"];
    assert_eq!(comparison["interleaved"], true);
    assert_eq!(comparison["other"]["model"]["image_size"], 64);
    let lines = array(comparison, "lines");
    for what in ["stage", "family", "kind", "block"] {
        let of: Vec<_> = lines.iter().filter(|line| line["what"] == what).collect();
        assert!(of.len() >= 3, "{what}: {lines:?}");
    }
    let attention = |line: &&Value| line["name"] == "uniultra.Attention";
    let attention = lines.iter().find(attention).unwrap();
    let ratio = number(attention, "a_ms") / number(attention, "b_ms");
    assert!((ratio - number(attention, "ratio")).abs() < 1e-9, "{attention}");
    // Which pack is faster is not asked: on a busy machine a time says nothing.
    assert!(ratio.is_finite() && ratio > 0.0, "{attention}");
}

#[test]
fn mistakes_have_their_exit_codes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let pack = shipped();
    let pack_name = pack.to_str().unwrap();
    run("uniultra-tools", ["profile", "--model", pack_name, "--runs", "1001"]).fails(2, &["1001"]);
    run("uniultra-tools", ["profile"]).fails(2, &["--model"]);
    profile(&pack, &["--frame", &path("absent.png")]).fails(3, &["absent.png"]);
    fs::write(path("report.json"), b"{}").unwrap();
    profile(&pack, &["--compare", &path("report.json")]).fails(3, &["report.json", "hint: "]);
    profile(&pack, &["--compare", &path("absent.json")]).fails(3, &["absent.json"]);
    profile(Path::new(&path("absent")), &[]).fails(4, &["absent"]);
    profile(&pack, &["--json", &path("no/folder.json")]).fails(6, &["folder.json"]);
}
