//! The report of a profile made on a device: JSON for programs, a document and a chart for people.

use super::chart::stage_chart;
use crate::ProfileError;
use crate::report::contents::quantiles;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use uniultra_report::number::{fixed, short_hash};
use uniultra_report::{Document, REPORT_FILE, ReportFolder, Table, Text, json_text};
use uniultra_schema::{BenchReport, Machine, ModelIdentity, Report};

/// What was measured on a device, and which program measured it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct DeviceReport {
    /// The device as it was named to ssh.
    pub host: String,
    /// SHA-256 of the program that was copied there.
    pub binary_sha256: String,
    /// The document of `uniultra bench`, whole.
    pub bench: Value,
    /// The same document, read.
    #[serde(skip)]
    pub shown: uniultra_schema::Document<BenchReport>,
}

impl Report for DeviceReport {
    const SCHEMA: &'static str = "uniultra-profile-device";
    const SCHEMA_VERSION: u32 = 2;
}

impl DeviceReport {
    pub(super) fn new(host: &str, binary_sha256: String, json: &str) -> Result<Self, ProfileError> {
        let wrong = |reason: String| ProfileError::Bench { host: host.to_string(), reason };
        let bench: Value = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let shown = uniultra_schema::Document::from_value(bench.clone())
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { host: host.to_string(), binary_sha256, bench, shown })
    }

    /// The model that was measured.
    #[must_use]
    pub fn model(&self) -> Option<&ModelIdentity> {
        self.shown.model.as_ref()
    }

    /// Budgets that were missed on the device: what was expected and what was found; empty if all are held.
    #[must_use]
    pub fn missed(&self) -> String {
        self.shown.report.budgets.map(|budgets| budgets.missed()).unwrap_or_default()
    }
}

/// The report as a document, which is also what the command prints.
#[must_use]
pub fn device_document(report: &DeviceReport) -> Document {
    let bench = &report.shown.report;
    let id = report.model().map_or("an unnamed model", |model| &model.id);
    let title = Text::from("Profile of ").code(id);
    let mut document = Document::new(title.plain(format!(" on {}", report.host)));
    document.list(setting(report));
    let stages = bench.stages();
    document.table(quantiles(stages.iter().map(|(name, ms)| (name.to_string(), ms)), 2));
    document.plot(stage_chart(id, bench));
    let mut parts = Table::new(1, ["cold start", "ms"]);
    for (part, ms) in bench.cold_start_parts_ms.parts() {
        parts.row([part.to_string(), fixed(ms, 1)]);
    }
    parts.row(["all".to_string(), fixed(bench.cold_start_ms, 1)]);
    document.table(parts);
    if let Some(budgets) = &bench.budgets {
        let mut table = Table::new(1, ["budget", "limit", "found", ""]).words_in(3);
        for (name, check) in budgets.each() {
            let (limit, found) = (check.limit.to_string(), check.found_text());
            table.row([name, limit.as_str(), found.as_str(), check.verdict()]);
        }
        document.table(table);
    }
    document
}

fn setting(report: &DeviceReport) -> Vec<String> {
    let bench = &report.shown.report;
    let Machine { cpu, arch, cpu_features, .. } = &bench.machine;
    let model = report.model().map(|model| {
        format!(
            "model: {} {}, {}, {} px",
            model.id, model.version, model.precision, model.image_size
        )
    });
    let mut lines: Vec<String> = model.into_iter().collect();
    lines.push(format!(
        "machine: {cpu}, {arch} ({}); {}, threads: {}",
        cpu_features.join(" "),
        bench.engine,
        bench.threads
    ));
    lines.extend(bench.board.as_ref().map(|board| {
        let hash = short_hash(&board.sha256);
        format!("board: {} (tier {}, profile {hash})", board.name, board.tier)
    }));
    let hash = short_hash(&report.binary_sha256);
    lines.push(format!("program: uniultra {} ({hash})", report.shown.tool.version));
    lines.push(format!(
        "{} runs after {} that do not count, on a frame of {} x {} px",
        bench.runs, bench.warm_up, bench.frame.width, bench.frame.height
    ));
    lines.extend(bench.peak_rss_mib.map(|peak| format!("peak memory: {peak:.1} MiB")));
    lines
}

