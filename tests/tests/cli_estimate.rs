//! `uniultra-tools estimate`: ranges for every board, its check against this machine, mistakes with
//! their exit codes.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::fs;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, root, run};
use uniultra_tests::packs::{ScratchPack, random};

fn board(name: &str) -> String {
    root().join("boards").join(name).with_extension("toml").display().to_string()
}

fn int8() -> String {
    root().join("models/uniultra-mini-int8").display().to_string()
}

fn estimate(board: &str, model: &str, rest: &[&str]) -> Run {
    let head = ["estimate", "--board", board, "--model", model];
    run("uniultra-tools", head.iter().chain(rest))
}

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("{json}"))
}

/// Both ends of a range, in order.
fn range(json: &Value) -> [f64; 2] {
    let ends = [number(&json["low"]), number(&json["high"])];
    assert!(0.0 < ends[0] && ends[0] <= ends[1], "{json}");
    ends
}

/// A report. The exit code is 0 if it says that all budgets are held, otherwise 5.
fn report(run: &Run) -> Value {
    let json: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let held = json["held"].as_bool().unwrap();
    if held {
        run.succeeds();
    } else {
        run.fails(5, &["by estimate", "expected at most"]);
    }
    let verdicts = json["budgets"].as_array().unwrap().iter();
    assert_eq!(verdicts.filter(|line| line["verdict"] == "held").count() == 4, held, "{json}");
    json
}

#[test]
fn every_board_has_an_estimate_with_bounds_in_order() {
    let boards = fs::read_dir(root().join("boards")).unwrap().map(|entry| entry.unwrap().path());
    let boards: Vec<_> =
        boards.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    assert!(boards.len() >= 9);
    for path in boards {
        let json = report(&estimate(path.to_str().unwrap(), &int8(), &["--json", "-"]));
        assert_eq!(json["board"]["id"], path.file_stem().unwrap().to_str().unwrap());
        assert!(json["misfits"].as_array().unwrap().is_empty(), "{json}");
        for phase in ["encode", "click"] {
            let estimate = &json["estimate"][phase];
            let [low, _] = range(&estimate["ms"]);
            assert!(0.0 < number(&estimate["floor_ms"]) && number(&estimate["floor_ms"]) <= low);
            let (work, mut sum) = (&json["work"][phase], 0);
            for op in work["ops"].as_array().unwrap() {
                sum += op["integer_macs"].as_u64().unwrap();
            }
            assert_eq!(work["integer_macs"], sum);
            assert!(sum > 0, "{phase}");
        }
        // A click is less work than a frame.
        let ms = |phase: &str| range(&json["estimate"][phase]["ms"])[1];
        assert!(ms("click") < ms("encode"), "{json}");
    }
}

#[test]
fn this_machine_s_estimate_is_checked_by_measuring() {
    if std::env::consts::ARCH != "x86_64" {
        return;
    }
    let done = estimate(&board("host"), &int8(), &["--validate", "--runs", "3", "--json", "-"]);
    let json = report(&done);
    for phase in ["encode", "click"] {
        let checked = &json["validation"][phase];
        let [low, high] = range(&checked["estimate_ms"]);
        let (p50, error) = (number(&checked["measured_ms"]["p50"]), number(&checked["error"]));
        assert!(p50 > 0.0);
        // No test asks for a speed: only that the error is the one of these figures.
        assert_eq!(error == 0.0, low <= p50 && p50 <= high, "{checked}");
    }
    assert_eq!(json["validation"]["runs"], 3);
}

#[test]
fn tables_say_that_they_are_an_estimate_and_what_of() {
    let done = estimate(&board("raspberry-pi-4"), &int8(), &[]);
    assert!(matches!(done.code, Some(0 | 5)), "{done:?}");
    for words in [
        "# ESTIMATE, not a measurement",
        "cortex-a72",
        "| assumption |",
        "uniultra.Linear",
        "| ours |",
    ] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
}

