//! The report of a profile made on a device: JSON for programs, a document and a chart for people.

use super::bench::{DeviceBench, SCHEMA, SCHEMA_VERSION};
use super::chart::stage_chart;
use crate::ProfileError;
use crate::report::contents::quantiles;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use uniultra_report::number::{fixed, fixed_or_unknown, short_hash};
use uniultra_report::{Document, REPORT_FILE, ReportFolder, Table, Text, json_text};

/// Version of the JSON file's layout.
pub const DEVICE_PROFILE_VERSION: u32 = 1;

/// What was measured on a device, and which program measured it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceReport {
    /// Always `uniultra-profile-device`.
    pub kind: &'static str,
    /// Always [`DEVICE_PROFILE_VERSION`].
    pub version: u32,
    /// The device as it was named to ssh.
    pub host: String,
    /// SHA-256 of the program that was copied there.
    pub binary_sha256: String,
    /// The report of `uniultra bench`, whole.
    pub bench: Value,
    /// The same as far as it is shown.
    #[serde(skip)]
    pub shown: DeviceBench,
}

impl DeviceReport {
    pub(super) fn new(host: &str, binary_sha256: String, json: &str) -> Result<Self, ProfileError> {
        let wrong = |reason: String| ProfileError::Bench { host: host.to_string(), reason };
        let bench: Value = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let (schema, version) = (&bench["schema"], &bench["schema_version"]);
        if schema != SCHEMA || version != SCHEMA_VERSION {
            let expected = format!("{SCHEMA} {SCHEMA_VERSION}");
            return Err(wrong(format!("expected {expected}, found {schema} {version}")));
        }
        let shown = DeviceBench::deserialize(&bench).map_err(|error| wrong(error.to_string()))?;
        let host = host.to_string();
        let (kind, version) = ("uniultra-profile-device", DEVICE_PROFILE_VERSION);
        Ok(Self { kind, version, host, binary_sha256, bench, shown })
    }

    /// Budgets that were missed on the device: what was expected and what was found; empty if all are held.
    #[must_use]
    pub fn missed(&self) -> String {
        let Some(budgets) = &self.shown.budgets else { return String::new() };
        let missed = budgets.each().into_iter().filter(|(_, held)| !held.ok);
        let missed = missed.map(|(name, held)| {
            format!(
                "{name}: expected at most {}, found {}",
                held.limit,
                fixed_or_unknown(held.found, 1)
            )
        });
        missed.collect::<Vec<_>>().join("; ")
    }
}

/// The report as a document, which is also what the command prints.
#[must_use]
pub fn device_document(report: &DeviceReport) -> Document {
    let bench = &report.shown;
    let title = Text::from("Profile of ").code(&bench.model);
    let mut document = Document::new(title.plain(format!(" on {}", report.host)));
    document.list(setting(report));
    let stages = bench.stages();
    document.table(quantiles(stages.iter().map(|(name, ms)| (name.to_string(), ms)), 2));
    document.plot(stage_chart(bench));
    let mut parts = Table::new(1, ["cold start", "ms"]);
    for (part, ms) in &bench.cold_start_parts_ms {
        parts.row([part.replace('_', " "), fixed(*ms, 1)]);
    }
    parts.row(["all".to_string(), fixed(bench.cold_start_ms, 1)]);
    document.table(parts);
    if let Some(budgets) = &bench.budgets {
        let mut table = Table::new(1, ["budget", "limit", "found", ""]).words_in(3);
        for (name, held) in budgets.each() {
            let verdict = if held.ok { "held" } else { "MISSED" };
            let found = fixed_or_unknown(held.found, 1);
            table.row([name, held.limit.to_string().as_str(), found.as_str(), verdict]);
        }
        document.table(table);
    }
    document
}

fn setting(report: &DeviceReport) -> Vec<String> {
    let bench = &report.shown;
    let mut lines = vec![
        format!(
            "model: {} {}, {}, {} px",
            bench.model, bench.model_version, bench.precision, bench.image_size
        ),
        format!(
            "machine: {}, {} ({}); {}, threads: {}",
            bench.cpu,
            bench.arch,
            bench.cpu_features.join(" "),
            bench.engine,
            bench.threads
        ),
    ];
    lines.extend(bench.board.as_ref().map(|board| {
        let hash = short_hash(&board.sha256);
        format!("board: {} (tier {}, profile {hash})", board.name, board.tier)
    }));
    let hash = short_hash(&report.binary_sha256);
    lines.push(format!("program: uniultra {} ({hash})", bench.version));
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
    folder.write("stages.svg", &stage_chart(&report.shown).to_svg()?)?;
    // Last: where it is, the others are.
    Ok(folder.write(REPORT_FILE, &json_text(report)?)?)
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
            "schema": "uniultra-bench", "schema_version": 1, "version": "0", "model": "m<&",
            "model_version": "1", "precision": "int8", "image_size": 512, "engine": "engine 1",
            "threads": 4, "cpu": "Some CPU", "arch": "aarch64", "cpu_features": ["neon"],
            "board": { "id": "b", "name": "A board", "tier": "emulated", "sha256": "0123456789abcdef" },
            "frame": { "path": null, "width": 640, "height": 480 }, "warm_up": 1, "runs": 3,
            "preprocess_ms": quantiles(1.0), "encode_ms": quantiles(50.0),
            "first_click_ms": quantiles(8.0), "click_ms": quantiles(5.0), "mask_ms": quantiles(1.0),
            "frame_to_mask_ms": quantiles(60.0), "cold_start_ms": 150.0,
            "cold_start_parts_ms": { "first_encode": 50.0, "load": 100.0 }, "peak_rss_mib": 44.5,
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
    fn what_is_no_bench_is_refused() {
        let refused = |bench: &Value| {
            DeviceReport::new("u@h", String::new(), &bench.to_string()).unwrap_err().to_string()
        };
        assert!(refused(&json!({})).contains("expected uniultra-bench 1, found null"));
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
