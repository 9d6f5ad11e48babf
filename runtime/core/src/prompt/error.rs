//! What can be wrong with prompts.

use crate::MAX_POINTS;

/// Why prompts were refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// More objects at once than one call takes.
    #[error("objects: expected at most {max} at once, found {found}")]
    TooManyObjects {
        /// Most objects of a call.
        max: usize,
        /// Objects given.
        found: usize,
    },
    /// There is no prompt at all, so no object is meant.
    #[error("prompt: expected a point, a box or a mask, found none")]
    Empty,
    /// Negative points and nothing else, so no object is meant.
    #[error("prompt: expected a positive point, a box or a mask, found only negative points")]
    OnlyNegative,
    /// One point more than fits.
    #[error("prompt: expected at most {MAX_POINTS} points, found another")]
    TooManyPoints,
    /// A second box.
    #[error("prompt: expected at most one box, found a second")]
    SecondBox,
    /// A second mask prompt.
    #[error("prompt: expected at most one mask prompt, found a second")]
    SecondMask,
    /// A coordinate or logit is NaN or infinite.
    #[error("prompt: {what}: expected finite numbers, found {found}")]
    NotFinite {
        /// Which prompt.
        what: &'static str,
        /// The value.
        found: f32,
    },
    /// The box's corners coincide on an axis or are in the wrong order.
    #[error("prompt: box: expected x0 < x1 and y0 < y1, found {found:?}")]
    BoxCorners {
        /// `[x0, y0, x1, y1]`, in pixels.
        found: [f32; 4],
    },
    /// A coordinate lies outside the frame.
    #[error("prompt: {what}: expected inside the frame of {width}x{height} pixels, found {x},{y}")]
    Outside {
        /// Which prompt.
        what: &'static str,
        /// Column found, in pixels.
        x: f32,
        /// Row found, in pixels.
        y: f32,
        /// Width of the frame, in pixels.
        width: usize,
        /// Height of the frame, in pixels.
        height: usize,
    },
    /// A mask prompt's logits are not a square of the side it claims.
    #[error("prompt: mask: expected {side}x{side} logits, found {found} values")]
    MaskValues {
        /// The side claimed.
        side: usize,
        /// Number of values.
        found: usize,
    },
    /// A mask prompt of another model's size.
    #[error(
        "prompt: mask: expected {expected}x{expected} logits for this model, found {found}x{found}"
    )]
    MaskSide {
        /// The model's side, S/4.
        expected: usize,
        /// The prompt's side.
        found: usize,
    },
}
