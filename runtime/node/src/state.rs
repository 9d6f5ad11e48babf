//! What the page, the API and the recording see of a session.

use serde::{Deserialize, Serialize};
use uniultra_core::{PointLabel, Polygon};
use uniultra_live::{LiveObject, PromptKind};

/// Colours of objects, by label: told apart by most people with a colour vision deficiency, and bright on gray.
const COLORS: [&str; 8] =
    ["#ffb000", "#38bdf8", "#f472b6", "#4ade80", "#a78bfa", "#fb923c", "#e2e8f0", "#facc15"];

/// How far an outline of the page may be from the mask's: nobody sees less, and it is a tenth of the numbers.
const CONTOUR_TOLERANCE_PX: f32 = 0.5;

/// A session after a frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Number of the frame.
    pub frame: u64,
    /// Time of its capture, since the node started.
    pub captured_ms: f64,
    /// Time from the capture to the answer.
    pub age_ms: f64,
    /// Width of the frame, in pixels; 0 before the first.
    pub width: usize,
    /// Height of the frame, in pixels.
    pub height: usize,
    /// Width and height of a pixel.
    pub pixel_spacing_mm: Option<[f32; 2]>,
    /// Whether the picture is frozen.
    pub frozen: bool,
    /// The source of the frames.
    pub source: Source,
    /// `off`, `running` or `failed`.
    pub recording: String,
    /// The objects, in the order in which they were added.
    pub objects: Vec<Object>,
    /// How well the node keeps up.
    pub stats: Figures,
}

/// The source of the frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// Its kind.
    pub name: String,
    /// `running`, `waiting` or `ended`.
    pub state: String,
    /// Streams and frames that could not be read.
    pub errors: u64,
}

/// An object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Object {
    /// Its number, which no later object gets.
    pub id: u32,
    /// Its value in label maps, 1 to 8; another object may get it when this one is removed.
    pub label: u8,
    /// Its name.
    pub name: String,
    /// Its colour on the page.
    pub color: String,
    /// `waiting`, `tracking`, `uncertain` or `lost`.
    pub state: String,
    /// Whether its outline was computed on an earlier frame and moved to this one.
    pub moved: bool,
    /// Its prompts, oldest first.
    pub prompts: Vec<Prompt>,
    /// Outlines, in pixels of the frame; empty if no mask is shown.
    pub contour: Vec<Vec<[f32; 2]>>,
    /// Pixels of the mask.
    pub area_px: Option<usize>,
    /// Area, in square millimetres.
    pub area_mm2: Option<f32>,
    /// Longest diameter, in pixels.
    pub longest_diameter_px: Option<f32>,
    /// Longest diameter, in millimetres.
    pub longest_diameter_mm: Option<f32>,
    /// Longest extent at right angles to it, in millimetres.
    pub perpendicular_diameter_mm: Option<f32>,
    /// Median area of the last 9 frames on which the object was followed, in pixels.
    pub median_area_px: Option<f32>,
    /// The model's estimate of the mask's IoU.
    pub predicted_iou: f32,
}

/// A prompt of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Number of the frame that the user saw.
    pub frame: u64,
    /// What it says.
    #[serde(flatten)]
    pub shape: Shape,
}

/// What a prompt says, in pixels of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Shape {
    /// A click.
    Point {
        /// Column.
        x: f32,
        /// Row.
        y: f32,
        /// Whether the pixel belongs to the object.
        inside: bool,
    },
    /// A box round the object.
    Box {
        /// Left.
        x0: f32,
        /// Top.
        y0: f32,
        /// Right.
        x1: f32,
        /// Bottom.
        y1: f32,
    },
}

/// How well the node keeps up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Answers a second.
    pub rate_hz: Option<f32>,
    /// Half of the last 256 answers were younger than this.
    pub age_p50_ms: Option<f32>,
    /// Nine of ten were.
    pub age_p90_ms: Option<f32>,
    /// 99 of 100 were.
    pub age_p99_ms: Option<f32>,
    /// Frames that came.
    pub received: u64,
    /// `skip`, `lower_rate` or `decode_only`: what is done when frames come faster than the model answers.
    pub overload: String,
    /// The model gets every n-th frame; 1 without overload.
    pub model_every: u32,
    /// Frames with an answer.
    pub processed: u64,
    /// Those of them on which outlines were moved without the model.
    pub moved: u64,
    /// Frames that a newer one replaced, that were left out for a lower rate, or that came while the picture was
    /// frozen.
    pub dropped: u64,
    /// Answers that came later than the deadline.
    pub deadline_misses: u64,
    /// Frames that the model could not process.
    pub failures: u64,
    /// Clients of the page.
    pub clients: u32,
    /// Clients that were too slow and were dropped.
    pub clients_dropped: u64,
    /// Frames written by the recording.
    pub recorded: u64,
    /// Frames that the recording was too slow for.
    pub record_dropped: u64,
}

impl Object {
    /// What is known of an object; `label` is its place on the page.
    pub(crate) fn new(object: &LiveObject, label: u8) -> Self {
        let measures = object.measures();
        let outline = |polygon: &Polygon| polygon.simplified(CONTOUR_TOLERANCE_PX).points;
        Self {
            id: object.id().0,
            label,
            name: object.name().to_string(),
            color: color(label).to_string(),
            state: object.state().name().to_string(),
            moved: object.is_moved(),
            prompts: object.prompts().iter().map(Prompt::from).collect(),
            contour: object.contour().iter().map(outline).collect(),
            area_px: measures.map(|m| m.area_px),
            area_mm2: measures.and_then(|m| m.area_mm2),
            longest_diameter_px: measures.and_then(|m| m.longest_diameter_px),
            longest_diameter_mm: measures.and_then(|m| m.longest_diameter_mm),
            perpendicular_diameter_mm: measures.and_then(|m| m.perpendicular_diameter_mm),
            median_area_px: measures.map(|m| m.median_area_px),
            predicted_iou: object.predicted_iou(),
        }
    }
}

impl From<&uniultra_live::LivePrompt> for Prompt {
    fn from(prompt: &uniultra_live::LivePrompt) -> Self {
        let shape = match prompt.kind {
            PromptKind::Point { x, y, label } => {
                Shape::Point { x, y, inside: label == PointLabel::Positive }
            }
            PromptKind::Box { x0, y0, x1, y1 } => Shape::Box { x0, y0, x1, y1 },
        };
        Self { frame: prompt.frame, shape }
    }
}

fn color(label: u8) -> &'static str {
    let place = usize::from(label).saturating_sub(1) % COLORS.len();
    COLORS.get(place).copied().unwrap_or_default()
}
