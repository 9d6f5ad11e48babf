//! Masks and measurements to DICOM.

mod content;
mod equipment;
mod file;
mod report;
mod segment_object;
mod segmentation;
mod source;
mod term;

pub use segmentation::{Algorithm, Measurements, Segmentation};
pub use term::{CodedTerm, SegmentKind};