/// Writes `report.md`, `report.html`, `stages.svg` and `report.json`, each complete or not at all.
///
/// # Errors
/// [`ProfileError::Files`].
pub fn write_device_profile(folder: &Path, report: &DeviceReport) -> Result<(), ProfileError> {
    let folder = ReportFolder::create(folder)?;
    let document = device_document(report);
    folder.write("report.md", &document.to_markdown())?;
    folder.write("report.html", &document.to_html()?)?;
    folder.write(
        "stages.svg",
        &stage_chart(report.model().map_or("", |model| &model.id), &report.shown.report)
            .to_svg()?,
    )?;
    // Last: where it is, the others are.
    Ok(folder.write(REPORT_FILE, &json_text(report.model(), report)?)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in crate::device) fn bench() -> Value {
        let quantiles =
            |p50: f64| json!({ "p50": p50, "p90": 2.0 * p50, "p99": 3.0 * p50, "max": 4.0 * p50 });
        let held =
            |limit, found: Option<f64>, ok| json!({ "limit": limit, "found": found, "ok": ok });
        json!({
            "schema": "uniultra-bench", "schema_version": 2, "tool": { "name": "uniultra", "version": "0" },
            "model": {
                "id": "m<&", "version": "1", "precision": "int8", "image_size": 512,
                "image_encoder_sha256": "a", "mask_decoder_sha256": "b", "checkpoint_sha256": "c",
                "embedded": false, "folder": "model",
            },
            "engine": "engine 1", "threads": 4,
            "machine": {
                "cpu": "Some CPU", "arch": "aarch64", "cpu_features": ["neon"], "threads_available": 4,
            },
            "board": {
                "path": "board.toml", "sha256": "0123456789abcdef", "id": "b", "name": "A board",
                "tier": "emulated", "target": "aarch64-unknown-linux-gnu", "threads": 4, "pins": [],
                "memory_limit_mib": 128, "budget": {
                    "encode_ms": 90, "click_ms": 20, "watchdog_ms": 500, "rss_mib": 40,
                },
            },
            "frame": { "path": null, "width": 640, "height": 480 }, "warm_up": 1, "runs": 3,
            "preprocess_ms": quantiles(1.0), "encode_ms": quantiles(50.0),
            "first_click_ms": quantiles(8.0), "click_ms": quantiles(5.0), "mask_ms": quantiles(1.0),
            "frame_to_mask_ms": quantiles(60.0), "preprocess_and_mask_share": 0.1, "cold_start_ms": 150.0,
            "cold_start_parts_ms": {
                "start_up": 0.0, "frame": 0.0, "load": 100.0, "first_encode": 50.0, "first_click": 0.0,
                "first_mask": 0.0,
            },
            "read_and_verify_ms": 12.0, "peak_rss_mib": 44.5, "endurance": null,
            "budgets": {
                "ok": false, "encode_ms": held(90, Some(100.0), false), "click_ms": held(20, Some(16.0), true),
                "watchdog_ms": held(500, Some(240.0), true), "rss_mib": held(40, None, false),
            },
            "a_field_of_later_versions": 1,
        })
    }

    fn report() -> DeviceReport {
        DeviceReport::new("u@h", "fedcba9876543210".to_string(), &bench().to_string()).unwrap()
    }

    #[test]
    fn a_bench_of_a_device_becomes_a_report() {
        let report = report();
        let text = device_document(&report).to_markdown();
        for words in [
            "on u@h",
            "| image encoder | 50.00 | 100.00 | 150.00 | 200.00 |",
            "| first encode | 50.0 |",
            "| encode_ms | 90 | 100.0 | MISSED |",
            "- board: A board (tier emulated, profile 0123456789ab)",
            "- program: uniultra 0 (fedcba987654)",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let missed = "encode_ms: expected at most 90, found 100.0; rss_mib: expected at most 40, found unknown";
        assert_eq!(report.missed(), missed);
        let json: Value = serde_json::to_value(&report).unwrap();
        assert_eq!(json["bench"], bench());
        assert_eq!((&json["host"], json.get("shown")), (&"u@h".into(), None));
    }

    #[test]
    fn another_document_is_refused() {
        let refused = |bench: &Value| {
            DeviceReport::new("u@h", String::new(), &bench.to_string()).unwrap_err().to_string()
        };
        assert!(
            refused(&json!({}))
                .contains("expected schema \"uniultra-bench\", version 2, found schema nothing")
        );
        let mut broken = bench();
        broken["encode_ms"] = json!("fast");
        assert!(refused(&broken).contains("u@h"), "{}", refused(&broken));
        assert!(DeviceReport::new("u@h", String::new(), "no JSON").is_err());
    }

    #[test]
    fn files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        write_device_profile(folder.path(), &report()).unwrap();
        for name in ["report.md", "report.html", "stages.svg", "report.json"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }
}
