//! The report of `uniultra selftest`: JSON for machines, a table for people.

use super::checks::Checks;
use super::system::SystemReport;
use crate::board::{BoardReport, RunSetup};
use crate::model::OriginReport;
use serde::Serialize;
use std::fmt::{self, Write};
use uniultra_core::{Mask, Timings};
use uniultra_engine::Segmenter;
use uniultra_manifest::Sha256Hex;

/// Version of the fields below.
const SCHEMA_VERSION: u32 = 1;

/// The report. Its JSON begins with `schema`, so that a reader finds it between other lines of a
/// console. Adding a field keeps `schema_version`; removing one or changing its meaning raises it.
#[derive(Debug, Serialize)]
pub(super) struct SelftestReport {
    /// Always `uniultra-selftest`.
    schema: &'static str,
    /// Always [`SCHEMA_VERSION`].
    schema_version: u32,
    /// Whether every check passed.
    ok: bool,
    /// The checks.
    checks: Checks,
    /// Version of this program.
    version: &'static str,
    /// Id of the model.
    model: String,
    /// Version of its weights.
    model_version: String,
    /// Where the model comes from.
    model_origin: OriginReport,
    /// Arithmetic of its graphs.
    precision: String,
    /// Side of the networks' input, in pixels.
    image_size: usize,
    /// SHA-256 of the image encoder's file.
    image_encoder_sha256: String,
    /// SHA-256 of the mask decoder's file.
    mask_decoder_sha256: String,
    /// Engine and version.
    engine: &'static str,
    /// Threads of the engine.
    threads: usize,
    /// The board's profile, as applied; `null` without `--board`.
    board: Option<BoardReport>,
    /// Processor, kernel, memory.
    #[serde(flatten)]
    system: SystemReport,
    /// Reading the pack, checking its hashes, making plans of both networks.
    load_ms: f32,
    /// Resizing and normalising the first frame.
    preprocess_ms: f32,
    /// The image encoder, on the first frame, with cold caches.
    encode_ms: f32,
    /// The first click, from prompt to logits.
    click_ms: f32,
    /// Dice of the point's mask against the exact one.
    mask_dice: f32,
    /// Dice of the box's mask against the exact one.
    box_mask_dice: f32,
    /// Number of object pixels of the point's mask.
    mask_area_px: usize,
    /// Width and height of the mask.
    mask_size: [usize; 2],
    /// The point's mask row by row as lengths of runs, background first.
    mask_runs: Vec<u32>,
    /// SHA-256 of the point's logits, float32 little-endian `[4, S/4, S/4]`.
    logits_sha256: Sha256Hex,
    /// Largest resident set of the process, in MiB; `null` if the system does not say.
    peak_rss_mib: Option<f32>,
}

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

impl SelftestReport {
    pub(super) fn new(
        segmenter: &Segmenter,
        model_origin: OriginReport,
        setup: &RunSetup,
        answer: Answer,
        peak_rss_mib: Option<f32>,
        checks: Checks,
    ) -> Self {
        let manifest = segmenter.manifest();
        let ok = checks.iter().all(|check| check.ok);
        let Answer { load_ms, timings, mask, mask_dice, box_mask_dice, logits_sha256 } = answer;
        Self {
            schema: "uniultra-selftest",
            schema_version: SCHEMA_VERSION,
            ok,
            checks,
            version: env!("CARGO_PKG_VERSION"),
            model: manifest.model.id.clone(),
            model_version: manifest.model.version.clone(),
            model_origin,
            precision: manifest.model.precision.to_string(),
            image_size: manifest.model.image_size,
            image_encoder_sha256: manifest.image_encoder.sha256.to_string(),
            mask_decoder_sha256: manifest.mask_decoder.sha256.to_string(),
            engine: uniultra_engine::engine_name(),
            threads: setup.engine.threads,
            board: setup.report(),
            system: SystemReport::now(),
            load_ms,
            preprocess_ms: timings.preprocess_ms,
            encode_ms: timings.encode_ms,
            click_ms: timings.decode_ms,
            mask_dice,
            box_mask_dice,
            mask_area_px: mask.area_px(),
            mask_size: [mask.width(), mask.height()],
            mask_runs: runs(&mask),
            logits_sha256,
            peak_rss_mib,
        }
    }

    /// Names of the checks that failed.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        self.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }

    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        for check in self.checks.iter() {
            let verdict = if check.ok { "ok" } else { "FAIL" };
            let [expected, found] = [&check.expected, &check.found].map(|value| short(value));
            writeln!(text, "{:<16} {verdict:<4}  {found} ({expected})", check.name)?;
        }
        let Self { model, model_version, precision, threads, .. } = self;
        writeln!(text, "model {model} {model_version}, {precision}, threads {threads}")?;
        if let Some(board) = &self.board {
            writeln!(text, "board {}", board.line())?;
        }
        writeln!(
            text,
            "load {:.0} ms, first frame {:.1} ms, first click {:.1} ms",
            self.load_ms, self.encode_ms, self.click_ms
        )?;
        if let Some(mib) = self.peak_rss_mib {
            writeln!(text, "peak memory {mib:.1} MiB")?;
        }
        Ok(text)
    }
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
