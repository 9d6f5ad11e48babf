//! The report of `uniultra bench`: JSON for machines, a table for people.

use super::budget::{Budgets, Measured};
use super::endurance::Endurance;
use super::measure::Times;
use crate::board::BoardReport;
use crate::model::OriginReport;
use serde::Serialize;
use std::fmt::{self, Write};
use uniultra_core::Quantiles;
use uniultra_manifest::Budget;

/// Version of the fields below.
const SCHEMA_VERSION: u32 = 1;

/// The report. All times are wall time in milliseconds; [`Quantiles`] defines the quantiles. Adding
/// a field keeps `schema_version`; removing one or changing its meaning raises it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BenchReport {
    /// Always `uniultra-bench`.
    schema: &'static str,
    /// Always [`SCHEMA_VERSION`].
    schema_version: u32,
    /// What was measured, and where.
    #[serde(flatten)]
    setting: Setting,
    /// Resizing and normalising the frame.
    preprocess_ms: Quantiles,
    /// The image encoder, once a frame.
    encode_ms: Quantiles,
    /// The first click on a frame, from prompt to logits.
    first_click_ms: Quantiles,
    /// A further click on the same frame, from prompt to logits.
    click_ms: Quantiles,
    /// From logits to the mask at the frame's size: choice, resizing, threshold.
    mask_ms: Quantiles,
    /// From a new frame to the mask of its first click.
    frame_to_mask_ms: Quantiles,
    /// Share of the time of frames and first clicks that preprocessing and masks take, 0..=1.
    preprocess_and_mask_share: f64,
    /// From the first line of the program to its first mask.
    cold_start_ms: f64,
    /// The parts of the cold start.
    cold_start_parts_ms: ColdStart,
    /// Time to read the pack and check its hashes again, after the cold start. If the pack comes
    /// from the system's cache, this is about the part of `load` that goes to reading.
    read_and_verify_ms: f64,
    /// Largest resident set of the process, in MiB; `null` if the system does not say.
    peak_rss_mib: Option<f32>,
    /// The minutes of `--minutes`; `null` without.
    endurance: Option<Endurance>,
    /// Whether the board's budgets are held; `null` without `--board`.
    budgets: Option<Budgets>,
}

/// What was measured, and where.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setting {
    /// Version of this program.
    pub(super) version: &'static str,
    /// Id of the model.
    pub(super) model: String,
    /// Version of its weights.
    pub(super) model_version: String,
    /// Where it comes from.
    pub(super) model_origin: OriginReport,
    /// Arithmetic of its graphs.
    pub(super) precision: String,
    /// Side of the networks' input, in pixels.
    pub(super) image_size: usize,
    /// SHA-256 of the image encoder's file.
    pub(super) image_encoder_sha256: String,
    /// SHA-256 of the mask decoder's file.
    pub(super) mask_decoder_sha256: String,
    /// Engine and version.
    pub(super) engine: &'static str,
    /// Threads of the engine.
    pub(super) threads: usize,
    /// The board's profile as applied; `null` without `--board`.
    pub(super) board: Option<BoardReport>,
    /// Threads that the system offers; `null` if it does not say.
    pub(super) threads_available: Option<usize>,
    /// Name of the processor or the board.
    pub(super) cpu: String,
    /// Architecture that the program was built for.
    pub(super) arch: &'static str,
    /// SIMD features of this processor that matter to the engine.
    pub(super) cpu_features: Vec<&'static str>,
    /// The frame.
    pub(super) frame: FrameReport,
    /// Number of runs that do not count.
    pub(super) warm_up: u32,
    /// Number of runs that count.
    pub(super) runs: u32,
}

/// The frame.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FrameReport {
    /// Its file, as given; `null` for the frame that the program generates.
    pub(super) path: Option<String>,
    /// Width in pixels.
    pub(super) width: usize,
    /// Height in pixels.
    pub(super) height: usize,
}

