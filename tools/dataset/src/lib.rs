//! Images with masks: finds them in data folders or simulates them, finds their objects, and makes
//! augmented examples for training and calibration.
//!
//! ```text
//! find_cases ──> Case ──> Sample: Frame, objects, truth                    (evaluation)
//!
//! DataConfig ──> Dataset ──> Plan of an epoch ──> Loader ──> batches of Example
//!  (TOML)     folders, phantoms   (set, image)    threads    [S, S] image, objects   (training)
//! ```
//!
//! - An image's *objects* are its mask's 8-connected components of at least 0.1 % of the image.
//! - Every image and mask of a folder is read when a [`Dataset`] is opened: an image that cannot be
//!   used is reported by name, never silently skipped.
//! - Examples depend only on (seed, set, image, round), not on the number of threads.

mod affine;
mod augment;
mod cases;
mod components;
mod config;
mod dataset;
mod error;
mod example;
mod geometry;
mod listing;
mod loader;
mod object;
mod packed;
mod photometry;
mod plan;
mod sample;
mod scales;
mod shadow;
mod shard;
mod smooth;
mod split;
mod store;
mod stream;
mod text;
mod texture;
mod tone;
mod warp;

#[cfg(test)]
mod drawn;

pub use augment::{AugmentConfig, Part};
pub use cases::{Case, Found, Query, find_cases};
pub use components::Components;
pub use config::{DataConfig, OnProblem, PhantomSet, SetConfig};
pub use dataset::Dataset;
pub use error::{DatasetError, FolderError, Problem, SampleError};
pub use example::Example;
pub use loader::Loader;
pub use object::{Object, deepest_pixel, eroded_pixels};
pub use plan::{Plan, PlanItem};
pub use sample::{Sample, read_pair, unite};
pub use shard::Shard;
pub use split::SplitPart;
pub use stream::Stream;
