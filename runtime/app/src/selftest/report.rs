//! The report of `uniultra selftest`: made from the answer, and shown as a table.

use super::checks::Checks;
use super::system::system;
use crate::board::RunSetup;
use std::fmt::{self, Write};
use uniultra_core::{Mask, Timings};
use uniultra_manifest::Sha256Hex;
use uniultra_schema::{Document, ModelIdentity, SelftestReport};

/// The model's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) load_ms: f32,
    pub(super) timings: Timings,
    pub(super) mask: Mask,
    pub(super) mask_dice: f32,
    pub(super) box_mask_dice: f32,
    pub(super) logits_sha256: Sha256Hex,
}

impl Answer {
    /// The report.
    pub(super) fn report(
        self,
        setup: &RunSetup,
        peak_rss_mib: Option<f32>,
        checks: Checks,
    ) -> SelftestReport {
        let Answer { load_ms, timings, mask, mask_dice, box_mask_dice, logits_sha256 } = self;
        let checks = checks.list();
        SelftestReport {
            ok: checks.iter().all(|check| check.ok),
            checks,
            engine: uniultra_engine::engine_name().to_string(),
            threads: setup.engine.threads,
            board: setup.report(),
            system: system(),
            load_ms,
            preprocess_ms: timings.preprocess_ms,
            encode_ms: timings.encode_ms,
            click_ms: timings.decode_ms,
            mask_dice,
            box_mask_dice,
            mask_area_px: mask.area_px(),
            mask_size: [mask.width(), mask.height()],
            mask_runs: runs(&mask),
            logits_sha256: logits_sha256.to_string(),
            peak_rss_mib,
        }
    }
}

/// Names of the checks that failed.
pub(super) fn failed(report: &SelftestReport) -> Vec<&str> {
    report.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect()
}

/// The table for people.
pub(super) fn text(document: &Document<SelftestReport>) -> Result<String, fmt::Error> {
    let report = &document.report;
    let mut text = String::new();
    for check in &report.checks {
        let verdict = if check.ok { "ok" } else { "FAIL" };
        let [expected, found] = [&check.expected, &check.found].map(|value| short(value));
        writeln!(text, "{:<16} {verdict:<4}  {found} ({expected})", check.name)?;
    }
    if let Some(ModelIdentity { id, version, precision, .. }) = &document.model {
        writeln!(text, "model {id} {version}, {precision}, threads {}", report.threads)?;
    }
    if let Some(board) = &report.board {
        writeln!(text, "board {}", board.line())?;
    }
    writeln!(
        text,
        "load {:.0} ms, first frame {:.1} ms, first click {:.1} ms",
        report.load_ms, report.encode_ms, report.click_ms
    )?;
    if let Some(mib) = report.peak_rss_mib {
        writeln!(text, "peak memory {mib:.1} MiB")?;
    }
    Ok(text)
}

/// Shortens hashes to their first digits; leaves other text alone.
fn short(value: &str) -> &str {
    const SHOWN: usize = 16;
    if value.len() > 2 * SHOWN { value.get(..SHOWN).unwrap_or(value) } else { value }
}

/// Lengths of runs of equal pixels, row by row. The first run is background and may have length 0.
fn runs(mask: &Mask) -> Vec<u32> {
    let mut runs = Vec::new();
    let (mut value, mut length) = (0, 0);
    for &pixel in mask.data() {
        if pixel != value {
            runs.push(length);
            (value, length) = (pixel, 0);
        }
        length += 1;
    }
    runs.push(length);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_with_background_and_cover_the_mask() {
        let mask = |values: [u8; 6]| Mask::from_binary(3, 2, values.to_vec()).unwrap();
        assert_eq!(runs(&mask([0, 0, 1, 1, 0, 1])), [2, 2, 1, 1]);
        assert_eq!(runs(&mask([1, 0, 0, 0, 0, 0])), [0, 1, 5]);
        assert_eq!(runs(&mask([0; 6])), [6]);
    }

    #[test]
    fn only_hashes_are_shortened() {
        assert_eq!(short("at least 0.9"), "at least 0.9");
        assert_eq!(short(&"ab".repeat(32)), "ab".repeat(8));
    }
}
