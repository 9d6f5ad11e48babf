//! Prompts for one object, in pixels of the source frame.

mod decoder_input;
mod error;
mod mask_prompt;

pub use decoder_input::{DecoderInput, MAX_TOKENS};
pub use error::PromptError;
pub use mask_prompt::MaskPrompt;

/// Most points that one prompt may hold.
pub const MAX_POINTS: usize = 32;

/// What a point says about the pixel under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointLabel {
    /// The pixel does not belong to the object.
    Negative,
    /// The pixel belongs to the object.
    Positive,
}

/// A click.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Column in pixels of the source frame; centres of pixels are whole numbers.
    pub x: f32,
    /// Row in pixels of the source frame.
    pub y: f32,
    /// Whether the pixel belongs to the object.
    pub label: PointLabel,
}

/// The prompts that select an object: up to [`MAX_POINTS`] points, one box and one mask.
///
/// ```
/// use uniultra_core::{PointLabel, PromptError, Prompts};
///
/// fn lesion() -> Result<Prompts, PromptError> {
///     Prompts::new()
///         .with_box(120.0, 80.0, 310.0, 240.0)?
///         .with_point(200.0, 150.0, PointLabel::Positive)
/// }
/// # assert!(lesion().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    points: heapless::Vec<Point, MAX_POINTS>,
    bounding_box: Option<[f32; 4]>,
    mask: Option<MaskPrompt>,
}

impl Prompts {
    /// An empty set of prompts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a click at column `x` and row `y`, in pixels.
    ///
    /// # Errors
    /// [`PromptError::TooManyPoints`] if there are [`MAX_POINTS`] already,
    /// [`PromptError::NotFinite`] if a coordinate is NaN or infinite.
    pub fn with_point(mut self, x: f32, y: f32, label: PointLabel) -> Result<Self, PromptError> {
        finite("point", &[x, y])?;
        match self.points.push(Point { x, y, label }) {
            Ok(()) => Ok(self),
            Err(_) => Err(PromptError::TooManyPoints),
        }
    }

    /// Sets the box with corners (`x0`, `y0`) top left and (`x1`, `y1`) bottom right, in pixels.
    ///
    /// # Errors
    /// [`PromptError::SecondBox`] if there is a box already, [`PromptError::NotFinite`] if a
    /// coordinate is NaN or infinite, [`PromptError::BoxCorners`] unless `x0 < x1` and `y0 < y1`.
    pub fn with_box(mut self, x0: f32, y0: f32, x1: f32, y1: f32) -> Result<Self, PromptError> {
        let corners = [x0, y0, x1, y1];
        finite("box", &corners)?;
        if x0 >= x1 || y0 >= y1 {
            return Err(PromptError::BoxCorners { found: corners });
        }
        if self.bounding_box.replace(corners).is_some() {
            return Err(PromptError::SecondBox);
        }
        Ok(self)
    }

    /// Sets the mask prompt, usually the logits of an earlier prediction.
    ///
    /// # Errors
    /// [`PromptError::SecondMask`] if there is one already.
    pub fn with_mask(mut self, mask: MaskPrompt) -> Result<Self, PromptError> {
        if self.mask.replace(mask).is_some() {
            return Err(PromptError::SecondMask);
        }
        Ok(self)
    }

    /// The points, in the order they were given.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The box as `[x0, y0, x1, y1]`, in pixels.
    #[must_use]
    pub fn bounding_box(&self) -> Option<[f32; 4]> {
        self.bounding_box
    }

    /// The mask prompt.
    #[must_use]
    pub fn mask(&self) -> Option<&MaskPrompt> {
        self.mask.as_ref()
    }

    /// Whether there is no prompt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.bounding_box.is_none() && self.mask.is_none()
    }

    /// Checks the prompts against a frame of `width` x `height` pixels and a model whose logits
    /// are `mask_side` x `mask_side`.
    ///
    /// Coordinates may be 0 to `width` (or `height`). The far border is included, because the edge
    /// of a box may lie on it.
    ///
    /// # Errors
    /// [`PromptError::Empty`], [`PromptError::OnlyNegative`], [`PromptError::Outside`] or
    /// [`PromptError::MaskSide`].
    pub fn validate(
        &self,
        width: usize,
        height: usize,
        mask_side: usize,
    ) -> Result<(), PromptError> {
        if self.is_empty() {
            return Err(PromptError::Empty);
        }
        let positive = self.points.iter().any(|point| point.label == PointLabel::Positive);
        if !positive && self.bounding_box.is_none() && self.mask.is_none() {
            return Err(PromptError::OnlyNegative);
        }
        let inside = |what, x: f32, y: f32| {
            if (0.0..=width as f32).contains(&x) && (0.0..=height as f32).contains(&y) {
                Ok(())
            } else {
                Err(PromptError::Outside { what, x, y, width, height })
            }
        };
        for point in &self.points {
            inside("point", point.x, point.y)?;
        }
        if let Some([x0, y0, x1, y1]) = self.bounding_box {
            inside("box corner", x0, y0)?;
            inside("box corner", x1, y1)?;
        }
        match &self.mask {
            Some(mask) if mask.side() != mask_side => {
                Err(PromptError::MaskSide { expected: mask_side, found: mask.side() })
            }
            _ => Ok(()),
        }
    }
}

fn finite(what: &'static str, values: &[f32]) -> Result<(), PromptError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&found) => Err(PromptError::NotFinite { what, found }),
        None => Ok(()),
    }
}
