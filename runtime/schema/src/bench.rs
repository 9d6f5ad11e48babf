//! The report of `uniultra bench`.

use crate::{BoardReport, Budgets, Machine, Quantiles, Report};
use serde::{Deserialize, Serialize};

/// How fast a model is on a machine. All times are wall time in milliseconds; [`Quantiles`] defines the quantiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct BenchReport {
    /// Engine and version.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// The board's profile as applied; `null` without `--board`.
    pub board: Option<BoardReport>,
    /// The processor.
    pub machine: Machine,
    /// The frame.
    pub frame: TimedFrame,
    /// Number of runs that do not count.
    pub warm_up: u32,
    /// Number of runs that count.
    pub runs: u32,
    /// Resizing and normalising the frame.
    pub preprocess_ms: Quantiles,
    /// The image encoder, once a frame.
    pub encode_ms: Quantiles,
    /// The first click on a frame, from prompt to logits.
    pub first_click_ms: Quantiles,
    /// A further click on the same frame, from prompt to logits.
    pub click_ms: Quantiles,
    /// From logits to the mask at the frame's size: choice, resizing, threshold.
    pub mask_ms: Quantiles,
    /// From a new frame to the mask of its first click.
    pub frame_to_mask_ms: Quantiles,
    /// Share of the time of frames and first clicks that preprocessing and masks take, 0..=1.
    pub preprocess_and_mask_share: f64,
    /// From the first line of the program to its first mask.
    pub cold_start_ms: f64,
    /// The parts of the cold start.
    pub cold_start_parts_ms: ColdStart,
    /// Time to read the pack and check its hashes again, after the cold start. If the pack comes from the
    /// system's cache, this is about the part of `load` that goes to reading.
    pub read_and_verify_ms: f64,
    /// Largest resident set of the process, in MiB; `null` if the system does not say.
    pub peak_rss_mib: Option<f32>,
    /// The minutes of `--minutes`; `null` without.
    pub endurance: Option<Endurance>,
    /// Whether the board's budgets are held; `null` without `--board`.
    pub budgets: Option<Budgets>,
}

/// The frame that was timed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct TimedFrame {
    /// Its file, as given; `null` for the frame that the program generates.
    pub path: Option<String>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// The steps to the first mask, in order, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ColdStart {
    /// Parsing arguments, starting the logger, checking that outputs can be written.
    pub start_up: f64,
    /// Reading and decoding the frame, or generating it.
    pub frame: f64,
    /// Reading the pack, checking its hashes, making plans of both networks.
    pub load: f64,
    /// The first frame: preprocessing and image encoder.
    pub first_encode: f64,
    /// The first click: mask decoder.
    pub first_click: f64,
    /// The first mask at the frame's size.
    pub first_mask: f64,
}

/// What was seen in the minutes of `--minutes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Endurance {
    /// Length of the run, in minutes.
    pub minutes: f64,
    /// Frames that arrived per second; `null` if each arrived when the last was done.
    pub fps: Option<f64>,
    /// Number of frames that were segmented.
    pub frames: u64,
    /// Number of frames that arrived before the last was done and were lost; `null` without `fps`.
    pub frames_dropped: Option<u64>,
    /// The slowest frame, from pixels to mask, in milliseconds.
    pub slowest_ms: f64,
    /// Mean time of a frame in the last tenth of the samples, divided by that in the first tenth.
    pub slowdown: f64,
    /// Highest temperature, in degrees Celsius; `null` if sysfs has none.
    pub temperature_max_c: Option<f32>,
    /// Its rise from the first sample to the last.
    pub temperature_rise_c: Option<f32>,
    /// Lowest clock of the CPUs in use, in MHz; `null` if sysfs has none.
    pub clock_min_mhz: Option<f32>,
    /// Growth of the resident set from the first sample to the last, in MiB.
    pub rss_growth_mib: Option<f32>,
    /// At most 61 samples over the time.
    pub samples: Vec<EnduranceSample>,
}

/// What was seen since the sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct EnduranceSample {
    /// End of the sample, in seconds from the beginning.
    pub at_s: f64,
    /// Number of frames since the sample before.
    pub frames: u64,
    /// Their mean time from pixels to mask, in milliseconds.
    pub mean_ms: f64,
    /// Time of the slowest of them, in milliseconds.
    pub max_ms: f64,
    /// The hottest zone, in degrees Celsius.
    pub temperature_c: Option<f32>,
    /// The slowest clock of the CPUs in use, in MHz.
    pub clock_mhz: Option<f32>,
    /// Resident set, in MiB.
    pub rss_mib: Option<f32>,
}

impl Report for BenchReport {
    const SCHEMA: &'static str = "uniultra-bench";
    const SCHEMA_VERSION: u32 = 2;
}

impl BenchReport {
    /// Stages with their quantiles, in the order in which they run.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, Quantiles); 6] {
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

impl ColdStart {
    /// Each part with its name for people.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, f64); 6] {
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
