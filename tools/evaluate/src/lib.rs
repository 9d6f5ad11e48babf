//! Measures model packs on datasets, through the runtime: what is measured is what ships.
//!
//! ```text
//! find_cases ──> Case ──> Sample: Frame, objects, truth ─┐
//! Predictor (a model pack) ──> encode once ─────────────┴─> each prompt ─> Row ─> Report ─> files
//! ```
//!
//! This project's own protocol, version [`PROTOCOL`]:
//!
//! - An image's *objects* are its mask's 8-connected components of at least 0.1 % of the image.
//! - Each object is prompted by itself ([`PromptKind`]); the prediction is the union of the answers
//!   at the image's size, and is compared with the union of the objects.
//! - An image without an object is asked about its centre (a point, or the central box of half its
//!   width and height); what counts there is the object score alone.
//! - The baseline is the ellipse inscribed in each object's true box: no model at all.
//!
//! With [`Protocol::Published`] images are prompted and scored as the paper's published code does
//! it: see `published.rs`.
//!
//! Results do not depend on the number of threads, nor on how the images were sharded.

mod baseline;
mod calibration;
mod canvas;
mod cases;
mod clicks;
mod clicks_inside;
mod compare;
mod edges;
mod ellipse;
mod error;
mod merge;
mod model;
mod picture;
mod predictor;
mod prompt;
mod protocol;
mod published;
mod report;
mod run;
mod run_mask;
mod stats;
mod transfer;

#[cfg(test)]
mod fakes;

pub use baseline::BASELINE;
pub use calibration::{Bin, Calibration, IouPair};
pub use canvas::{Canvas, PROMPT, TRUTH, on_outline};
pub use cases::find_cases;
pub use clicks::{NOC_CAP, click_prompts, next_click};
pub use clicks_inside::INSIDE_COUNTS;
pub use edges::Edges;
pub use error::{EvaluateError, ImageError};
pub use merge::merge;
pub use model::{ModelSource, PackPredictor};
pub use picture::{Picture, Role, render_pictures};
pub use predictor::{Answer, Encoded, Logits, ModelInfo, Predictor};
pub use prompt::{MAX_CLICKS, PromptKind, first_prompts, prompts_for};
pub use protocol::Protocol;
pub use published::GRID_SIDE;
pub use report::{
    Aggregate, ClickSummary, EdgeSummary, EmptySummary, Group, InsideSummary, Overview, Report,
    Row, Settings, report_document, write_report,
};
pub use run::{Evaluated, Options, evaluate, predict, thread_pool};
pub use run_mask::RunMask;
pub use stats::Stats;
pub use transfer::transfer_sets;
pub use uniultra_dataset::{Case, Found, Problem, Query, Sample, Shard, SplitPart};

/// Version of the protocols; figures of different versions are not compared.
pub const PROTOCOL: u32 = 1;
