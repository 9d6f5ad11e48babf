//! Errors of folders, images and configurations.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use uniultra_core::{FrameError, MaskError};
use uniultra_phantom::PhantomError;

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A folder or file of the data cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The data folder has no dataset.
    #[error("{}: expected folders <set>/image and <set>/mask, found none", path.display())]
    NoSets {
        /// The data folder.
        path: PathBuf,
    },
    /// A set that was asked for is not there.
    #[error("{}: expected the set `{set}` with folders image and mask, found none", path.display())]
    NoSet {
        /// The data folder.
        path: PathBuf,
        /// The set asked for.
        set: String,
    },
    /// A set's table or list is not a text that can be read.
    #[error("{} line {line}: {reason}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The first line at fault, from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// A set's list of splits cannot be used.
    #[error("{}: expected lists of stems by split name: {reason}", path.display())]
    Split {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why one image cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// A file cannot be read.
    #[error("{what}: cannot be read: {source}")]
    Read {
        /// `image` or `mask`.
        what: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not an image of a supported format.
    #[error("{what}: {source}")]
    Decode {
        /// `image` or `mask`.
        what: &'static str,
        /// The decoder's reason.
        source: FrameError,
    },
    /// The mask is not binary.
    #[error("mask: expected gray values 0 and 255 only, found {found}")]
    MaskValue {
        /// A value found.
        found: String,
    },
    /// Image and mask differ in size.
    #[error(
        "expected image and mask of one size, found {}x{} and {}x{} pixels{}",
        image[0], image[1], mask[0], mask[1], turned(*orientation_applied)
    )]
    Size {
        /// Width and height of the image, upright.
        image: [usize; 2],
        /// Width and height of the mask.
        mask: [usize; 2],
        /// The EXIF orientation that the image was turned upright by.
        orientation_applied: Option<u8>,
    },
    /// The mask is not empty, but nothing in it is large enough to be an object.
    #[error(
        "mask: expected a component of at least 0.1 % of the image, found {found_px} pixels at most"
    )]
    OnlySpecks {
        /// Area of the largest component, in pixels.
        found_px: usize,
    },
    /// A mask cannot be made.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

/// Why a dataset cannot be opened or cannot give an example.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The configuration is invalid.
    #[error("{place}: expected {expected}, found {found}")]
    Config {
        /// The key, or the set and the key.
        place: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A set's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A set of phantoms cannot be simulated.
    #[error("set `{set}`")]
    Phantom {
        /// Name of the set.
        set: String,
        /// The simulator's reason.
        source: PhantomError,
    },
    /// Some images cannot be used, and the configuration does not allow skipping them.
    #[error("expected no problem with the images, found {}:{}", problems.len(), listed(problems))]
    Problems {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// A set has no usable image.
    #[error(
        "set `{set}`: expected at least one image that can be used, found none{}",
        listed(problems)
    )]
    NoImages {
        /// Name of the set.
        set: String,
        /// Why each was skipped.
        problems: Vec<Problem>,
    },
    /// The image does not exist.
    #[error("expected set {set} to have an image {index}, found {found} images")]
    Index {
        /// Index of the set.
        set: usize,
        /// Index of the image.
        index: usize,
        /// Number of images of the set.
        found: usize,
    },
    /// An image could be read before, but not again.
    #[error("{set}/{stem}")]
    Image {
        /// Name of the set.
        set: String,
        /// The image's stem.
        stem: String,
        /// What is wrong with it.
        source: SampleError,
    },
    /// The network's input is too small for an image's objects.
    #[error("{set}/{stem}: expected an object at {size} x {size} pixels, found none left")]
    Vanished {
        /// Name of the set.
        set: String,
        /// The image's stem.
        stem: String,
        /// Side of the input, in pixels.
        size: usize,
    },
    /// A worker thread is gone.
    #[error("expected a batch from a worker thread, found the thread ended")]
    Worker,
}

/// Why an image may have another size than its mask.
fn turned(orientation: Option<u8>) -> String {
    let reason = |value| {
        format!(
            "; the image was turned upright (EXIF orientation {value}), and the mask must be drawn \
             on the upright image"
        )
    };
    orientation.map(reason).unwrap_or_default()
}

/// Problems that are listed in a message; the variant has all of them.
const LISTED: usize = 20;

fn listed(problems: &[Problem]) -> String {
    let shown = problems.iter().take(LISTED).map(|problem| format!("\n  {problem}"));
    let more = problems.len().saturating_sub(LISTED);
    let rest = (more > 0).then(|| format!("\n  and {more} more"));
    shown.chain(rest).collect()
}

/// Something in the data, or one image, that could not be used. It is reported, never passed over.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The set.
    pub set: String,
    /// The image's stem; empty where the set as a whole is meant.
    pub stem: String,
    /// What was expected and found.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let separator = if self.stem.is_empty() { "" } else { "/" };
        write!(f, "{}{separator}{}: {}", self.set, self.stem, self.what)
    }
}
