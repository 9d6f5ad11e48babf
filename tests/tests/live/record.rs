//! `--record`: what was written can be read, also after the program was killed.

use crate::node::Node;
use serde_json::Value;
use std::fs;
use std::path::Path;
use uniultra_tests::cli::{root, run};

/// The sample's target.
const TAP: &str = "269,279";

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder of the sample frame, as often as asked.
fn frames(folder: &Path, count: usize) -> String {
    fs::create_dir(folder).unwrap();
    for i in 0..count {
        let to = folder.join(format!("{i:03}.png"));
        fs::copy(root().join("tests/fixtures/sample/frame.png"), to).unwrap();
    }
    format!("dir:{}@2", folder.display())
}

#[test]
fn a_recording_is_a_data_set_that_evaluate_reads() {
    let scratch = tempfile::tempdir().unwrap();
    let source = frames(&scratch.path().join("frames"), 3);
    let out = scratch.path().join("record");
    let out_text = out.to_str().unwrap();
    let args = ["live", "--source", &source, "--no-http", "--tap", TAP, "--pixel-spacing", "0.2"];
    for _ in 0..2 {
        run("uniultra", args.iter().chain(&["--record", out_text, "--threads", "2"])).succeeds();
        // Sessions are told apart by the second in which they started.
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    // Files wait for the model: no frame is skipped.
    let recorded = lines(&out.join("frames.jsonl"));
    assert_eq!(recorded.len(), 6);
    for line in &recorded {
        let stem = line["stem"].as_str().unwrap();
        for part in ["image", "mask"] {
            assert!(out.join(part).join(format!("{stem}.png")).exists(), "{part} {stem}");
        }
        let object = &line["objects"][0];
        assert_eq!(object["segmentation"]["size"], serde_json::json!([400, 512]));
        assert!(object["area_mm2"].as_f64().unwrap() > 100.0);
    }
    let prompts = lines(&out.join("prompts.jsonl"));
    assert_eq!(prompts.len(), 2);
    assert_eq!((&prompts[0]["kind"], &prompts[0]["x"]), (&"point".into(), &269.0.into()));
    let sizes = fs::read_to_string(out.join("pixel_size.csv")).unwrap();
    assert_eq!(sizes.lines().count(), 1 + recorded.len());

    // The masks are the model's own, so it agrees with them.
    let report = scratch.path().join("report");
    let [data, report] = [scratch.path(), report.as_path()].map(|path| path.to_str().unwrap());
    let words =
        ["evaluate", "--data", data, "--set", "record", "--split", "all", "--prompt", "box"];
    run("uniultra-tools", words.iter().chain(&["--out", report])).succeeds();
    let text = fs::read_to_string(Path::new(report).join("images.csv")).unwrap();
    let mut rows = text.lines();
    let column = rows.next().unwrap().split(',').position(|name| name == "dice").unwrap();
    let dice: Vec<f64> =
        rows.map(|row| row.split(',').nth(column).unwrap().parse().unwrap()).collect();
    assert!(dice.len() >= recorded.len() && dice.iter().all(|dice| *dice > 0.9), "{dice:?}");
}

#[test]
fn a_tap_that_hits_nothing_and_a_recording_that_breaks_are_failures() {
    let scratch = tempfile::tempdir().unwrap();
    let source = frames(&scratch.path().join("frames"), 2);
    let out = scratch.path().join("record");
    let out = out.to_str().unwrap();
    let args = ["live", "--source", &source, "--no-http", "--record", out, "--tap", "9000,3"];
    run("uniultra", args).fails(3, &["--tap 9000,3"]);

    let mut node = Node::start(&["--tap", "207,92", "--record", out]);
    node.wait_for("a recorded frame", |state| state["stats"]["recorded"].as_u64() > Some(0));
    // While it records, nobody else may.
    run("uniultra", ["live", "--http", "127.0.0.1:0", "--record", out])
        .fails(6, &["another program"]);
    // Renamed, not removed: the node may write another mask while its folder is emptied.
    fs::rename(Path::new(out).join("mask"), scratch.path().join("away")).unwrap();
    node.wait_for("the failure", |state| state["recording"] == "failed");
    let (status, _) = node.end("-TERM");
    assert_eq!(status.code(), Some(6));
}

#[test]
fn a_killed_recording_loses_at_most_the_frame_that_it_was_writing() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("record");
    let mut node = Node::start(&["--tap", "207,92", "--record", out.to_str().unwrap()]);
    node.wait_for("frames", |state| state["stats"]["recorded"].as_u64() > Some(3));
    node.end("-KILL");
    let text = fs::read_to_string(out.join("frames.jsonl")).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let stems: Vec<String> = whole
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["stem"].as_str().unwrap().to_string()
        })
        .collect();
    assert!(stems.len() > 3);
    for stem in &stems {
        for part in ["image", "mask"] {
            image::open(out.join(part).join(format!("{stem}.png"))).unwrap();
        }
    }
    let images = fs::read_dir(out.join("image")).unwrap();
    let names = images.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let more = names
        .filter(|name| name.ends_with(".png"))
        .filter(|name| !stems.contains(&name[..name.len() - 4].to_string()));
    assert!(more.count() <= 1);
}
