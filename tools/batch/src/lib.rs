//! Segments archives: many images and DICOM files, each from its prompts, with one model that is loaded once.
//!
//! ```text
//! folder or list ─┐
//!                 ├─> Plan: files in order, each with its prompts, this shard's alone
//! prompts ────────┘     │
//!                 decode a frame     a thread; two frames ahead
//!                       │
//!                 encode it once, then decode each prompt     threads, a frame each
//!                       │
//!                 resize and measure the mask, write it, then its line     a thread
//!                       │
//!    DIR/run.json  DIR/masks/...  DIR/results.jsonl  DIR/report.json
//! ```
//!
//! Lines are appended in the order of the plan, each after its mask, so the last whole line says how far a run has
//! come. [`prepare`] finds that place again after a kill, and the files are the same bytes as those of a run that was
//! not killed. [`merge`] joins the folders of shards to the bytes of one run.
//!
//! ```
//! use uniultra_batch::{ResultLine, Status};
//!
//! // A line of results.jsonl; unknown fields are ignored, absent ones are unknown values.
//! let line: ResultLine = serde_json::from_str(
//!     r#"{"path": "study/a.png", "prompt": 1, "status": "done", "area_px": 1204}"#,
//! )?;
//! assert_eq!((line.status, line.area_px), (Status::Done, Some(1204)));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod error;
mod folder;
mod input;
mod line;
mod mask_file;
mod merge;
mod plan;
mod prompts;
mod record;
mod report;
mod resume;
mod run;
mod stages;

pub use error::BatchError;
pub use line::{ResultLine, RunLengths, Status};
pub use merge::{is_batch, merge};
pub use record::{InputKind, InputRecord, MaskForm, PromptsKind, PromptsRecord, RunRecord};
pub use report::{BatchReport, Failure, Unprompted};
pub use run::{Options, Prepared, Request, prepare};
pub use uniultra_dataset::Shard;
