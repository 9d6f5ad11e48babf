//! The decoder's answer. It stays at the model's resolution until the caller asks for a mask.

use crate::contour::outlines;
use crate::{
    DecoderOutput, MASK_COUNT, Mask, MaskChoice, MaskPrompt, MaskToken, Polygon, stability_score,
};

/// Least stability for which token 0 is the answer (SAM 2's `dynamic_multimask_stability_thresh`).
const STABILITY_THRESHOLD: f32 = 0.98;

/// Largest magnitude of a logit in a mask prompt (SAM 2's image predictor).
const MASK_PROMPT_LIMIT: f32 = 32.0;

/// Time of each stage that led to a prediction, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    /// Resizing and normalising the frame.
    pub preprocess_ms: f32,
    /// The image encoder.
    pub encode_ms: f32,
    /// The mask decoder.
    pub decode_ms: f32,
}

/// Four masks as logits, with the model's scores for them. Every number is finite.
#[derive(Clone, Debug)]
pub struct Prediction {
    logits: Vec<f32>,
    predicted_iou: [f32; MASK_COUNT],
    object_score: Option<f32>,
    side: usize,
    size: [usize; 2],
    timings: Timings,
}

impl Prediction {
    pub(crate) fn new(
        output: DecoderOutput,
        side: usize,
        size: [usize; 2],
        has_object_score: bool,
        timings: Timings,
    ) -> Self {
        let DecoderOutput { logits, predicted_iou, object_score_logit } = output;
        let object_score = has_object_score.then(|| 1.0 / (1.0 + (-object_score_logit).exp()));
        Self { logits, predicted_iou, object_score, side, size, timings }
    }

    /// Logits `[4, side, side]`, mask tokens 0 to 3, as the network returned them.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Logits `[side, side]` of one mask.
    #[must_use]
    pub fn logits_of(&self, token: MaskToken) -> &[f32] {
        let plane = self.side * self.side;
        self.logits.get(token.index() * plane..(token.index() + 1) * plane).unwrap_or_default()
    }

    /// Side of the grid of logits, S/4.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Width of the source frame and of every mask, in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.size[0]
    }

    /// Height of the source frame and of every mask, in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.size[1]
    }

    /// The model's estimate of each mask's IoU with the object, in 0..=1.
    #[must_use]
    pub fn predicted_iou(&self) -> [f32; MASK_COUNT] {
        self.predicted_iou
    }

    /// The model's probability that the object is there; `None` if the model does not compute it.
    #[must_use]
    pub fn object_score(&self) -> Option<f32> {
        self.object_score
    }

    /// Time of each stage.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// The token of the mask that `choice` picks.
    #[must_use]
    pub fn choose(&self, choice: MaskChoice) -> MaskToken {
        match choice {
            MaskChoice::Single if self.is_stable(MaskToken::SINGLE) => MaskToken::SINGLE,
            MaskChoice::Single | MaskChoice::Multimask => self.best_of_multimask(),
        }
    }

    fn is_stable(&self, token: MaskToken) -> bool {
        stability_score(self.logits_of(token)) >= STABILITY_THRESHOLD
    }

    fn best_of_multimask(&self) -> MaskToken {
        let score = |token: MaskToken| self.predicted_iou[token.index()];
        let [first, rest @ ..] = MaskToken::MULTIMASK;
        rest.into_iter()
            .fold(first, |best, next| if score(next) > score(best) { next } else { best })
    }

    /// The mask at the source frame's size: logits resized bilinearly, foreground above 0.
    #[must_use]
    pub fn mask(&self, token: MaskToken) -> Mask {
        Mask::from_logits(self.logits_of(token), self.side, self.size)
    }

    /// Outlines of the mask in pixels of the source frame, with sub-pixel precision; see
    /// [`contour`](crate::contour).
    #[must_use]
    pub fn contour(&self, token: MaskToken) -> Vec<Polygon> {
        outlines(self.logits_of(token), self.side, self.size)
    }

    /// The mask as a prompt for the next prediction. Its logits are clamped to -32..=32, as SAM 2's
    /// predictor does.
    #[must_use]
    pub fn as_mask_prompt(&self, token: MaskToken) -> MaskPrompt {
        let clamp = |logit: &f32| logit.clamp(-MASK_PROMPT_LIMIT, MASK_PROMPT_LIMIT);
        MaskPrompt::from_finite(self.logits_of(token).iter().map(clamp).collect(), self.side)
    }
}
