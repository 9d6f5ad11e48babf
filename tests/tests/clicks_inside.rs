//! The shipped model on real images: further clicks inside an object do not hurt.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use uniultra_tests::cli::run;

/// Most that the mean Dice with any number of clicks may be below that with one.
///
/// Version 0.2 fell by 0.4188 on these images (0.7716 with one click, 0.3528 with 32). 0.3 learned
/// from up to 32 clicks and gains by each further number.
const LARGEST_FALL: f64 = 0.01;

/// Images of each set's val part, evenly spaced: the same ones every time. The clicks follow from
/// the objects, so that every run asks the same.
const IMAGES_A_SET: &str = "4";

/// Sets that nothing is tuned for, this bound included. Their figures are printed only.
const TRANSFER: &str = "abdomen_rus_*";

#[test]
fn clicks_inside_never_hurt() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        eprintln!("SKIPPED: clicks_inside_never_hurt: no ../shared/data");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("report");
    let mut args: Vec<OsString> = vec!["evaluate".into(), "--data".into(), data.into()];
    args.extend(["--out".into(), out.clone().into()]);
    args.extend(["--prompt", "clicks-inside", "--limit", IMAGES_A_SET].map(Into::into));
    args.extend(["--transfer", TRANSFER, "--threads", "2"].map(Into::into));
    let run = run("uniultra-tools", args);
    run.succeeds();

    let report: Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let lines = report["overviews"].as_array().unwrap().iter();
    let lines: Vec<&Value> = lines.filter(|line| !line["inside"].is_null()).collect();
    for line in &lines {
        println!("{} {}: mean Dice by clicks {}", line["sets"], line["group"], line["inside"]);
    }
    let line = lines.iter().find(|line| line["group"] == "sets").unwrap();
    let inside = &line["inside"];
    let fall = inside["largest_fall"].as_f64().unwrap();
    assert_eq!(inside["clicks"], serde_json::json!([1, 3, 6, 10, 18, 32]));
    assert!(fall <= LARGEST_FALL, "further clicks cost {fall} of mean Dice: {inside}");
}
