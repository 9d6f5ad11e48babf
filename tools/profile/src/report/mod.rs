//! The report of a profile: JSON for programs, a document and a picture for people.

pub(crate) mod contents;
mod flame;
#[cfg(test)]
pub(crate) mod tests;

pub use contents::document as profile_document;

use crate::{Comparison, Peaks, Profile, ProfileError};
use serde::{Deserialize, Serialize};
use std::path::Path;
use uniultra_report::{REPORT_FILE, ReportFolder, json_text};
use uniultra_schema::{Document, Machine, TimedFrame};

/// Largest report that is read back, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// Everything that is said of a profile. Holds for the machine and the moment only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// How it was measured.
    pub setting: Setting,
    /// What the machine does at best.
    pub peaks: Peaks,
    /// The profile.
    #[serde(flatten)]
    pub profile: Profile,
    /// Largest resident set of the process before the peaks were measured, in MiB; `null` where the
    /// system does not tell. With `--compare` of a pack it holds both packs.
    pub peak_rss_mib: Option<f32>,
    /// The profile next to another.
    pub comparison: Option<Comparison>,
}

/// How a profile was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Setting {
    /// Engine and version.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// The machine.
    pub machine: Machine,
    /// The frame.
    pub frame: TimedFrame,
    /// Runs before the first that counts.
    pub warm_up: u32,
    /// Runs that count.
    pub runs: u32,
}

impl uniultra_schema::Report for Report {
    const SCHEMA: &'static str = "uniultra-profile";
    const SCHEMA_VERSION: u32 = 2;
}

impl Report {
    /// A report of what was measured on this machine.
    #[must_use]
    pub fn new(
        setting: Setting,
        peaks: Peaks,
        profile: Profile,
        peak_rss_mib: Option<f32>,
        comparison: Option<Comparison>,
    ) -> Self {
        Self { setting, peaks, profile, peak_rss_mib, comparison }
    }
}

/// Reads a `report.json` back.
///
/// # Errors
/// [`ProfileError::Report`] if it cannot be read or is another document.
pub fn read_report(path: &Path) -> Result<Report, ProfileError> {
    let wrong = |reason: String| ProfileError::Report { path: path.to_path_buf(), reason };
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_REPORT_BYTES {
        return Err(wrong(format!("expected at most {MAX_REPORT_BYTES} bytes, found {size}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let document =
        Document::<Report>::from_json(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(document.report)
}

/// Writes `report.json`, `report.md`, `report.html` and `flame.svg`, each complete or not at all.
///
/// # Errors
/// [`ProfileError::Files`].
pub fn write_profile(folder: &Path, report: &Report, top: usize) -> Result<(), ProfileError> {
    let folder = ReportFolder::create(folder)?;
    let document = contents::document(report, top);
    folder.write("report.md", &document.to_markdown())?;
    folder.write("report.html", &document.to_html()?)?;
    folder.write("flame.svg", &flame::flame(&report.profile)?)?;
    // Last: where it is, the others are.
    Ok(folder.write(REPORT_FILE, &json_text(Some(&report.profile.model), report)?)?)
}
