//! The whole protocol on drawn images, with models that need no network.

#[path = "run_protocol_tests.rs"]
mod protocols;

use super::*;
use crate::fakes::{Fake, Habit};
use crate::report::{Report, Settings};
use crate::{
    INSIDE_COUNTS, Protocol, Query, Shard, SplitPart, find_cases, merge, render_pictures,
    write_report,
};
use image::{GrayImage, Luma};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const SIDE: u32 = 64;

/// Squares (left, top, side) as image and mask.
fn draw(squares: &[[u32; 3]]) -> GrayImage {
    GrayImage::from_fn(SIDE, SIDE + 8, |x, y| {
        let inside = |&[left, top, side]: &[u32; 3]| {
            (left..left + side).contains(&x) && (top..top + side).contains(&y)
        };
        Luma([if squares.iter().any(inside) { 255 } else { 0 }])
    })
}

/// Two sets: `a` with five images of squares and one without, `b` with bad files.
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, image: &GrayImage| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(path).unwrap();
    };
    for i in 0..5 {
        let image = draw(&[[4 + i, 6, 20], [40, 40, 10 + i]]);
        save(&format!("a/image/{i}.png"), &image);
        save(&format!("a/mask/{i}.png"), &image);
    }
    save("a/image/none.png", &draw(&[]));
    save("a/mask/none.png", &draw(&[]));
    save("b/image/no-mask.png", &draw(&[]));
    save("b/image/other-size.png", &draw(&[]));
    save("b/mask/other-size.png", &GrayImage::new(32, 32));
    save("b/image/corrupt.png", &draw(&[]));
    save("b/mask/corrupt.png", &draw(&[]));
    let path = folder.path().join("b/image/corrupt.png");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    folder
}

const PROMPTS: [PromptKind; 5] = [
    PromptKind::Point,
    PromptKind::Box,
    PromptKind::Centroid,
    PromptKind::Clicks(3),
    PromptKind::ClicksInside,
];

/// Evaluates `data` and makes the report.
fn report(data: &Path, habits: &[Habit], shard: Shard, threads: usize, out: &Path) -> Report {
    report_by(Protocol::UniultraEdge, data, habits, shard, threads, out)
}

fn report_by(
    protocol: Protocol,
    data: &Path,
    habits: &[Habit],
    shard: Shard,
    threads: usize,
    out: &Path,
) -> Report {
    report_with(protocol, &[], data, habits, shard, threads, out)
}

fn report_with(
    protocol: Protocol,
    transfer: &[&str],
    data: &Path,
    habits: &[Habit],
    shard: Shard,
    threads: usize,
    out: &Path,
) -> Report {
    let published = protocol == Protocol::Published;
    let prompts: &[PromptKind] = if published { &[PromptKind::Box] } else { &PROMPTS };
    let query = Query { data, sets: &[], split: SplitPart::Val, limit: None, shard };
    let found = find_cases(&query).unwrap();
    let models: Vec<Fake> =
        (0..).zip(habits).map(|(i, &habit)| Fake::new(&format!("fake-{i}"), habit)).collect();
    let dynamic: Vec<&dyn Predictor> = models.iter().map(|m| m as &dyn Predictor).collect();
    let options = Options { threads, save_masks: None };
    let Evaluated { rows, masks, mut problems } =
        evaluate(&found.cases, &dynamic, protocol, prompts, &options, &|| ()).unwrap();
    problems.extend(found.problems);
    let settings = Settings {
        protocol,
        transfer: transfer.iter().map(ToString::to_string).collect(),
        split: SplitPart::Val,
        sets: found.sets,
        prompts: prompts.iter().map(ToString::to_string).collect(),
        mask_choice: "single".to_string(),
        limit: None,
    };
    let infos = models.iter().map(|model| model.info().clone()).collect();
    let command = vec!["evaluate".to_string(), format!("--shard={shard}")];
    let report = Report::new(settings, infos, vec![command], vec![shard], rows, problems);
    let pictures = render_pictures(out, &report, &found.cases, &masks).unwrap();
    write_report(out, &report, &pictures).unwrap();
    report
}

fn line<'a>(report: &'a Report, model: &str, prompt: &str) -> &'a crate::Aggregate {
    let mut lines = report.aggregates.iter();
    lines.find(|l| l.set == "a" && l.model == model && l.prompt == prompt).unwrap()
}

