//! The report of `uniultra selftest`.

use crate::{BoardReport, Report, System};
use serde::{Deserialize, Serialize};

/// Whether a machine gives the right answer, twice, within its memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct SelftestReport {
    /// Whether every check passed.
    pub ok: bool,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// Engine and version.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// The board's profile, as applied; `null` without `--board`.
    pub board: Option<BoardReport>,
    /// Processor, kernel, memory.
    pub system: System,
    /// Reading the pack, checking its hashes, making plans of both networks.
    pub load_ms: f32,
    /// Resizing and normalising the first frame.
    pub preprocess_ms: f32,
    /// The image encoder, on the first frame, with cold caches.
    pub encode_ms: f32,
    /// The first click, from prompt to logits.
    pub click_ms: f32,
    /// Dice of the point's mask against the exact one.
    pub mask_dice: f32,
    /// Dice of the box's mask against the exact one.
    pub box_mask_dice: f32,
    /// Number of object pixels of the point's mask.
    pub mask_area_px: usize,
    /// Width and height of the mask.
    pub mask_size: [usize; 2],
    /// The point's mask row by row as lengths of runs, background first.
    pub mask_runs: Vec<u32>,
    /// SHA-256 of the point's logits, float32 little-endian `[4, S/4, S/4]`.
    pub logits_sha256: String,
    /// Largest resident set of the process, in MiB; `null` if the system does not say.
    pub peak_rss_mib: Option<f32>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// A stable name for programs.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Report for SelftestReport {
    const SCHEMA: &'static str = "uniultra-selftest";
    const SCHEMA_VERSION: u32 = 2;
}
