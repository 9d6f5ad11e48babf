//! One image and prompt: what A and B made of it.

use crate::Sides;
use serde::Serialize;
use uniultra_core::{Mask, MetricError, dice};
use uniultra_evaluate::{Row, RunMask};

/// Both packs' answers to the same prompts.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Pair {
    /// The set.
    pub set: String,
    /// The image.
    pub stem: String,
    /// The prompt.
    pub prompt: String,
    /// Number of objects; 0 where the true mask is empty.
    pub objects: usize,
    /// Each pack against the truth.
    pub outcomes: Sides<Outcome>,
    /// Dice of the two packs' masks; 1 where both are empty.
    pub agreement: f32,
    /// The masks themselves, for the pictures.
    #[serde(skip)]
    pub masks: Sides<RunMask>,
}

/// One pack's mask against the truth. Figures are absent where the image has no object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Outcome {
    /// Area of the mask, in pixels.
    pub prediction_px: usize,
    /// Dice coefficient.
    pub dice: Option<f32>,
    /// Intersection over union.
    pub iou: Option<f32>,
    /// 95th percentile of the symmetric surface distance, in pixels.
    pub hd95_px: Option<f32>,
}

impl Pair {
    /// Puts two rows of one image and prompt together.
    pub(crate) fn compare(rows: &Sides<Row>, masks: &Sides<Mask>) -> Result<Self, MetricError> {
        let Row { set, stem, prompt, objects, .. } = &rows.a;
        Ok(Self {
            set: set.clone(),
            stem: stem.clone(),
            prompt: prompt.clone(),
            objects: *objects,
            outcomes: rows.map(|row| Outcome {
                prediction_px: row.prediction_px,
                dice: row.dice,
                iou: row.iou,
                hd95_px: row.hd95_px,
            }),
            agreement: dice(&masks.a, &masks.b)?,
            masks: masks.map(RunMask::from_mask),
        })
    }

    /// Dice of A less that of B: above 0 where B is worse.
    #[must_use]
    pub fn drop(&self) -> Option<f32> {
        Some(self.outcomes.a.dice? - self.outcomes.b.dice?)
    }
}
