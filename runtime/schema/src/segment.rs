//! The report of `uniultra segment`.

use crate::{BoardReport, Report};
use serde::{Deserialize, Serialize};

/// The answer to the prompts, and how it was made.
///
/// Coordinates are pixels of the source frame, x to the right, y down, the centre of the top left pixel at (0, 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct SegmentReport {
    /// Engine and version, e.g. `tract 0.23.9`.
    pub engine: String,
    /// Threads of the engine.
    pub threads: usize,
    /// The board's profile, as applied; `null` without `--board`.
    pub board: Option<BoardReport>,
    /// The frame.
    pub frame: FrameFile,
    /// `[width, height]` of one mask's logits.
    pub logits_size: [usize; 2],
    /// The model's estimate of the IoU of mask tokens 0 to 3, each in 0..=1.
    pub predicted_iou: [f32; 4],
    /// The model's probability that the object is there, 0..=1; `null` if it has no such head.
    pub object_score: Option<f32>,
    /// Mask token of the answer, 0 to 3: an index into `predicted_iou` and the planes of
    /// `--logits`.
    pub chosen: usize,
    /// The masks that the answer was chosen from: the answer alone, or tokens 1 to 3 with
    /// `--multimask`.
    pub masks: Vec<MaskReport>,
    /// Number of pixels of the answer.
    pub area_px: usize,
    /// Area in square millimetres; `null` if the size of a pixel is not known: see `pixel_spacing_mm`.
    pub area_mm2: Option<f32>,
    /// `[x0, y0, x1, y1]` of the outermost pixels of the mask; `null` for an empty mask.
    pub bounding_box: Option<[usize; 4]>,
    /// Centre of mass `[x, y]`; `null` for an empty mask.
    pub centroid: Option<[f32; 2]>,
    /// Closed outlines with sub-pixel precision, largest first.
    pub contours: Vec<Contour>,
    /// Longest distance across the largest part; `null` for an empty mask.
    pub longest_diameter_px: Option<f32>,
    /// Longest distance in millimetres; `null` if the size of a pixel is not known. Where pixels are not square, it may lie
    /// elsewhere than the longest distance in pixels.
    pub longest_diameter_mm: Option<f32>,
    /// The two ends of `longest_diameter_px`, `[[x, y], [x, y]]`.
    pub longest_diameter_ends: Option<[[f32; 2]; 2]>,
    /// The two ends of `longest_diameter_mm`, in pixels.
    pub longest_diameter_mm_ends: Option<[[f32; 2]; 2]>,
    /// Longest extent of that part at right angles to the longest diameter.
    pub perpendicular_diameter_px: Option<f32>,
    /// The same in millimetres, at right angles to `longest_diameter_mm` in the body.
    pub perpendicular_diameter_mm: Option<f32>,
    /// The two ends of `perpendicular_diameter_px`.
    pub perpendicular_diameter_ends: Option<[[f32; 2]; 2]>,
    /// The two ends of `perpendicular_diameter_mm`, in pixels.
    pub perpendicular_diameter_mm_ends: Option<[[f32; 2]; 2]>,
    /// Length of the largest part's outline, without its holes; `null` for an empty mask.
    pub perimeter_px: Option<f32>,
    /// The same in millimetres; `null` if the size of a pixel is not known.
    pub perimeter_mm: Option<f32>,
    /// Side of a pixel, as given by `--pixel-spacing` or by the file: a number, or `[x, y]` if the sides differ.
    pub pixel_spacing_mm: Option<SpacingReport>,
    /// Where `pixel_spacing_mm` comes from; `null` without it.
    pub pixel_spacing_source: Option<SpacingSource>,
    /// Wall time of each stage, in milliseconds.
    pub timings_ms: Timings,
    /// Largest resident set of the process so far, in MiB; `null` if the system does not say.
    pub peak_rss_mib: Option<f32>,
    /// Reasons to doubt the answer, each with a stable `code` and a `message`.
    pub warnings: Vec<WarningReport>,
}

/// Sides of a pixel in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum SpacingReport {
    /// The side of a square pixel.
    Square(f32),
    /// Width and height.
    Sides([f32; 2]),
}

impl SpacingReport {
    /// One number if the sides are equal.
    #[must_use]
    pub fn new([x_mm, y_mm]: [f32; 2]) -> Self {
        if x_mm == y_mm { Self::Square(x_mm) } else { Self::Sides([x_mm, y_mm]) }
    }
}

/// Where the size of a pixel comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SpacingSource {
    /// `--pixel-spacing`.
    Option,
    /// The DICOM file: its region under the prompt, or its pixel spacing if it has no regions.
    Dicom,
}

/// The frame's identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct FrameFile {
    /// Path as given; `-` for stdin.
    pub path: String,
    /// Width in pixels, upright.
    pub width: usize,
    /// Height in pixels, upright.
    pub height: usize,
    /// The file's EXIF orientation, 2 to 8, if the frame was turned upright by it; `null` if the file has it
    /// upright. All coordinates are those of the upright frame.
    pub orientation_applied: Option<u8>,
    /// The frame's number in a DICOM file, counted from 1; `null` for other files.
    pub number: Option<usize>,
}

/// A mask that the answer was chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct MaskReport {
    /// Mask token, 0 to 3.
    pub token: usize,
    /// Whether this is the answer.
    pub chosen: bool,
    /// The model's estimate of its IoU, 0..=1.
    pub predicted_iou: f32,
    /// Area above logit 0.05 over area above -0.05, 0..=1.
    pub stability: f32,
    /// Number of pixels.
    pub area_px: usize,
    /// Square millimetres; `null` without `--pixel-spacing`.
    pub area_mm2: Option<f32>,
    /// As in the report.
    pub bounding_box: Option<[usize; 4]>,
    /// As in the report.
    pub centroid: Option<[f32; 2]>,
}

/// One closed outline; the last point joins the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Contour {
    /// Whether it is the border of a hole.
    pub hole: bool,
    /// `[[x, y], ...]`, rounded to hundredths of a pixel.
    pub points: Vec<[f32; 2]>,
}

/// Wall times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Timings {
    /// Reading and decoding the frame.
    pub decode_frame: f32,
    /// Reading, checking and optimising the model pack.
    pub load: f32,
    /// Resizing and normalising the frame.
    pub preprocess: f32,
    /// The image encoder.
    pub image_encoder: f32,
    /// The mask decoder.
    pub mask_decoder: f32,
    /// Logits to masks of the frame's size.
    pub upsample: f32,
    /// Outlines, areas and diameters.
    pub measure: f32,
    /// Writing mask, overlay and logits.
    pub write: f32,
    /// From the start of the command to just before this report was written.
    pub total: f32,
}

/// A reason to doubt the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct WarningReport {
    /// A stable name for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The number of the click that the warning is about, counted from 1; left out if it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<usize>,
}

impl Report for SegmentReport {
    const SCHEMA: &'static str = "uniultra-segment";
    const SCHEMA_VERSION: u32 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spacing_is_a_number_or_two() {
        let json = |sides| serde_json::to_string(&SpacingReport::new(sides)).unwrap();
        assert_eq!((json([0.5, 0.5]), json([0.5, 0.25])), ("0.5".into(), "[0.5,0.25]".into()));
    }
}