#[test]
fn an_oracle_is_perfect_and_a_mute_one_is_not() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    let habits = [Habit::Oracle, Habit::Empty];
    let report = report(data.path(), &habits, Shard::WHOLE, 2, out.path());
    for prompt in PROMPTS.map(|prompt| prompt.to_string()) {
        let oracle = line(&report, "fake-0", &prompt);
        let dice = oracle.dice.unwrap();
        assert_eq!((dice.n, dice.mean, dice.p5), (5, 1.0, 1.0), "{prompt}");
        assert_eq!(oracle.hd95_px.unwrap().mean, 0.0);
        let mute = line(&report, "fake-1", &prompt);
        assert_eq!(mute.dice.unwrap().p95, 0.0);
        let diagonal = f64::from(f64::hypot(64.0, 72.0) as f32);
        assert_eq!(mute.hd95_px.unwrap().median, diagonal);
    }
    let clicks = |model: &str| line(&report, model, "clicks-3").clicks.clone().unwrap();
    let (oracle, mute) = (clicks("fake-0"), clicks("fake-1"));
    assert_eq!((oracle.dice.as_slice(), oracle.noc_85, oracle.noc_90), (&[1.0; 3][..], 1.0, 1.0));
    assert_eq!((mute.dice.as_slice(), mute.noc_85, mute.noc_90), (&[0.0; 3][..], 10.0, 10.0));
    let inside = line(&report, "fake-0", "clicks-inside").inside.clone().unwrap();
    assert_eq!((inside.clicks.as_slice(), inside.largest_fall), (&INSIDE_COUNTS[..], 0.0));
    assert_eq!(inside.dice, [1.0; 6]);
    let edges = line(&report, "fake-0", "point").edges.unwrap();
    assert_eq!(edges.perimeter_ratio.unwrap().mean, 1.0);
    assert_eq!((edges.parts, edges.truth_parts, edges.holes), (2.0, 2.0, 0.0));
    let edges = line(&report, "fake-1", "point").edges.unwrap();
    assert_eq!((edges.perimeter_ratio, edges.parts), (None, 0.0));
    // Squares: the ellipse covers pi/4 of each, so Dice is 2 / (1 + 4/pi) = 0.88.
    let baseline = line(&report, BASELINE, "box").dice.unwrap();
    assert!((baseline.mean - 0.88).abs() < 0.01, "{baseline:?}");
}

#[test]
fn images_without_an_object_are_reported_apart() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    let habits = [Habit::Oracle, Habit::Empty];
    let report = report(data.path(), &habits, Shard::WHOLE, 1, out.path());
    let oracle = line(&report, "fake-0", "point").empty.unwrap();
    assert_eq!((oracle.n, oracle.false_positive_rate), (1, Some(0.0)));
    let mute = line(&report, "fake-1", "point").empty.unwrap();
    assert_eq!((mute.n, mute.false_positive_rate), (1, None));
    assert!(line(&report, BASELINE, "box").empty.is_none());
}

#[test]
fn what_cannot_be_used_is_named() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    let habits = [Habit::Oracle, Habit::Broken];
    let report = report(data.path(), &habits, Shard::WHOLE, 2, out.path());
    let text: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let starts = [
        "a/0: fake-1: as always",
        "b/corrupt: image: frame: ",
        "b/no-mask: mask: cannot be read: ",
        "b/other-size: expected image and mask of one size, found 64x72 and 32x32",
    ];
    for start in starts {
        assert!(text.iter().any(|line| line.starts_with(start)), "{start} in {text:#?}");
    }
    assert_eq!(text.len(), 6 + 3);
    assert!(report.rows.iter().all(|row| row.model != "fake-1"));
}

#[test]
fn shards_and_threads_do_not_show() {
    let data = data();
    let folders: Vec<TempDir> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let out = |i: usize| folders[i].path();
    let habits = [Habit::Oracle, Habit::Empty];
    let whole = report(data.path(), &habits, Shard::WHOLE, 3, out(0));
    let again = report(data.path(), &habits, Shard::WHOLE, 1, out(1));
    assert_eq!(whole, again);
    for i in 0..2 {
        let shard = format!("{i}/2").parse().unwrap();
        report(data.path(), &habits, shard, 2, out(2 + i));
    }
    let parts = [out(3).to_path_buf(), out(2).join("report.json")];
    let (merged, pictures) = merge(&parts, out(4)).unwrap();
    write_report(out(4), &merged, &pictures).unwrap();
    let read = |i: usize, name: &str| fs::read_to_string(out(i).join(name)).unwrap();
    assert_eq!(read(4, "images.csv"), read(0, "images.csv"));
    assert_eq!(read(1, "images.csv"), read(0, "images.csv"));
    assert_eq!(read(4, "report.md"), read(0, "report.md"));
    assert_eq!((&merged.rows, &merged.aggregates), (&whole.rows, &whole.aggregates));
    assert_eq!(merged.problems, whole.problems);
    assert!(!pictures.is_empty());
    for picture in &pictures {
        assert!(
            out(4).join(&picture.path).is_file() && read(4, "report.html").contains(&picture.path)
        );
    }
}

