//! Both protocols, and means over sets, on the same images.

use super::*;
use crate::Group;
use std::path::PathBuf;

#[test]
fn means_over_sets_leave_transfer_sets_apart() {
    let (data, out) = (data(), tempfile::tempdir().unwrap());
    let copy = |from: &str, to: &str, stems: &[&str]| {
        for (kind, stem) in ["image", "mask"].iter().flat_map(|k| stems.iter().map(move |s| (k, s)))
        {
            let path = |set: &str| data.path().join(format!("{set}/{kind}/{stem}.png"));
            fs::create_dir_all(path(to).parent().unwrap()).unwrap();
            fs::copy(path(from), path(to)).unwrap();
        }
    };
    // One image of one square, which the others have two of.
    copy("a", "far", &["0"]);
    let save =
        |kind: &str| draw(&[[10, 10, 30]]).save(data.path().join(format!("far/{kind}/0.png")));
    save("image").and_then(|()| save("mask")).unwrap();
    copy("a", "c", &["1", "2"]);
    let habits = [Habit::Oracle, Habit::Empty];
    let by = |transfer: &[&str]| {
        let protocol = Protocol::UniultraEdge;
        report_with(protocol, transfer, data.path(), &habits, Shard::WHOLE, 2, out.path())
    };
    let report = by(&["far"]);
    let find = |report: &Report, group: Group, model: &str, prompt: &str| {
        let mut lines = report.overviews.clone().into_iter();
        lines.find(|l| (l.group, &*l.model, &*l.prompt) == (group, model, prompt)).unwrap()
    };
    let sets = find(&report, Group::Sets, "fake-0", "point");
    assert_eq!((sets.sets, sets.dice, sets.perimeter_ratio), (2, 1.0, Some(1.0)));
    // Ten and four objects, of which every mask is right, and predicted to be so-so.
    let found = sets.calibration.unwrap();
    assert_eq!((found.objects, found.predicted, found.reached), (14, 0.75, 1.0));
    assert_eq!(found.expected_calibration_error, 0.25);
    let far = find(&report, Group::Transfer, "fake-0", "clicks-inside");
    assert_eq!((far.sets, far.calibration.unwrap().objects), (1, 1));
    assert_eq!(far.inside.unwrap().dice, [1.0; 6]);
    let mute = find(&report, Group::Transfer, "fake-1", "box");
    assert_eq!((mute.dice, mute.perimeter_ratio), (0.0, None));
    assert_eq!(find(&report, Group::Sets, BASELINE, "box").calibration, None);

    let mean = |report: &Report, group| find(report, group, BASELINE, "box").dice;
    let of_set = |set: &str| {
        let mut lines = report.aggregates.iter();
        lines.find(|l| l.set == set && l.model == BASELINE).unwrap().dice.unwrap().mean
    };
    assert_eq!(mean(&report, Group::Transfer), of_set("far"));
    assert_eq!(mean(&report, Group::Sets), (of_set("a") + of_set("c")) / 2.0);
    let markdown = fs::read_to_string(out.path().join("report.md")).unwrap();
    for words in
        ["## Mean over 2 sets\n", "## Mean over 1 transfer sets\n", "\nfar, which are in no"]
    {
        assert!(markdown.contains(words), "{words} in {markdown}");
    }
    assert!(
        markdown.contains("| point | fake-0 | f32 | 14 | 0.7500 | 1.0000 | 0.2500 |"),
        "{markdown}"
    );
    let html = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(html.contains(">Mean over 1 transfer sets</h2>"));
    // Without any, all count.
    assert_eq!(find(&by(&[]), Group::Sets, "fake-0", "point").sets, 3);
}

#[test]
fn the_published_protocol_has_its_own_tables_and_merges() {
    let data = data();
    let folders: Vec<TempDir> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let habits = [Habit::Oracle, Habit::Empty];
    let by = |shard, out: usize| {
        report_by(Protocol::Published, data.path(), &habits, shard, 2, folders[out].path())
    };
    let whole = by(Shard::WHOLE, 0);
    let oracle = line(&whole, "fake-0", "box");
    // Its logits have the image's own resolution, so borders are right to about a pixel of 72.
    assert!(oracle.dice.unwrap().mean > 0.97, "{oracle:?}");
    assert_eq!((oracle.hausdorff_1024_px.unwrap().n, oracle.hausdorff_infinite), (5, 0));
    assert_eq!((oracle.hd95_px, oracle.empty.map(|empty| empty.n)), (None, Some(1)));
    let mute = line(&whole, "fake-1", "box");
    assert_eq!((mute.hausdorff_1024_px, mute.hausdorff_infinite), (None, 5));
    let ellipse = line(&whole, BASELINE, "box").dice.unwrap();
    assert!((ellipse.mean - 0.88).abs() < 0.01, "{ellipse:?}");

    for i in 0..2 {
        by(format!("{i}/2").parse().unwrap(), 1 + i);
    }
    let parts: Vec<PathBuf> = folders[1..3].iter().map(|f| f.path().to_path_buf()).collect();
    let (merged, pictures) = merge(&parts, folders[3].path()).unwrap();
    write_report(folders[3].path(), &merged, &pictures).unwrap();
    let read = |i: usize, name: &str| fs::read_to_string(folders[i].path().join(name)).unwrap();
    for name in ["images.csv", "report.md"] {
        assert_eq!(read(3, name), read(0, name), "{name}");
    }
    let csv = read(0, "images.csv");
    assert!(csv.lines().skip(1).all(|line| line.starts_with("published,")), "{csv}");
    let mute = csv.lines().find(|line| line.starts_with("published,a,0,fake-1,")).unwrap();
    assert!(mute.contains(",,,inf,"), "{mute}");
    let markdown = read(0, "report.md");
    assert!(markdown.starts_with("# Evaluation, protocol published\n"), "{markdown}");
    for words in ["protocol published 1", "to their own size, 64 x 64 pixels", "| 0 | 5 |"] {
        assert!(markdown.to_lowercase().contains(words), "{words} in {markdown}");
    }
    let html = read(0, "report.html");
    assert!(html.contains("<h1>Evaluation, protocol published</h1>"));
    assert!(html.contains("worst: ") && !pictures.is_empty());
    let json: serde_json::Value = serde_json::from_str(&read(0, "report.json")).unwrap();
    assert_eq!(json["settings"]["protocol"], "published");
    // A part of the other protocol is another run.
    report(data.path(), &habits, "1/2".parse().unwrap(), 1, folders[2].path());
    let error = merge(&parts, folders[3].path()).unwrap_err().to_string();
    assert!(error.contains("other settings"), "{error}");
}
