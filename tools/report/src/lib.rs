//! How every tool writes its report.
//!
//! ```text
//! figures ──> Document: headings, tables, plots, pictures ──> Markdown (files, terminal)
//!                                                        └──> HTML (one file, no network)
//! profile ──> flame graph (SVG)         rows ──> CSV
//! all of these ──> ReportFolder: each file complete or not at all
//! ```
//!
//! A tool says what its report holds; this crate says how that looks. Names from data sets and model
//! packs go in as plain text and are escaped here, once for each format.

mod csv;
mod document;
mod error;
mod flame;
mod folder;
mod html;
mod json;
mod markdown;
pub mod number;
mod plot;
mod table;
mod text;

pub use csv::csv_text;
pub use document::{Block, Document, Gallery, LegendColor, Picture};
pub use error::ReportError;
pub use flame::{FlameLeaf, flame_graph};
pub use folder::{REPORT_FILE, ReportFolder, check_free, create_folder};
pub use json::json_text;
pub use plot::{Axes, Bar, BarChart, LinePlot, Plot, Series};
pub use table::Table;
pub use text::{Span, Text};
