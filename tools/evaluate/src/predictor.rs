//! What the protocol asks of a model; real ones are packs, tests bring fakes.

use crate::ImageError;
use serde::{Deserialize, Serialize};
use uniultra_core::{Frame, Mask, MaskPrompt, Prompts};
use uniultra_schema::ModelIdentity;

/// A model in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ModelInfo {
    /// Name in tables: the id, and some of the encoder's hash where two models share one.
    pub label: String,
    /// Whether the model says if an object is there.
    pub object_score: bool,
    /// Its names and hashes. The folder is left out, so that parts of a run made on several machines can be merged.
    #[serde(flatten)]
    pub identity: ModelIdentity,
}

/// A model under evaluation.
pub trait Predictor: Sync {
    /// Who it is.
    fn info(&self) -> &ModelInfo;

    /// Runs the image encoder, once for all prompts of the frame.
    ///
    /// # Errors
    /// [`ImageError`] if the model cannot.
    fn encode<'a>(&'a self, frame: &'a Frame) -> Result<Box<dyn Encoded + 'a>, ImageError>;
}

/// A frame after the image encoder.
pub trait Encoded {
    /// The answer to prompts in pixels of the frame.
    ///
    /// # Errors
    /// [`ImageError`] if the model cannot.
    fn predict(&self, prompts: &Prompts) -> Result<Answer, ImageError>;

    /// The encoder's `image_embed`, row-major; `None` for a model that has none to show.
    fn image_embed(&self) -> Option<&[f32]> {
        None
    }
}

/// A mask at the model's resolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `[side, side]`, row-major; above 0 is object.
    pub values: Vec<f32>,
    /// Side of the grid, S/4.
    pub side: usize,
}

/// A model's answer to one prompt.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The mask, at the frame's size.
    pub mask: Mask,
    /// Its logits, as the mask prompt of the next click.
    pub mask_prompt: Option<MaskPrompt>,
    /// Its logits as the network returned them; `None` for a model that has none to show.
    pub logits: Option<Logits>,
    /// The model's estimate of the mask's IoU with the object, in 0..=1; `None` likewise.
    pub predicted_iou: Option<f32>,
    /// Probability that the object is there; `None` for a model that does not say.
    pub object_score: Option<f32>,
}
