//! The JSON report of `uniultra segment`: one object, with the fields of [`Report`].
//!
//! Coordinates are pixels of the source frame, x to the right, y down, the centre of the top left
//! pixel at (0, 0). Unknown values are `null`. Adding a field keeps `schema_version`;
//! removing one or changing its meaning raises it.

mod build;
#[cfg(test)]
mod tests;

pub(crate) use build::Parts;

use crate::board::BoardReport;
use crate::model::OriginReport;
use crate::warning::Warnings;
use serde::{Serialize, Serializer};
use uniultra_core::{MASK_COUNT, PixelSpacing};

/// Version of the fields below.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Always [`SCHEMA_VERSION`].
    pub(crate) schema_version: u32,
    /// The model that answered.
    pub(crate) model: ModelReport,
    /// Engine and version, e.g. `tract 0.23.9`.
    pub(crate) engine: &'static str,
    /// Threads of the engine.
    pub(crate) threads: usize,
    /// The board's profile, as applied; `null` without `--board`.
    pub(crate) board: Option<BoardReport>,
    /// The frame.
    pub(crate) frame: FrameReport,
    /// `[width, height]` of one mask's logits.
    pub(crate) logits_size: [usize; 2],
    /// The model's estimate of the IoU of mask tokens 0 to 3, each in 0..=1.
    pub(crate) predicted_iou: [f32; MASK_COUNT],
    /// The model's probability that the object is there, 0..=1; `null` if it has no such head.
    pub(crate) object_score: Option<f32>,
    /// Mask token of the answer, 0 to 3: an index into `predicted_iou` and the planes of
    /// `--logits`.
    pub(crate) chosen: usize,
    /// The masks that the answer was chosen from: the answer alone, or tokens 1 to 3 with
    /// `--multimask`.
    pub(crate) masks: Vec<MaskReport>,
    /// Number of pixels of the answer.
    pub(crate) area_px: usize,
    /// Area in square millimetres; `null` without `--pixel-spacing`.
    pub(crate) area_mm2: Option<f32>,
    /// `[x0, y0, x1, y1]` of the outermost pixels of the mask; `null` for an empty mask.
    pub(crate) bounding_box: Option<[usize; 4]>,
    /// Centre of mass `[x, y]`; `null` for an empty mask.
    pub(crate) centroid: Option<[f32; 2]>,
    /// Closed outlines with sub-pixel precision, largest first.
    pub(crate) contours: Vec<ContourReport>,
    /// Longest distance across the largest part; `null` for an empty mask.
    pub(crate) longest_diameter_px: Option<f32>,
    /// Longest distance in millimetres; `null` without `--pixel-spacing`. Where pixels are not square,
    /// it may lie elsewhere than the longest distance in pixels.
    pub(crate) longest_diameter_mm: Option<f32>,
    /// The two ends of `longest_diameter_px`, `[[x, y], [x, y]]`.
    pub(crate) longest_diameter_ends: Option<[[f32; 2]; 2]>,
    /// The two ends of `longest_diameter_mm`, in pixels, too.
    pub(crate) longest_diameter_mm_ends: Option<[[f32; 2]; 2]>,
    /// Longest extent of that part at right angles to the longest diameter.
    pub(crate) perpendicular_diameter_px: Option<f32>,
    /// The same in millimetres, at right angles to `longest_diameter_mm` in the body.
    pub(crate) perpendicular_diameter_mm: Option<f32>,
    /// The two ends of `perpendicular_diameter_px`.
    pub(crate) perpendicular_diameter_ends: Option<[[f32; 2]; 2]>,
    /// The two ends of `perpendicular_diameter_mm`, in pixels.
    pub(crate) perpendicular_diameter_mm_ends: Option<[[f32; 2]; 2]>,
    /// Length of the largest part's outline, without its holes; `null` for an empty mask.
    pub(crate) perimeter_px: Option<f32>,
    /// The same in millimetres; `null` without `--pixel-spacing`.
    pub(crate) perimeter_mm: Option<f32>,
    /// Side of a pixel, as given: a number, or `[x, y]` if the sides differ.
    pub(crate) pixel_spacing_mm: Option<SpacingReport>,
    /// Wall time of each stage, in milliseconds.
    pub(crate) timings_ms: TimingsReport,
    /// Largest resident set of the process so far, in MiB; `null` if the system does not say.
    pub(crate) peak_rss_mib: Option<f32>,
    /// Reasons to doubt the answer, each with a stable `code` and a `message`.
    #[serde(serialize_with = "list")]
    pub(crate) warnings: Warnings,
}

