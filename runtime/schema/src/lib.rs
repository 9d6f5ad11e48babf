//! The JSON documents of this project's programs.
//!
//! Every document is one object that begins with the same four fields ([`Document`]): `schema`, `schema_version`,
//! `tool` and `model`. The fields of its report follow. The reports of the runtime's program are here, because
//! tools read them: [`SegmentReport`], [`BenchReport`], [`SelftestReport`], [`InfoReport`]. The reports of the
//! tools are in the crates that make them.
//!
//! Adding a field keeps the version of a schema; removing one or changing its meaning raises it. A reader
//! ignores fields that it does not know. Unknown values are `null`.
//!
//! ```
//! use uniultra_schema::{Document, Report, Tool};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Areas {
//!     area_px: Vec<u32>,
//! }
//!
//! impl Report for Areas {
//!     const SCHEMA: &'static str = "example-areas";
//!     const SCHEMA_VERSION: u32 = 1;
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tool = Tool::new("example", "1.0.0");
//! let json = serde_json::to_string(&Document::new(tool, None, Areas { area_px: vec![7] }))?;
//! assert!(json.starts_with(r#"{"schema":"example-areas","schema_version":1,"tool":{"name":"example","#));
//! assert_eq!(Document::<Areas>::from_json(&json)?.report.area_px, [7]);
//! # Ok(())
//! # }
//! ```

mod bench;
mod board;
mod budgets;
mod document;
mod info;
#[cfg(feature = "json-schema")]
mod json_schema;
mod machine;
mod model;
mod quantiles;
mod segment;
mod selftest;

pub use bench::{BenchReport, ColdStart, Endurance, EnduranceSample, TimedFrame};
pub use board::{BoardFit, BoardReport};
pub use budgets::{BudgetCheck, Budgets, Measured};
pub use document::{Document, DocumentError, Report, Tool};
pub use info::{BuildTarget, InfoReport};
#[cfg(feature = "json-schema")]
pub use json_schema::{line_schema_text, schema_text};
pub use machine::{Machine, System};
pub use model::{ModelIdentity, ModelOrigin};
pub use quantiles::Quantiles;
pub use segment::{
    Contour, FrameFile, MaskReport, SegmentReport, SpacingReport, SpacingSource, Timings,
    WarningReport,
};
pub use selftest::{Check, SelftestReport};