#[test]
fn only_the_shards_of_one_run_merge() {
    let data = data();
    let folders: Vec<TempDir> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let out = |i: usize| folders[i].path().to_path_buf();
    for i in 0..2 {
        let shard = format!("{i}/2").parse().unwrap();
        report(data.path(), &[Habit::Oracle], shard, 1, &out(i));
    }
    report(data.path(), &[Habit::Oracle, Habit::Empty], "1/2".parse().unwrap(), 1, &out(2));
    let refused = |parts: &[PathBuf]| merge(parts, &out(3)).unwrap_err().to_string();
    assert!(refused(&[out(0)]).contains("0/2"));
    assert!(refused(&[out(0), out(1), out(1)]).contains("0/2, 1/2, 1/2"));
    assert!(refused(&[out(0), out(2)]).contains("other models"));
    assert!(refused(&[out(3)]).contains("report.json"));
    fs::write(out(3).join("report.json"), "{}").unwrap();
    assert!(refused(&[out(3)]).contains("expected a report"));
}

#[test]
fn the_files_keep_their_schema() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    report(data.path(), &[Habit::Oracle], Shard::WHOLE, 2, out.path());
    let csv = fs::read_to_string(out.path().join("images.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "protocol,set,stem,model,precision,prompt,objects,truth_px,prediction_px,truth_mm2,\
         prediction_mm2,dice,iou,hd95_px,\
         hd95_mm,hausdorff_1024_px,perimeter_ratio,parts,truth_parts,holes,truth_holes,head_circumference_mm,head_circumference_error_mm,predicted_iou,object_iou,object_score,noc_85_sum,noc_90_sum,\
         dice_click_1,dice_click_2,dice_click_3,dice_inside_1,dice_inside_3,dice_inside_6,\
         dice_inside_10,dice_inside_18,dice_inside_32"
    );
    // Five images of baseline and five prompts, one image without an object and without baseline.
    assert_eq!(lines.clone().count(), 5 * 6 + 5);
    assert!(lines.all(|line| line.split(',').count() == 37));
    assert!(csv.contains(",fake-0,f32,point,") && csv.contains(",baseline:ellipse,,box,"), "{csv}");
    let markdown = fs::read_to_string(out.path().join("report.md")).unwrap();
    for start in ["| box | baseline:ellipse |  | 5 |", "| box | fake-0 | f32 | 5 |"] {
        assert!(markdown.contains(start), "{start} in {markdown}");
    }
    let json = fs::read(out.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["protocol"], crate::PROTOCOL);
    assert_eq!(json["settings"]["protocol"], "uniultra-edge");
    assert_eq!(json["models"][0]["image_encoder_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(json["settings"]["split"], "val");
    assert_eq!(json["shards"], serde_json::json!(["0/1"]));
    assert_eq!(json["commands"][0][0], "evaluate");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(35));
    let html = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert_eq!(html.matches("<svg").count(), PROMPTS.len() + 2);
    assert!(html.contains("worst: ") && html.contains("median: ") && html.contains("best: "));
}

#[test]
fn masks_are_saved_by_set_and_stem() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    let query = Query {
        data: data.path(),
        sets: &["a".to_string()],
        split: SplitPart::Val,
        limit: None,
        shard: Shard::WHOLE,
    };
    let found = find_cases(&query).unwrap();
    let oracle = Fake::new("oracle", Habit::Oracle);
    let run = |prompts: &[PromptKind], folder: &Path| {
        let options = Options { threads: 1, save_masks: Some(folder) };
        evaluate(&found.cases, &[&oracle], Protocol::default(), prompts, &options, &|| ())
    };
    run(&[PromptKind::Box], out.path()).unwrap();
    let saved = image::open(out.path().join("a/3.png")).unwrap().into_luma8();
    let truth = image::open(data.path().join("a/mask/3.png")).unwrap().into_luma8();
    assert_eq!(saved, truth);
    run(&[PromptKind::Box, PromptKind::Point], out.path()).unwrap();
    assert!(out.path().join("oracle/point/a/3.png").is_file());
    let blocked = out.path().join("a/3.png");
    assert!(run(&[PromptKind::Box], &blocked).unwrap_err().is_output());
}
