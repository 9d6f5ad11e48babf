//! `uniultra` without `--model`: the shipped UniUltra-mini, from inside the binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use uniultra_tests::cli::{root, run, run_alone, sample_frame};
use uniultra_tests::sample::{BOX, POINT, dice, gray};

/// Dice that the shipped model must reach on the sample frame, for every kind of prompt.
const MIN_DICE: f64 = 0.9;

/// Runs `uniultra segment` on the sample and returns the JSON report.
fn segment(rest: &[&str]) -> Value {
    let mut args: Vec<OsString> = vec!["segment".into(), sample_frame().into()];
    args.extend(["--json", "-"].iter().chain(rest).map(Into::into));
    serde_json::from_str(&run("uniultra", args).succeeds().stdout).unwrap()
}

#[test]
fn it_finds_the_sample_s_cyst() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.png");
    for prompt in [["--point", POINT], ["--box", BOX]] {
        segment(&[&prompt[..], &["--out-mask", path.to_str().unwrap()]].concat());
        let dice = dice(&gray(&path));
        println!("{prompt:?}: Dice {dice:.4}");
        assert!(dice >= MIN_DICE, "{prompt:?}: {dice}");
    }
}

#[test]
fn it_is_the_shipped_pack_bit_for_bit() {
    let pack = root().join("models/uniultra-mini-int8");
    let folder = tempfile::tempdir().unwrap();
    let answer = |name: &str, model: &[&str]| {
        let path = |kind: &str| folder.path().join(format!("{name}.{kind}"));
        let (mask, logits) = (path("png"), path("npy"));
        let files = ["--out-mask", mask.to_str().unwrap(), "--logits", logits.to_str().unwrap()];
        let report = segment(&[&["--box", BOX, "--point", POINT], &files[..], model].concat());
        (report, fs::read(mask).unwrap(), fs::read(logits).unwrap())
    };
    let (mut inside, inside_mask, inside_logits) = answer("inside", &[]);
    let (mut named, named_mask, named_logits) =
        answer("named", &["--model", pack.to_str().unwrap()]);
    assert!(inside_mask == named_mask && inside_logits == named_logits);

    assert_eq!(inside["model"]["id"], "uniultra-mini-int8");
    assert_eq!(inside["model"]["precision"], "int8");
    assert_eq!(inside["model"]["embedded"], true);
    assert_eq!(inside["model"]["folder"], Value::Null);
    assert_eq!(named["model"]["embedded"], false);
    assert_eq!(named["model"]["folder"], pack.to_str().unwrap());
    for report in [&mut inside, &mut named] {
        for key in ["timings_ms", "peak_rss_mib"] {
            report.as_object_mut().unwrap().remove(key);
        }
        for key in ["embedded", "folder"] {
            report["model"].as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(inside, named);
}

#[test]
fn info_describes_it() {
    let shipped = fs::read_to_string(root().join("models/uniultra-mini-int8/model.toml")).unwrap();
    let json: Value =
        serde_json::from_str(&run("uniultra", ["info", "--json", "-"]).succeeds().stdout).unwrap();
    assert_eq!(
        (&json["model"]["embedded"], &json["model"]["folder"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(json["manifest"]["model"]["id"], "uniultra-mini-int8");
    for network in ["image_encoder", "mask_decoder"] {
        let hash = json["manifest"][network]["sha256"].as_str().unwrap();
        assert!(shipped.contains(hash), "{network}: {hash}");
    }
    let text = run("uniultra", ["info"]);
    for words in ["uniultra-mini", "this program", "(verified)"] {
        assert!(text.succeeds().stdout.contains(words), "{words} in {}", text.stdout);
    }
}

#[test]
fn the_binary_needs_nothing_beside_it() {
    let frame = sample_frame();
    let args = ["segment", "frame.png", "--point", POINT, "--out-mask", "mask.png"];
    let run = run_alone("uniultra", &[Path::new(&frame)], &args);
    assert!(run.succeeds().stdout.contains("uniultra-mini"), "{}", run.stdout);
}

#[test]
fn help_says_which_model_is_the_default() {
    for command in ["segment", "info"] {
        let help = run("uniultra", [command, "--help"]);
        let help: String = help.succeeds().stdout.split_whitespace().collect();
        assert!(help.contains("[default:theUniUltra-miniinsidethisprogram]"), "{command}: {help}");
    }
}
