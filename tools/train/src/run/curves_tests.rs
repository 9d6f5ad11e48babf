use super::*;
use crate::run::log_rows::LogRow;

fn log(steps: u64, parts: &[&str], value: impl Fn(u64) -> (f64, Vec<f64>)) -> LogTable {
    let rows = (1..=steps).map(|step| {
        let (loss, parts) = value(step);
        LogRow { step, epoch: 0, images: step * 4, seconds: step as f64, lr: 1e-4, loss, parts }
    });
    LogTable { parts: parts.iter().map(|part| (*part).into()).collect(), rows: rows.collect() }
}

fn val(step: u64, set: &str, prompt: &str, dice: f64) -> ValRow {
    ValRow {
        epoch: 0,
        step,
        set: set.into(),
        prompt: prompt.into(),
        dice_mean: dice,
        dice_median: dice,
        iou_mean: dice,
        n: 10,
    }
}

/// A training like a real one. `UNIULTRA_CURVES=<file>` keeps the drawing, to look at.
#[test]
fn a_training_is_drawn() {
    let noise =
        |step: u64, seed: u64| ((step * 7919 + seed * 104_729) % 1000) as f64 / 1000.0 - 0.5;
    let table = log(4000, &["seg", "iou", "kd", "unused"], |step| {
        let fall = (-(step as f64) / 900.0).exp();
        let seg = (0.12 + 1.4 * fall) * (1.0 + 0.8 * noise(step, 1));
        let iou = (0.01 + 0.08 * fall) * (1.0 + noise(step, 2));
        let kd = (0.3 + 4.0 * fall) * (1.0 + 0.5 * noise(step, 3));
        (seg + iou + kd, vec![seg, iou, kd, 0.0])
    });
    let mut rows = Vec::new();
    for epoch in 1..=10u64 {
        for (set, top) in
            [("BUSI", 0.84), ("TN3K", 0.79), ("a-very-long-name-of-a-set-of-images", 0.9)]
        {
            for (prompt, gain) in [("box", 0.05), ("1 point", -0.03), ("none", -0.2)] {
                let dice = (top + gain) * (1.0 - 0.5 * (-(epoch as f64) / 2.0).exp());
                rows.push(val(epoch * 400, set, prompt, dice + 0.01 * noise(epoch, 5)));
            }
        }
    }
    let svg = render(&table, &rows, "stage 2: distillation").unwrap();
    if let Ok(path) = std::env::var("UNIULTRA_CURVES") {
        std::fs::write(path, &svg).unwrap();
    }
    for text in
        ["stage 2: distillation", "loss (log scale)", "mean Dice", "BUSI \u{b7} box", "step"]
    {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert!(!svg.contains("unused"), "a part that is always 0 needs no line");
    assert!(svg.len() < 400_000, "{} bytes", svg.len());
}

#[test]
fn any_log_can_be_drawn() {
    let nothing = render(&LogTable::default(), &[], "").unwrap();
    assert!(nothing.contains("nothing logged yet"));
    for steps in [1, 2, 90] {
        let flat = log(steps, &["a"], |_| (0.5, vec![0.5]));
        render(&flat, &[val(1, "s", "p", 1.0)], "flat").unwrap();
        let wild = log(steps, &["a"], |step| (f64::NAN, vec![-1e9 * step as f64]));
        let svg = render(&wild, &[val(1, "s", "p", f64::NAN)], "wild <&>").unwrap();
        assert!(svg.contains("wild &lt;&amp;&gt;"), "markup in names must not break the drawing");
        let zero = log(steps, &[], |_| (0.0, vec![]));
        render(&zero, &[val(steps, "s", "p", 0.0)], "zero").unwrap();
    }
}

#[test]
fn smoothing_keeps_the_level() {
    let points: Vec<(f64, f64)> =
        (0..800).map(|i| (f64::from(i), 2.0 + if i % 2 == 0 { 0.5 } else { -0.5 })).collect();
    let smoothed = smooth(&points);
    assert_eq!(smoothed.len(), points.len());
    assert!(smoothed.iter().all(|(_, y)| (y - 2.0).abs() < 0.06));
    assert_eq!(smooth(&points[..70]), points[..70], "short logs are drawn as they are");
    assert_eq!(thin(points.clone()).last(), points.last());
    assert!(thin(points).len() <= MAX_POINTS);
}

#[test]
fn ticks_are_round() {
    assert_eq!(axis::ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
    assert_eq!(axis::ticks(0.0, 4000.0, 8).last(), Some(&4000.0));
    let labels: Vec<String> =
        axis::log_ticks(-1.1, 0.4).into_iter().map(|tick| axis::label(10f64.powf(tick))).collect();
    assert_eq!(labels, ["0.1", "0.2", "0.5", "1", "2"]);
    assert_eq!(axis::label(2e-5), "2e-5");
    assert_eq!(axis::label(250_000.0), "2.5e5");
}

#[test]
fn long_sets_leave_room_for_the_prompt() {
    assert_eq!(pair_name("BUSI", "box"), "BUSI \u{b7} box");
    let name = pair_name("a-very-long-name-of-a-set-of-images", "1 point");
    assert!(name.ends_with(" \u{b7} 1 point") && name.chars().count() <= LEGEND_CHARS, "{name}");
}