/// Sides of a pixel in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum SpacingReport {
    /// Of a square pixel.
    Square(f32),
    /// Width and height.
    Sides([f32; 2]),
}

impl SpacingReport {
    fn of(spacing: PixelSpacing) -> Self {
        let sides = [spacing.x_mm(), spacing.y_mm()];
        if spacing.is_square() { Self::Square(sides[0]) } else { Self::Sides(sides) }
    }
}

/// The model's identity.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ModelReport {
    /// `model.id` of the pack.
    pub(crate) id: String,
    /// `model.version` of the pack.
    pub(crate) version: String,
    /// Arithmetic, e.g. `f32`.
    pub(crate) precision: String,
    /// Side of the square input, in pixels.
    pub(crate) image_size: usize,
    /// SHA-256 of the image encoder's file.
    pub(crate) image_encoder_sha256: String,
    /// SHA-256 of the mask decoder's file.
    pub(crate) mask_decoder_sha256: String,
    /// SHA-256 of the checkpoint that the pack was made from.
    pub(crate) checkpoint_sha256: String,
    /// Its fields `embedded` and `folder` say where the model comes from.
    #[serde(flatten)]
    pub(crate) origin: OriginReport,
}

/// The frame's identity.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FrameReport {
    /// Path as given; `-` for stdin.
    pub(crate) path: String,
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
}

/// A mask that the answer was chosen from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MaskReport {
    /// Mask token, 0 to 3.
    pub(crate) token: usize,
    /// Whether this is the answer.
    pub(crate) chosen: bool,
    /// The model's estimate of its IoU, 0..=1.
    pub(crate) predicted_iou: f32,
    /// Area above logit 0.05 over area above -0.05, 0..=1.
    pub(crate) stability: f32,
    /// Number of pixels.
    pub(crate) area_px: usize,
    /// Square millimetres; `null` without `--pixel-spacing`.
    pub(crate) area_mm2: Option<f32>,
    /// As in the report.
    pub(crate) bounding_box: Option<[usize; 4]>,
    /// As in the report.
    pub(crate) centroid: Option<[f32; 2]>,
}

/// One closed outline; the last point joins the first.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ContourReport {
    /// Whether it is the border of a hole.
    pub(crate) hole: bool,
    /// `[[x, y], ...]`, rounded to hundredths of a pixel.
    pub(crate) points: Vec<[f32; 2]>,
}

/// Wall times in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct TimingsReport {
    /// Reading and decoding the frame.
    pub(crate) decode_frame: f32,
    /// Reading, checking and optimising the model pack.
    pub(crate) load: f32,
    /// Resizing and normalising the frame.
    pub(crate) preprocess: f32,
    /// The image encoder.
    pub(crate) image_encoder: f32,
    /// The mask decoder.
    pub(crate) mask_decoder: f32,
    /// Logits to masks of the frame's size.
    pub(crate) upsample: f32,
    /// Outlines, areas and diameters.
    pub(crate) measure: f32,
    /// Writing mask, overlay and logits.
    pub(crate) write: f32,
    /// From the start of the command to just before this report was written.
    pub(crate) total: f32,
}

fn list<S: Serializer>(warnings: &Warnings, serializer: S) -> Result<S::Ok, S::Error> {
    warnings.as_slice().serialize(serializer)
}
