//! Errors of prompts.

use crate::MAX_POINTS;

/// Why prompts were refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// Too many objects for one call.
    #[error("objects: expected at most {max} at once, found {found}")]
    TooManyObjects {
        /// Most objects that a call takes.
        max: usize,
        /// Objects given.
        found: usize,
    },
    /// There is no prompt at all, so nothing selects an object.
    #[error("prompt: expected a point, a box or a mask, found none")]
    Empty,
    /// There are only negative points, so nothing selects an object.
    #[error("prompt: expected a positive point, a box or a mask, found only negative points")]
    OnlyNegative,
    /// More points than fit.
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
        /// The value found.
        found: f32,
    },
    /// The box has no area, or its corners are in the wrong order.
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
    /// The number of a mask prompt's logits does not match its side.
    #[error("prompt: mask: expected {side}x{side} logits, found {found} values")]
    MaskValues {
        /// The side given.
        side: usize,
        /// Number of values given.
        found: usize,
    },
    /// The mask prompt's size is not that of this model.
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
