//! What a reader finds: an image, and where its truth is.

use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;
use uniultra_core::PixelSpacing;

/// A part of a split, as `data_split.json` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Images to train on.
    Train,
    /// Images to make choices on.
    Val,
    /// Images for one final figure.
    Test,
}

impl Part {
    /// The name, as in `data_split.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// An image of a raw folder, with everything that its reader knows without opening it.
#[derive(Clone, Debug)]
pub(crate) struct RawCase {
    /// Name of the written files, without extension.
    pub(crate) stem: String,
    /// What must stay in one part: a patient, a case, a video, or the image alone.
    pub(crate) group: String,
    /// The part that the data set's own split gives it.
    pub(crate) part: Option<Part>,
    pub(crate) image: PathBuf,
    pub(crate) spacing: Spacing,
    pub(crate) head_circumference_mm: Option<f32>,
    pub(crate) truth: Truth,
    /// Whether the data set says that there is an object; `None` if it does not say.
    pub(crate) object: Option<bool>,
}

/// The size of an image's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spacing {
    Unknown,
    Known(PixelSpacing),
    /// In the header of the image.
    InHeader,
}

/// Where an image's truth is.
#[derive(Clone, Debug)]
pub(crate) enum Truth {
    /// There is none: what was expected.
    Missing(String),
    /// Black and white masks, of which the union counts.
    Masks(Vec<PathBuf>),
    /// One label a pixel.
    Labels(PathBuf),
    /// The drawn outline of a convex object.
    Outline(PathBuf),
    /// Polygons of one image in a DDTI annotation.
    Marks { xml: PathBuf, image: u32 },
}

/// What a reader found.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundCases {
    pub(crate) cases: Vec<RawCase>,
    /// Images that the data set publishes without masks.
    pub(crate) unlabelled: usize,
}

impl RawCase {
    /// A case without size, circumference, part or claim about its object.
    pub(crate) fn new(stem: String, group: String, image: PathBuf, truth: Truth) -> Self {
        Self {
            stem,
            group,
            part: None,
            image,
            spacing: Spacing::Unknown,
            head_circumference_mm: None,
            truth,
            object: None,
        }
    }

    /// A case that is a group of its own.
    pub(crate) fn alone(stem: String, image: PathBuf, truth: Truth) -> Self {
        Self::new(stem.clone(), stem, image, truth)
    }
}