#[test]
fn boards_of_cores_that_were_measured_are_calibrated_and_others_say_that_they_are_not() {
    for (name, core) in [
        ("imx8m-plus", "cortex-a53"),
        ("raspberry-pi-4", "cortex-a72"),
        ("raspberry-pi-5", "cortex-a76"),
    ] {
        let json = report(&estimate(&board(name), &int8(), &["--json", "-"]));
        let estimate = &json["estimate"];
        let by = &estimate["calibrated"]["slowest"];
        assert_eq!(by["core"], core, "{estimate}");
        let factor = number(&by["factor"]);
        assert!(by["pairs"].as_u64().unwrap() >= 8 && 1.0 < factor && factor < 2.0, "{by}");
        // On one thread the range would be as wide as the error; more threads only widen it.
        let [low, high] = range(&estimate["encode"]["ms"]);
        assert!(low * factor < high, "{estimate}");
    }
    let json = report(&estimate(&board("qcs6490"), &int8(), &["--json", "-"]));
    assert!(json["estimate"]["calibrated"].is_null(), "{json}");
    let done = estimate(&board("qcs6490"), &int8(), &[]);
    assert!(
        done.stdout.contains("- not calibrated: expected a core that was measured"),
        "{done:?}"
    );
    let done = estimate(&board("raspberry-pi-5"), &int8(), &[]);
    for words in ["- calibrated: cortex-a76, ", "| cortex-a76: cycles an instruction |"] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
}

#[test]
fn the_calibration_is_shown_with_its_errors() {
    let done = run("uniultra-tools", ["estimate", "--calibration"]);
    done.succeeds();
    for words in ["## cortex-a53", "| resnet18 | nanopc-t4-a72 |", "90 % factor", "README.md"] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    let done = run("uniultra-tools", ["estimate", "--calibration", "--json", "-"]);
    done.succeeds();
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["schema"], "uniultra-calibration");
    let cores = json["cores"].as_array().unwrap();
    assert_eq!(cores.len(), 3, "{json}");
    for core in cores {
        for pair in core["pairs"].as_array().unwrap() {
            assert!(
                number(&pair["measured_ms"]) > 0.0 && number(&pair["without_network_ms"]) > 0.0
            );
        }
    }
    let pi = board("raspberry-pi-4");
    run("uniultra-tools", ["estimate", "--calibration", "--board", &pi]).fails(2, &["--board"]);
}

#[test]
fn budgets_decide_the_exit_code() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = fs::read_to_string(board("raspberry-pi-5")).unwrap();
    let with = |name: &str, budget: &str| {
        let (head, tail) = profile.split_once("[budget]").unwrap();
        let sources = &tail[tail.find("[[sources]]").unwrap()..];
        let path = scratch.path().join(name);
        fs::write(&path, format!("{head}[budget]\n{budget}\n\n{sources}")).unwrap();
        path.display().to_string()
    };
    let wide = "encode_ms = 40000\nclick_ms = 15000\nwatchdog_ms = 60000\nrss_mib = 128";
    estimate(&with("wide.toml", wide), &int8(), &[]).succeeds();
    let narrow = wide.replace("click_ms = 15000", "click_ms = 1");
    let done = estimate(&with("narrow.toml", &narrow), &int8(), &[]);
    done.fails(5, &["board raspberry-pi-5", "click_ms", "expected at most 1"]);
    assert!(!done.stderr.contains("encode_ms"), "{}", done.stderr);
}

#[test]
fn another_model_is_scaled_and_named_as_a_misfit() {
    let options = ExportOptions { image_size: 256, ..ExportOptions::default() };
    let pack = ScratchPack::export(&random("uniultra-mini", 5), &options);
    let folder = pack.folder().display().to_string();
    let json = report(&estimate(&board("imx8m-plus"), &folder, &["--json", "-"]));
    let misfits = json["misfits"].to_string();
    assert!(misfits.contains("found 256 px") && misfits.contains("found f32"), "{misfits}");
    assert!(json["estimate"]["basis"]["counted"].is_null(), "{}", json["estimate"]["basis"]);
}

#[test]
fn mistakes_have_their_exit_codes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let pi = board("raspberry-pi-4");
    run("uniultra-tools", ["estimate", "--model", &int8()]).fails(2, &["--board"]);
    estimate(&pi, &int8(), &["--runs", "3"]).fails(2, &["--validate"]);
    estimate(&path("absent.toml"), &int8(), &[]).fails(3, &["absent.toml"]);
    estimate(&pi, &path("absent"), &[]).fails(4, &["absent"]);
    estimate(&pi, &int8(), &["--json", &path("no/folder.json")]).fails(6, &["folder.json"]);
    fs::write(path("counts.json"), "{}").unwrap();
    estimate(&pi, &int8(), &["--counts", &path("counts.json")])
        .fails(3, &["counts.json", "cross --count"]);
    if std::env::consts::ARCH != "aarch64" {
        estimate(&pi, &int8(), &["--validate"]).fails(7, &["raspberry-pi-4", "aarch64", "hint: "]);
    }
    let unknown = fs::read_to_string(&pi).unwrap().replace("cortex-a72", "cortex-x9");
    fs::write(path("unknown.toml"), unknown).unwrap();
    estimate(&path("unknown.toml"), &int8(), &[]).fails(3, &["cortex-x9", "cortex-a76"]);
}
