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

/// Says what the JSON file is.
const KIND: &str = "uniultra-profile";

/// Version of the JSON file's layout.
pub const PROFILE_VERSION: u32 = 1;

/// Largest report that is read back, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// Everything that is said of a profile. Holds for the machine and the moment only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always `uniultra-profile`.
    pub kind: String,
    /// Always [`PROFILE_VERSION`].
    pub version: u32,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Version of the program.
    pub tool: String,
    /// Engine and version.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// Name of the processor or the board.
    pub cpu: String,
    /// Architecture that the program was built for.
    pub arch: String,
    /// SIMD features of this processor that matter to the engine.
    pub cpu_features: Vec<String>,
    /// The frame.
    pub frame: FrameFacts,
    /// Runs before the first that counts.
    pub warm_up: u32,
    /// Runs that count.
    pub runs: u32,
}

/// The frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFacts {
    /// Its file as given; `null` for the simulated one.
    pub path: Option<String>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
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
        let kind = KIND.to_string();
        Self { kind, version: PROFILE_VERSION, setting, peaks, profile, peak_rss_mib, comparison }
    }
}

/// Reads a `report.json` back.
///
/// # Errors
/// [`ProfileError::Report`] if it cannot be read or is none.
pub fn read_report(path: &Path) -> Result<Report, ProfileError> {
    let wrong = |reason: String| ProfileError::Report { path: path.to_path_buf(), reason };
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_REPORT_BYTES {
        return Err(wrong(format!("expected at most {MAX_REPORT_BYTES} bytes, found {size}")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let report: Report =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if report.kind != KIND || report.version != PROFILE_VERSION {
        let Report { kind, version, .. } = report;
        return Err(wrong(format!("expected {KIND} {PROFILE_VERSION}, found {kind} {version}")));
    }
    Ok(report)
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
    Ok(folder.write(REPORT_FILE, &json_text(report)?)?)
}
