//! The report of `uniultra bench`: made from what was measured, and shown as a table.

use super::endurance;
use super::measure::Times;
use std::fmt::{self, Write};
use uniultra_manifest::Budget;
use uniultra_schema::{
    BenchReport, BoardReport, Budgets, ColdStart, Document, Endurance, Machine, Measured,
    ModelIdentity, Quantiles, TimedFrame,
};

/// What is measured, and where.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) threads: usize,
    pub(super) board: Option<BoardReport>,
    pub(super) machine: Machine,
    pub(super) frame: TimedFrame,
    /// Number of runs that do not count.
    pub(super) warm_up: u32,
    /// Number of runs that count.
    pub(super) runs: u32,
}

impl Setting {
    /// The report of the runs, before its budgets are compared.
    pub(super) fn report(
        self,
        times: &Times,
        cold_start: ColdStart,
        read_and_verify_ms: f64,
        endurance: Option<Endurance>,
    ) -> BenchReport {
        let Self { threads, board, machine, frame, warm_up, runs } = self;
        BenchReport {
            engine: uniultra_engine::engine_name().to_string(),
            threads,
            board,
            machine,
            frame,
            warm_up,
            runs,
            preprocess_ms: Quantiles::from_times(&times.preprocess_ms),
            encode_ms: Quantiles::from_times(&times.encode_ms),
            first_click_ms: Quantiles::from_times(&times.first_click_ms),
            click_ms: Quantiles::from_times(&times.click_ms),
            mask_ms: Quantiles::from_times(&times.mask_ms),
            frame_to_mask_ms: Quantiles::from_times(&times.frame_to_mask_ms),
            preprocess_and_mask_share: times.glue_share(),
            cold_start_ms: cold_start.parts().iter().map(|(_, ms)| ms).sum(),
            cold_start_parts_ms: cold_start,
            read_and_verify_ms,
            peak_rss_mib: uniultra_engine::peak_rss_mib(),
            endurance,
            budgets: None,
        }
    }
}

/// Compares the measurements with a board's budgets.
pub(super) fn budgets(report: &BenchReport, budget: &Budget) -> Budgets {
    let slowest = report.endurance.as_ref().map_or(0.0, |endurance| endurance.slowest_ms);
    let found = Measured {
        encode_ms: report.encode_ms.p90,
        click_ms: report.first_click_ms.p90.max(report.click_ms.p90),
        slowest_ms: report.frame_to_mask_ms.max.max(slowest),
        rss_mib: report.peak_rss_mib.map(f64::from),
    };
    Budgets::new(budget, found)
}

/// The table for people.
pub(super) fn text(document: &Document<BenchReport>) -> Result<String, fmt::Error> {
    let report = &document.report;
    let mut text = String::new();
    write_setting(&mut text, document.model.as_ref(), report)?;
    writeln!(text, "\n{:<15}{:>10}{:>10}{:>10}{:>10}", "ms", "p50", "p90", "p99", "max")?;
    for (stage, Quantiles { p50, p90, p99, max }) in report.stages() {
        writeln!(text, "{stage:<15}{p50:>10.2}{p90:>10.2}{p99:>10.2}{max:>10.2}")?;
    }
    let share = report.preprocess_and_mask_share * 100.0;
    writeln!(text, "\nnot networks   {share:.1} % of frame to mask: preprocess and mask")?;
    let parts = report.cold_start_parts_ms.parts();
    let parts: Vec<_> = parts.iter().map(|(name, ms)| format!("{name} {ms:.1}")).collect();
    writeln!(text, "cold start     {:.1} ms: {}", report.cold_start_ms, parts.join(", "))?;
    let read = report.read_and_verify_ms;
    writeln!(text, "               reading and verifying the pack again: {read:.1} ms")?;
    if let Some(peak) = report.peak_rss_mib {
        writeln!(text, "peak memory    {peak:.1} MiB")?;
    }
    if let Some(endurance) = &report.endurance {
        endurance::write(endurance, &mut text)?;
    }
    if let Some(budgets) = &report.budgets {
        write_budgets(&mut text, budgets)?;
    }
    Ok(text)
}

fn write_setting(
    text: &mut String,
    model: Option<&ModelIdentity>,
    report: &BenchReport,
) -> fmt::Result {
    if let Some(ModelIdentity { id, version, precision, image_size, .. }) = model {
        writeln!(text, "model          {id} {version}, {precision}, {image_size} px")?;
    }
    let Machine { cpu, arch, cpu_features, .. } = &report.machine;
    writeln!(text, "processor      {cpu}, {arch}: {}", cpu_features.join(" "))?;
    let BenchReport { engine, threads, warm_up, runs, .. } = report;
    let plural = if *threads == 1 { "" } else { "s" };
    writeln!(text, "engine         {engine}, {threads} thread{plural}")?;
    if let Some(board) = &report.board {
        writeln!(text, "board          {}", board.line())?;
    }
    let TimedFrame { path, width, height } = &report.frame;
    let origin = path.as_deref().unwrap_or("made by this program");
    writeln!(text, "frame          {width} x {height} px, {origin}")?;
    writeln!(text, "runs           {runs} after {warm_up} that do not count")
}