/// The steps to the first mask, in order, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ColdStart {
    /// Parsing arguments, starting the logger, checking that outputs can be written.
    pub(super) start_up: f64,
    /// Reading and decoding the frame, or generating it.
    pub(super) frame: f64,
    /// Reading the pack, checking its hashes, making plans of both networks.
    pub(super) load: f64,
    /// The first frame: preprocessing and image encoder.
    pub(super) first_encode: f64,
    /// The first click: mask decoder.
    pub(super) first_click: f64,
    /// The first mask at the frame's size.
    pub(super) first_mask: f64,
}

impl ColdStart {
    fn parts(&self) -> [(&'static str, f64); 6] {
        let Self { start_up, frame, load, first_encode, first_click, first_mask } = *self;
        [
            ("start-up", start_up),
            ("frame", frame),
            ("load", load),
            ("first encode", first_encode),
            ("first click", first_click),
            ("first mask", first_mask),
        ]
    }
}

impl BenchReport {
    pub(super) fn new(
        setting: Setting,
        times: &Times,
        cold_start: ColdStart,
        read_and_verify_ms: f64,
    ) -> Self {
        Self {
            schema: "uniultra-bench",
            schema_version: SCHEMA_VERSION,
            setting,
            preprocess_ms: Quantiles::of(&times.preprocess_ms),
            encode_ms: Quantiles::of(&times.encode_ms),
            first_click_ms: Quantiles::of(&times.first_click_ms),
            click_ms: Quantiles::of(&times.click_ms),
            mask_ms: Quantiles::of(&times.mask_ms),
            frame_to_mask_ms: Quantiles::of(&times.frame_to_mask_ms),
            preprocess_and_mask_share: times.glue_share(),
            cold_start_ms: cold_start.parts().iter().map(|(_, ms)| ms).sum(),
            cold_start_parts_ms: cold_start,
            read_and_verify_ms,
            peak_rss_mib: uniultra_engine::peak_rss_mib(),
            endurance: None,
            budgets: None,
        }
    }

    /// The minutes after the runs, if any.
    pub(super) fn add_endurance(&mut self, endurance: Option<Endurance>) {
        self.endurance = endurance;
        self.peak_rss_mib = uniultra_engine::peak_rss_mib();
    }

    /// Compares the measurements with the board's budgets, if any.
    pub(super) fn compare(&mut self, budget: Option<&Budget>) {
        let slowest = self.endurance.as_ref().map_or(0.0, |endurance| endurance.slowest_ms);
        let found = Measured {
            encode_ms: self.encode_ms.p90,
            click_ms: self.first_click_ms.p90.max(self.click_ms.p90),
            slowest_ms: self.frame_to_mask_ms.max.max(slowest),
            rss_mib: self.peak_rss_mib.map(f64::from),
        };
        self.budgets = budget.map(|budget| Budgets::new(budget, found));
    }

    /// The budgets that are not held; empty if all are held or there are none.
    pub(super) fn missed(&self) -> String {
        self.budgets.as_ref().map(Budgets::missed).unwrap_or_default()
    }

    /// The table.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        self.setting.write(&mut text)?;
        writeln!(text, "\n{:<15}{:>10}{:>10}{:>10}{:>10}", "ms", "p50", "p90", "p99", "max")?;
        for (stage, times) in [
            ("preprocess", &self.preprocess_ms),
            ("image encoder", &self.encode_ms),
            ("first click", &self.first_click_ms),
            ("next click", &self.click_ms),
            ("mask", &self.mask_ms),
            ("frame to mask", &self.frame_to_mask_ms),
        ] {
            let Quantiles { p50, p90, p99, max } = times;
            writeln!(text, "{stage:<15}{p50:>10.2}{p90:>10.2}{p99:>10.2}{max:>10.2}")?;
        }
        let share = self.preprocess_and_mask_share * 100.0;
        writeln!(text, "\nnot networks   {share:.1} % of frame to mask: preprocess and mask")?;
        let parts = self.cold_start_parts_ms.parts();
        let parts: Vec<_> = parts.iter().map(|(name, ms)| format!("{name} {ms:.1}")).collect();
        writeln!(text, "cold start     {:.1} ms: {}", self.cold_start_ms, parts.join(", "))?;
        let read = self.read_and_verify_ms;
        writeln!(text, "               reading and verifying the pack again: {read:.1} ms")?;
        if let Some(peak) = self.peak_rss_mib {
            writeln!(text, "peak memory    {peak:.1} MiB")?;
        }
        if let Some(endurance) = &self.endurance {
            endurance.write(&mut text)?;
        }
        if let Some(budgets) = &self.budgets {
            budgets.write(&mut text)?;
        }
        Ok(text)
    }
}

