//! Makes data folders of published ultrasound data sets, from the layouts they are distributed in.
//!
//! ```text
//! raw folder ──> RawFolder ──> reader of the data set ──> RawCase: image, truth, group, part
//!  (as downloaded)  (index)      (one file in sets/)             │
//!                                                                v
//!     SET/image, SET/mask  <── frame, one mask for each set <── drawn (PNG, JPEG, TIFF, NIfTI,
//!     data_split.json, pixel_size.csv, README.md, prepare.json       MetaImage, polygons, outlines)
//! ```
//!
//! - A row of the catalogue says what a data set is; a reader in `sets/` says which files belong
//!   together. Everything else is the same for all of them.
//! - Images keep their size and their values, and lose their metadata. Masks have 0 and 255 only.
//! - The data folder appears when it is complete, or not at all.

mod case;
mod catalogue;
mod duplicates;
mod error;
mod metaimage;
mod nifti;
mod outline;
mod polygon;
mod prepare;
mod raw;
mod report;
mod sets;
mod split;
mod truth;
mod volume;
mod write;

pub use case::Part;
pub use catalogue::{SetSpec, Source, catalogue_document, source, sources};
pub use error::{LayoutError, PrepareError};
pub use prepare::{PrepareConfig, prepare};
pub use report::{
    Duplicates, NearPair, PrepareReport, SetReport, SplitReport, SplitSource, report_document,
};
pub use volume::{Volume, VolumeError};
