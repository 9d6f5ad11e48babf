//! Logits of an earlier answer, used as a prompt.

use super::finite;
use crate::PromptError;

/// Logits of a mask on the model's grid, `[side, side]` with side = S/4; all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskPrompt {
    logits: Vec<f32>,
    side: usize,
}

impl MaskPrompt {
    /// A mask prompt from logits `[side, side]`. Whether `side` fits the model is checked when the
    /// prompt is used.
    ///
    /// # Errors
    /// [`PromptError::MaskValues`] if there are not `side * side` logits,
    /// [`PromptError::NotFinite`] if one is NaN or infinite.
    pub fn new(logits: Vec<f32>, side: usize) -> Result<Self, PromptError> {
        if side == 0 || side.checked_mul(side) != Some(logits.len()) {
            return Err(PromptError::MaskValues { side, found: logits.len() });
        }
        finite("mask", &logits)?;
        Ok(Self { logits, side })
    }

    /// A mask prompt from a square of finite logits, without checking them.
    pub(crate) fn from_finite(logits: Vec<f32>, side: usize) -> Self {
        Self { logits, side }
    }

    /// Logits `[side, side]`.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Side of the grid.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }
}