impl Setting {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { model, model_version, precision, image_size, engine, threads, .. } = self;
        writeln!(text, "model          {model} {model_version}, {precision}, {image_size} px")?;
        let features = self.cpu_features.join(" ");
        writeln!(text, "processor      {}, {}: {features}", self.cpu, self.arch)?;
        let plural = if *threads == 1 { "" } else { "s" };
        writeln!(text, "engine         {engine}, {threads} thread{plural}")?;
        if let Some(board) = &self.board {
            writeln!(text, "board          {}", board.line())?;
        }
        let FrameReport { path, width, height } = &self.frame;
        let origin = path.as_deref().unwrap_or("made by this program");
        writeln!(text, "frame          {width} x {height} px, {origin}")?;
        writeln!(text, "runs           {} after {} that do not count", self.runs, self.warm_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> BenchReport {
        let setting = Setting {
            version: "0",
            model: "m".to_string(),
            model_version: "1".to_string(),
            model_origin: OriginReport { embedded: true, folder: None },
            precision: "int8".to_string(),
            image_size: 512,
            image_encoder_sha256: "a".to_string(),
            mask_decoder_sha256: "b".to_string(),
            engine: "engine 1",
            threads: 2,
            board: None,
            threads_available: None,
            cpu: "Some CPU".to_string(),
            arch: "x86_64",
            cpu_features: vec!["avx2"],
            frame: FrameReport { path: None, width: 640, height: 480 },
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
        BenchReport::new(setting, &times, cold_start, 12.0)
    }

    #[test]
    fn the_json_is_flat_and_complete() {
        let json = serde_json::to_value(report()).unwrap();
        for key in ["model", "precision", "cpu", "schema"] {
            assert!(json[key].is_string(), "{key}: {json}");
        }
        assert_eq!((&json["threads"], &json["cold_start_ms"]), (&2.into(), &150.0.into()));
        let expected = serde_json::json!({ "p50": 30.0, "p90": 40.0, "p99": 40.0, "max": 40.0 });
        assert_eq!(json["encode_ms"], expected);
        assert_eq!(json["click_ms"]["p50"], 5.0);
        assert_eq!(json["cold_start_parts_ms"]["load"], 100.0);
        assert!(json["frame"]["path"].is_null() && json["threads_available"].is_null());
        for key in ["board", "budgets", "endurance"] {
            assert!(json[key].is_null() && json.get(key).is_some(), "{key}: {json}");
        }
    }

    #[test]
    fn budgets_are_of_the_slower_click_and_the_slowest_frame() {
        let mut report = report();
        report.peak_rss_mib = Some(50.0);
        report.compare(None);
        assert!(report.missed().is_empty());
        report.compare(Some(&Budget { encode_ms: 40, click_ms: 9, watchdog_ms: 51, rss_mib: 50 }));
        assert!(report.missed().is_empty() && report.text().unwrap().contains("held"));
        report.compare(Some(&Budget { encode_ms: 39, click_ms: 8, watchdog_ms: 50, rss_mib: 49 }));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["budgets"]["ok"], false);
        assert_eq!(json["budgets"]["click_ms"]["found"], 9.0);
        assert_eq!(report.missed().matches("expected at most").count(), 4);
        assert_eq!(report.text().unwrap().matches("MISSED").count(), 4);
    }

    #[test]
    fn the_table_has_every_stage() {
        let text = report().text().unwrap();
        for line in [
            "model          m 1, int8, 512 px",
            "engine         engine 1, 2 threads",
            "image encoder       30.00     40.00     40.00     40.00",
            "next click           5.00      6.00      6.00      6.00",
            "cold start     150.0 ms: start-up 0.0, frame 0.0, load 100.0,",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
