//! What a run says about each file, and that `uniultra segment` says the same.

use crate::archive::{Archive, assert_same, fixture, model};
use serde_json::{Value, json};
use std::fs;
use uniultra_core::Mask;
use uniultra_sink::coco_counts;
use uniultra_tests::cli::run;

/// Exit code of a run that is done, but without some answers.
const INCOMPLETE: i32 = 11;

fn line<'a>(lines: &'a [Value], path: &str, frame: Option<u64>, prompt: Option<u64>) -> &'a Value {
    let is_it = |line: &&Value| {
        line["path"] == path && line["frame"] == json!(frame) && line["prompt"] == json!(prompt)
    };
    lines.iter().find(is_it).unwrap_or_else(|| panic!("{path} {frame:?} {prompt:?}: {lines:#?}"))
}

fn error<'a>(lines: &'a [Value], path: &str) -> &'a str {
    let failed = lines.iter().find(|line| line["path"] == path && line["status"] == "failed");
    failed.unwrap_or_else(|| panic!("{path}: {lines:#?}"))["error"].as_str().unwrap()
}

#[test]
fn every_file_of_a_mixed_archive_is_accounted_for() {
    let archive = Archive::new();
    let run = archive.run("run", &[]);
    assert_eq!(run.code, Some(INCOMPLETE), "{run:?}");
    for words in ["absent.png", "error: expected an answer to every prompt, found 8"] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    assert!(run.stdout.contains("truncated.png: frame: expected the whole PNG"), "{}", run.stdout);
    let lines = archive.lines("run");
    // In the order of the paths; within a file by frame.
    let order: Vec<_> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert!(order.is_sorted(), "{order:?}");
    let done = |path: &str, frame, prompt| {
        let line = line(&lines, path, frame, prompt);
        assert_eq!(line["status"], "done", "{line}");
        let mask = archive.out("run").join(line["mask_file"].as_str().unwrap());
        let picture = image::open(mask).unwrap().into_luma8();
        let white = picture.pixels().filter(|pixel| pixel.0 == [255]).count();
        assert_eq!(line["area_px"], json!(white), "{line}");
        line
    };
    let first = done("sub/a.png", None, Some(1));
    assert_eq!(
        (&first["object"], &first["mask_file"]),
        (&json!("cyst"), &json!("masks/sub/a.png.f1.p1.png"))
    );
    assert_eq!(done("sub/a.png", None, Some(2))["object"], "2");
    for path in ["sub/a.jpg", "other/a.png", "übung/blöd.png"] {
        let line = done(path, None, Some(1));
        assert!(line["area_mm2"].is_null() && line["pixel_spacing_mm"].is_null(), "{line}");
    }
    let cine = done("cine.dcm", Some(1), Some(1));
    assert_eq!(cine["pixel_spacing_mm"], json!([0.1, 0.2]));
    assert_eq!(cine["pixel_spacing_source"], "dicom");
    assert!(cine["area_mm2"].is_number(), "{cine}");
    // Spectral Doppler has no lengths.
    let doppler = done("cine.dcm", Some(1), Some(2));
    assert!(doppler["pixel_spacing_mm"].is_null(), "{doppler}");
    assert_eq!(doppler["warnings"].as_array().unwrap().last().unwrap()["code"], "no_pixel_spacing");
    done("cine.dcm", Some(3), Some(1));
    done("still", Some(1), Some(1));
    let rest = line(&lines, "cine.dcm", None, None);
    assert_eq!(
        (&rest["status"], &rest["frames_without_prompt"]),
        (&json!("no_prompt"), &json!([[2, 2]]))
    );

    for (path, words) in [
        ("truncated.png", "truncated file"),
        ("hostile.png", "16 to 8192 pixels a side, found 100000x100000"),
        ("hostile.dcm", "DICOM"),
        ("page.png", "found an HTML page"),
        ("outside.png", "expected inside the frame of 96x64 pixels"),
        ("cine.dcm", "frame: expected 1 to 3, found 9"),
        #[cfg(unix)]
        ("sub/loop", "a link to a folder that it lies in"),
        #[cfg(unix)]
        ("self", "cannot be read"),
    ] {
        let found = error(&lines, path);
        assert!(found.contains(words), "{path}: {found}");
    }
    let unasked = line(&lines, "unasked.png", None, None);
    assert_eq!(unasked["frames_without_prompt"], json!([[1, 1]]));
    let unasked = line(&lines, "unasked.dcm", None, None);
    assert_eq!(unasked["frames_without_prompt"], json!([[1, 3]]));
    assert_eq!(line(&lines, "notes.txt", None, None)["status"], "not_a_frame");
    assert!(!order.contains(&".DS_Store"));

    let report = fs::read_to_string(archive.out("run").join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["schema"], "uniultra-batch");
    let count = |status: &str| lines.iter().filter(|line| line["status"] == status).count();
    assert_eq!(report["done"], json!(count("done")));
    assert_eq!(report["failed"], json!(count("failed")));
    assert_eq!(report["failures"].as_array().unwrap().len(), count("failed"));
    assert_eq!((&report["frames_without_prompt"], &report["not_a_frame"]), (&json!(5), &json!(1)));
    let record = fs::read_to_string(archive.out("run").join("run.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(
        (&record["prompts"]["prompts"], &record["prompts"]["without_file"]),
        (&json!(16), &json!(1))
    );
    assert_eq!(record["model"]["image_encoder_sha256"].as_str().unwrap().len(), 64);
    assert!(record["tool"]["version"].is_string() && record["threads"].is_null());

    // Once more: there is nothing left to do, and the code is the same.
    let before = archive.files("run");
    let again = archive.run("run", &[]);
    assert_eq!(again.code, Some(INCOMPLETE), "{again:?}");
    assert!(again.stdout.contains("nothing left to do"), "{}", again.stdout);
    assert_same(&archive.files("run"), &before, "a second start");
    // How many threads there are, and what they share, changes nothing.
    for (name, threads, at_once) in [("one", "1", "1"), ("shared", "2", "1"), ("three", "3", "3")] {
        let run = archive.run(name, &["--frames-at-once", at_once, "--threads", threads]);
        assert_eq!(run.code, Some(INCOMPLETE), "{run:?}");
        assert_same(&archive.files(name), &before, name);
    }
}

/// What `uniultra segment` and a line say in the same words.
fn assert_same_answer(line: &Value, report: &Value) {
    for key in [
        "object_score",
        "area_px",
        "bounding_box",
        "centroid",
        "area_mm2",
        "longest_diameter_mm",
        "perpendicular_diameter_mm",
        "perimeter_mm",
        "pixel_spacing_mm",
        "pixel_spacing_source",
        "warnings",
    ] {
        assert_eq!(line[key], report[key], "{key} of {line}");
    }
    assert_eq!(line["token"], report["chosen"]);
    let chosen = report["chosen"].as_u64().unwrap() as usize;
    assert_eq!(line["predicted_iou"], report["predicted_iou"][chosen]);
    assert_eq!(line["width"], report["frame"]["width"]);
}

#[test]
fn answers_are_those_of_segment() {
    let archive = Archive::new();
    for (out, options) in [
        ("png", &[][..]),
        ("rle", &["--masks", "rle"]),
        ("seg", &["--masks", "seg", "--segment-code", "cyst"]),
    ] {
        assert_eq!(archive.run(out, options).code, Some(INCOMPLETE));
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_string();
    let (mask, json, seg) = (at("mask.png"), at("report.json"), at("seg.dcm"));
    let model = model();
    for (path, frame, prompt, prompts) in [
        ("sub/a.png", None, 1, "--point 207,92"),
        ("sub/a.png", None, 2, "--point 207,92 --point 10,10,0 --box 150,50,260,140"),
        ("sub/a.jpg", None, 1, "--point 207,92"),
        ("cine.dcm", Some(3), 1, "--frame 3 --point 40,30"),
        ("cine.dcm", Some(1), 2, "--frame 1 --box 62,2,90,28"),
        ("still", Some(1), 1, "--point 40,30"),
    ] {
        let frame_path = archive.root().join(path);
        let mut args = vec!["segment", frame_path.to_str().unwrap()];
        args.extend(prompts.split(' '));
        args.extend(["--model", model.to_str().unwrap(), "--out-mask", &mask, "--json", &json]);
        if frame.is_some() {
            args.extend(["--segment-code", "cyst", "--dicom-seg", &seg]);
        }
        run("uniultra", &args).succeeds();
        let report: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
        let lines = ["png", "rle", "seg"].map(|out| archive.lines(out));
        let [png, rle, dicom] =
            lines.each_ref().map(|lines| line(lines, path, frame, Some(prompt)));
        for line in [png, rle, dicom] {
            assert_same_answer(line, &report);
        }
        let file = |out: &str, line: &Value| {
            fs::read(archive.out(out).join(line["mask_file"].as_str().unwrap())).unwrap()
        };
        let expected = fs::read(&mask).unwrap();
        assert!(file("png", png) == expected, "{path}: another mask");
        assert_eq!(rle["mask_file"], Value::Null);
        let gray = image::load_from_memory(&expected).unwrap().into_luma8();
        let [width, height] = [gray.width(), gray.height()].map(|side| side as usize);
        let object = Mask::from_binary(width, height, gray.into_raw()).unwrap();
        assert_eq!(rle["mask_rle"]["counts"], json!(coco_counts(&object)));
        assert_eq!(rle["mask_rle"]["size"], json!([height, width]));
        let expected = if frame.is_some() { fs::read(&seg).unwrap() } else { expected };
        assert!(file("seg", dicom) == expected, "{path}: another segmentation");
    }
    assert!(!archive.out("rle").join("masks").exists());
}

#[test]
fn boxes_of_an_earlier_run_are_prompts() {
    let archive = Archive::new();
    assert_eq!(archive.run("first", &[]).code, Some(INCOMPLETE));
    let first = archive.out("first");
    let second = archive.run("second", &["--prompts", first.to_str().unwrap()]);
    // What failed has no box, so now it is without a prompt; the links and the half file fail as before.
    second.fails(INCOMPLETE, &["hostile.dcm"]);
    let (before, now) = (archive.lines("first"), archive.lines("second"));
    let boxed: Vec<&Value> = before.iter().filter(|line| line["bounding_box"].is_array()).collect();
    assert!(boxed.len() >= 5, "{before:#?}");
    let mut compared = 0;
    for old in boxed {
        let same =
            |new: &&Value| ["path", "frame", "object"].iter().all(|key| new[*key] == old[*key]);
        let new = now.iter().find(same).unwrap();
        assert_eq!(new["status"], "done", "{new}");
        if old["path"] == "still" {
            let corners: Vec<i64> = serde_json::from_value(old["bounding_box"].clone()).unwrap();
            let corners = corners.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let (frame, model) = (archive.root().join("still"), model());
            let report = run(
                "uniultra",
                [
                    "segment",
                    frame.to_str().unwrap(),
                    "--model",
                    model.to_str().unwrap(),
                    "--box",
                    &corners,
                    "--json",
                    "-",
                ],
            );
            assert_same_answer(new, &serde_json::from_str(&report.stdout).unwrap());
            compared += 1;
        }
    }
    assert_eq!(compared, 1);
}

#[test]
fn a_list_has_its_own_order_and_spacings() {
    let archive = Archive::new();
    let list = archive.out("list.jsonl");
    // Beside the list, not in the archive.
    fs::copy(fixture("rgb.png"), archive.out("b.png")).unwrap();
    fs::copy(fixture("rgb.png"), archive.out("a.png")).unwrap();
    fs::write(
        &list,
        "{\"path\": \"b.png\", \"pixel_spacing_mm\": [0.2, 0.1]}\n\"a.png\"\n\"gone.png\"\n",
    )
    .unwrap();
    let table = archive.out("prompts.csv");
    fs::write(&table, "path,points\na.png,40 30\nb.png,40 30 1\ngone.png,1 1\n").unwrap();
    let mut command = uniultra_tests::cli::command("uniultra-tools");
    command.args(["batch", "--threads", "1", "--pixel-spacing", "0.5", "--model"]).arg(model());
    command.arg("--input").arg(&list).arg("--prompts").arg(&table);
    let run = uniultra_tests::cli::finish(command.arg("--out").arg(archive.out("run")));
    run.fails(INCOMPLETE, &["gone.png", "found 1 without"]);
    let lines = archive.lines("run");
    let paths: Vec<_> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["b.png", "a.png", "gone.png"]);
    let spacings: Vec<_> = lines.iter().map(|line| line["pixel_spacing_mm"].clone()).collect();
    assert_eq!(spacings, [json!([0.2, 0.1]), json!(0.5), Value::Null]);
    let areas: Vec<_> = lines.iter().filter_map(|line| line["area_mm2"].as_f64()).collect();
    let pixels = lines[0]["area_px"].as_f64().unwrap();
    assert_eq!(areas.len(), 2);
    assert!((areas[0] - pixels * 0.02).abs() < 1e-3 * (1.0 + pixels), "{areas:?}");
}