fn write_budgets(text: &mut String, budgets: &Budgets) -> fmt::Result {
    writeln!(text, "\n{:<15}{:>10}{:>10}", "budget", "limit", "found")?;
    for (name, check) in budgets.each() {
        let (found, verdict) = (check.found_text(), check.verdict());
        writeln!(text, "{name:<15}{:>10}{found:>10}  {verdict}", check.limit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::document;
    use uniultra_schema::ModelOrigin;

    fn report() -> BenchReport {
        let setting = Setting {
            threads: 2,
            board: None,
            machine: Machine {
                cpu: "Some CPU".to_string(),
                arch: "x86_64".to_string(),
                cpu_features: vec!["avx2".to_string()],
                threads_available: None,
            },
            frame: TimedFrame { path: None, width: 640, height: 480 },
            warm_up: 1,
            runs: 2,
        };
        let times = Times {
            preprocess_ms: vec![1.0, 1.0],
            encode_ms: vec![30.0, 40.0],
            first_click_ms: vec![8.0, 9.0],
            click_ms: vec![5.0, 6.0],
            mask_ms: vec![1.0, 1.0],
            frame_to_mask_ms: vec![40.0, 51.0],
        };
        let cold_start = ColdStart { load: 100.0, first_encode: 50.0, ..ColdStart::default() };
        setting.report(&times, cold_start, 12.0, None)
    }

    fn model() -> ModelIdentity {
        ModelIdentity {
            id: "m".to_string(),
            version: "1".to_string(),
            precision: "int8".to_string(),
            image_size: 512,
            image_encoder_sha256: "a".to_string(),
            mask_decoder_sha256: "b".to_string(),
            checkpoint_sha256: "c".to_string(),
            origin: ModelOrigin::embedded(),
        }
    }

    #[test]
    fn the_json_is_complete() {
        let json = serde_json::to_value(document(Some(model()), report())).unwrap();
        assert_eq!(json["schema"], "uniultra-bench");
        assert_eq!(
            (&json["model"]["id"], &json["machine"]["cpu"]),
            (&"m".into(), &"Some CPU".into())
        );
        assert_eq!((&json["threads"], &json["cold_start_ms"]), (&2.into(), &150.0.into()));
        let expected = serde_json::json!({ "p50": 30.0, "p90": 40.0, "p99": 40.0, "max": 40.0 });
        assert_eq!(json["encode_ms"], expected);
        assert_eq!(json["click_ms"]["p50"], 5.0);
        assert_eq!(json["cold_start_parts_ms"]["load"], 100.0);
        assert!(json["frame"]["path"].is_null() && json["machine"]["threads_available"].is_null());
        for key in ["board", "budgets", "endurance"] {
            assert!(json[key].is_null() && json.get(key).is_some(), "{key}: {json}");
        }
    }

    #[test]
    fn budgets_limit_the_slower_click_and_the_slowest_frame() {
        let mut report = report();
        report.peak_rss_mib = Some(50.0);
        let held = Budget { encode_ms: 40, click_ms: 9, watchdog_ms: 51, rss_mib: 50 };
        report.budgets = Some(budgets(&report, &held));
        let shown = text(&document(None, report.clone())).unwrap();
        assert_eq!(shown.matches("held").count(), 4, "{shown}");
        let missed = Budget { encode_ms: 39, click_ms: 8, watchdog_ms: 50, rss_mib: 49 };
        let missed = budgets(&report, &missed);
        assert_eq!((missed.ok, missed.click_ms.found), (false, Some(9.0)));
        assert_eq!(missed.missed().matches("expected at most").count(), 4);
        report.budgets = Some(missed);
        assert_eq!(text(&document(None, report)).unwrap().matches("MISSED").count(), 4);
    }

    #[test]
    fn the_table_has_every_stage() {
        let text = text(&document(Some(model()), report())).unwrap();
        for line in [
            "model          m 1, int8, 512 px",
            "engine         engine 1, 2 threads",
            "image encoder       30.00     40.00     40.00     40.00",
            "next click           5.00      6.00      6.00      6.00",
            "cold start     150.0 ms: start-up 0.0, frame 0.0, load 100.0,",
        ] {
            let line = line.replace("engine 1", uniultra_engine::engine_name());
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }
}
