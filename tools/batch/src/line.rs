//! A line of `results.jsonl`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uniultra_schema::{Report, SpacingReport, SpacingSource, WarningReport};

/// What became of a prompt or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The prompt has its mask.
    Done,
    /// The prompt, or the file, could not be used; `error` says why.
    Failed,
    /// Frames that no prompt is about; `frames_without_prompt` lists them.
    NoPrompt,
    /// A file that is no image and that no prompt is about; `error` says what it is.
    NotAFrame,
}

/// One line: a prompt's answer, a file that could not be used, or the frames of a file that no prompt is about.
///
/// Coordinates are pixels of the frame, x to the right, y down, the centre of the top left pixel at (0, 0). What is
/// unknown, or does not apply, is `null`. A reader ignores fields that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultLine {
    /// The file: its path below the input folder with `/` between the parts, or as the list has it.
    pub path: String,
    /// The frame's number in a DICOM file, from 1; `null` for other files.
    #[serde(default)]
    pub frame: Option<usize>,
    /// The number of the prompt among those of its frame, from 1, in the order of the prompts' file.
    #[serde(default)]
    pub prompt: Option<usize>,
    /// The object's name, as the prompt has it.
    #[serde(default)]
    pub object: Option<String>,
    /// What became of it.
    pub status: Status,
    /// What was expected and found, if there is no answer.
    #[serde(default)]
    pub error: Option<String>,
    /// Frames of the file without a prompt, as ranges `[first, last]`, from 1.
    #[serde(default)]
    pub frames_without_prompt: Option<Vec<[usize; 2]>>,
    /// Width of the frame in pixels, upright.
    #[serde(default)]
    pub width: Option<usize>,
    /// Height of the frame in pixels, upright.
    #[serde(default)]
    pub height: Option<usize>,
    /// The file's EXIF orientation, 2 to 8, if the frame was turned upright by it.
    #[serde(default)]
    pub orientation_applied: Option<u8>,
    /// The mask's file, below the run's folder; `null` with `--masks rle`.
    #[serde(default)]
    pub mask_file: Option<String>,
    /// The mask as run lengths, with `--masks rle`.
    #[serde(default)]
    pub mask_rle: Option<RunLengths>,
    /// Mask token of the answer, 0 to 3.
    #[serde(default)]
    pub token: Option<usize>,
    /// The model's estimate of the mask's IoU, 0..=1.
    #[serde(default)]
    pub predicted_iou: Option<f32>,
    /// The model's probability that the object is there, 0..=1; `null` if it has no such head.
    #[serde(default)]
    pub object_score: Option<f32>,
    /// Number of pixels.
    #[serde(default)]
    pub area_px: Option<usize>,
    /// `[x0, y0, x1, y1]` of the outermost pixels; `null` for an empty mask.
    #[serde(default)]
    pub bounding_box: Option<[usize; 4]>,
    /// Centre of mass `[x, y]`, to a hundredth of a pixel; `null` for an empty mask.
    #[serde(default)]
    pub centroid: Option<[f32; 2]>,
    /// Area in square millimetres; `null` if the size of a pixel is not known.
    #[serde(default)]
    pub area_mm2: Option<f32>,
    /// Longest distance across the largest part.
    #[serde(default)]
    pub longest_diameter_mm: Option<f32>,
    /// Longest extent of that part at right angles to it.
    #[serde(default)]
    pub perpendicular_diameter_mm: Option<f32>,
    /// Length of that part's outline.
    #[serde(default)]
    pub perimeter_mm: Option<f32>,
    /// Side of a pixel: a number, or `[x, y]` if the sides differ.
    #[serde(default)]
    pub pixel_spacing_mm: Option<SpacingReport>,
    /// Who says so: `option` for `--pixel-spacing` and for the list's line, `dicom` for the file.
    #[serde(default)]
    pub pixel_spacing_source: Option<SpacingSource>,
    /// Reasons to doubt the answer, each with a stable `code` and a `message`.
    #[serde(default)]
    pub warnings: Vec<WarningReport>,
}

/// A mask in the form of COCO's annotations, which pycocotools reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLengths {
    /// Height and width of the frame.
    pub size: [usize; 2],
    /// Compressed run lengths, column by column.
    pub counts: String,
}

impl Report for ResultLine {
    const SCHEMA: &'static str = "uniultra-batch-result";
    const SCHEMA_VERSION: u32 = 1;
}

impl ResultLine {
    /// A line about a file, without anything else yet.
    pub(crate) fn new(path: &str, status: Status) -> Self {
        Self {
            path: path.to_string(),
            frame: None,
            prompt: None,
            object: None,
            status,
            error: None,
            frames_without_prompt: None,
            width: None,
            height: None,
            orientation_applied: None,
            mask_file: None,
            mask_rle: None,
            token: None,
            predicted_iou: None,
            object_score: None,
            area_px: None,
            bounding_box: None,
            centroid: None,
            area_mm2: None,
            longest_diameter_mm: None,
            perpendicular_diameter_mm: None,
            perimeter_mm: None,
            pixel_spacing_mm: None,
            pixel_spacing_source: None,
            warnings: Vec::new(),
        }
    }

    /// The same, with this reason why there is no answer.
    pub(crate) fn failed(self, error: impl ToString) -> Self {
        Self { status: Status::Failed, error: Some(error.to_string()), ..self }
    }

    /// The line as text, with its end.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|text| text + "\n")
    }
}
