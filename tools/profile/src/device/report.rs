//! The report of a profile made on a device: JSON for programs, Markdown and a chart for people.

pub use super::chart::chart as device_chart;

use super::bench::{DeviceBench, SCHEMA, SCHEMA_VERSION};
use crate::ProfileError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Write;
use std::io;
use std::path::Path;
use uniultra_core::Quantiles;
use uniultra_evaluate::create_folder;
use uniultra_sink::write_atomically;

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
            format!("{name}: expected at most {}, found {}", held.limit, number(held.found))
        });
        missed.collect::<Vec<_>>().join("; ")
    }

    /// The text of `report.json`.
    ///
    /// # Errors
    /// An [`io::Error`] never, since every key is a text.
    pub fn to_json(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        Ok(text)
    }
}

/// The report as Markdown.
#[must_use]
pub fn device_markdown(report: &DeviceReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, report);
    text
}

fn write_all(text: &mut String, report: &DeviceReport) -> std::fmt::Result {
    let bench = &report.shown;
    writeln!(text, "# Profile of `{}` on {}\n", bench.model, report.host)?;
    writeln!(
        text,
        "- model: {} {}, {}, {} px",
        bench.model, bench.model_version, bench.precision, bench.image_size
    )?;
    let features = bench.cpu_features.join(" ");
    writeln!(
        text,
        "- machine: {}, {} ({features}); {}, threads: {}",
        bench.cpu, bench.arch, bench.engine, bench.threads
    )?;
    if let Some(board) = &bench.board {
        let hash: String = board.sha256.chars().take(12).collect();
        writeln!(text, "- board: {} (tier {}, profile {hash})", board.name, board.tier)?;
    }
    let hash: String = report.binary_sha256.chars().take(12).collect();
    writeln!(text, "- program: uniultra {} ({hash})", bench.version)?;
    writeln!(
        text,
        "- {} runs after {} that do not count, on a frame of {} x {} px",
        bench.runs, bench.warm_up, bench.frame.width, bench.frame.height
    )?;
    if let Some(peak) = bench.peak_rss_mib {
        writeln!(text, "- peak memory: {peak:.1} MiB")?;
    }
    writeln!(text, "\n| ms | p50 | p90 | p99 | max |\n| --- | ---: | ---: | ---: | ---: |")?;
    for (stage, Quantiles { p50, p90, p99, max }) in bench.stages() {
        writeln!(text, "| {stage} | {p50:.2} | {p90:.2} | {p99:.2} | {max:.2} |")?;
    }
    writeln!(text, "\n| cold start | ms |\n| --- | ---: |")?;
    for (part, ms) in &bench.cold_start_parts_ms {
        writeln!(text, "| {} | {ms:.1} |", part.replace('_', " "))?;
    }
    writeln!(text, "| all | {:.1} |", bench.cold_start_ms)?;
    if let Some(budgets) = &bench.budgets {
        writeln!(text, "\n| budget | limit | found | |\n| --- | ---: | ---: | --- |")?;
        for (name, held) in budgets.each() {
            let verdict = if held.ok { "held" } else { "MISSED" };
            writeln!(text, "| {name} | {} | {} | {verdict} |", held.limit, number(held.found))?;
        }
    }
    Ok(())
}

fn number(found: Option<f64>) -> String {
    found.map_or_else(|| "unknown".to_string(), |found| format!("{found:.1}"))
}

/// Writes `report.md`, `stages.svg` and `report.json`, each complete or not at all.
///
/// # Errors
/// [`ProfileError::Output`], or [`ProfileError::Evaluate`] if the folder cannot be made.
pub fn write_device_profile(folder: &Path, report: &DeviceReport) -> Result<(), ProfileError> {
    create_folder(folder)?;
    let text = |name: &str, text: String| {
        write_atomically(&folder.join(name), |w| w.write_all(text.as_bytes()))
    };
    text("report.md", device_markdown(report))?;
    text("stages.svg", device_chart(&report.shown))?;
    // Last: where it is, the others are.
    write_atomically(&folder.join("report.json"), |w| w.write_all(report.to_json()?.as_bytes()))?;
    Ok(())
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
        let text = device_markdown(&report);
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
        let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
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
        for name in ["report.md", "stages.svg", "report.json"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }
}
