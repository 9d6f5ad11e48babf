//! The report of `uniultra bench`, as far as it is shown here.

use serde::Deserialize;
use std::collections::BTreeMap;
use uniultra_core::Quantiles;
use uniultra_manifest::Tier;

/// Says what the report is.
pub(super) const SCHEMA: &str = "uniultra-bench";
/// Version of its fields.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What `uniultra bench` measured; all times are wall time in milliseconds. Other fields may follow.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DeviceBench {
    /// Always `uniultra-bench`.
    pub schema: String,
    /// Version of the fields.
    pub schema_version: u32,
    /// Version of the program.
    pub version: String,
    /// Id of the model.
    pub model: String,
    /// Version of its weights.
    pub model_version: String,
    /// Arithmetic of its graphs.
    pub precision: String,
    /// Side of its input, in pixels.
    pub image_size: usize,
    /// Engine and version.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// The board's profile as applied.
    pub board: Option<DeviceBoard>,
    /// Name of the processor or the board.
    pub cpu: String,
    /// Architecture that the program was built for.
    pub arch: String,
    /// SIMD features of the processor.
    pub cpu_features: Vec<String>,
    /// The frame.
    pub frame: DeviceFrame,
    /// Runs before the first that counts.
    pub warm_up: u32,
    /// Runs that count.
    pub runs: u32,
    /// Resizing and normalising the frame.
    pub preprocess_ms: Quantiles,
    /// The image encoder.
    pub encode_ms: Quantiles,
    /// The first click on a frame.
    pub first_click_ms: Quantiles,
    /// A further click on the same frame.
    pub click_ms: Quantiles,
    /// From logits to the mask at the frame's size.
    pub mask_ms: Quantiles,
    /// From a new frame to the mask of its first click.
    pub frame_to_mask_ms: Quantiles,
    /// From the first line of the program to its first mask.
    pub cold_start_ms: f64,
    /// The same by parts.
    pub cold_start_parts_ms: BTreeMap<String, f64>,
    /// Largest resident set of the process, in MiB.
    pub peak_rss_mib: Option<f64>,
    /// Whether the board's budgets are held.
    pub budgets: Option<DeviceBudgets>,
}

/// The board's profile as the program applied it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeviceBoard {
    /// Short name.
    pub id: String,
    /// Name.
    pub name: String,
    /// What is behind the profile.
    pub tier: Tier,
    /// SHA-256 of its file.
    pub sha256: String,
}

/// The frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeviceFrame {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// Budgets of the board.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DeviceBudgets {
    /// Whether all are held.
    pub ok: bool,
    /// The encoder's p90.
    pub encode_ms: DeviceHeld,
    /// The p90 of clicks.
    pub click_ms: DeviceHeld,
    /// The slowest frame.
    pub watchdog_ms: DeviceHeld,
    /// The largest resident set.
    pub rss_mib: DeviceHeld,
}

/// One budget.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct DeviceHeld {
    /// What the profile allows.
    pub limit: u32,
    /// What was measured; `null` where the system does not tell.
    pub found: Option<f64>,
    /// Whether it is held.
    pub ok: bool,
}

impl DeviceBench {
    /// Stages with their quantiles, in the order in which they run.
    pub(super) fn stages(&self) -> [(&'static str, Quantiles); 6] {
        [
            ("preprocess", self.preprocess_ms),
            ("image encoder", self.encode_ms),
            ("first click", self.first_click_ms),
            ("next click", self.click_ms),
            ("mask", self.mask_ms),
            ("frame to mask", self.frame_to_mask_ms),
        ]
    }
}

impl DeviceBudgets {
    /// Each with its name in board profiles.
    pub(super) fn each(&self) -> [(&'static str, DeviceHeld); 4] {
        [
            ("encode_ms", self.encode_ms),
            ("click_ms", self.click_ms),
            ("watchdog_ms", self.watchdog_ms),
            ("rss_mib", self.rss_mib),
        ]
    }
}
