//! Prompts, from `uniultra-core`.

/// The prompts that select an object: points, a box and an earlier mask, in any combination.
///
/// ```
/// use uniultra::{PointLabel, Prompts};
///
/// let lesion = Prompts::new()
///     .with_box(190.0, 208.0, 342.0, 347.0)?
///     .with_point(269.0, 279.0, PointLabel::Positive)?
///     .with_point(400.0, 100.0, PointLabel::Negative)?;
/// assert_eq!(lesion.points().len(), 2);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Prompts;

/// A click; [`Prompts::points`] lists them.
///
/// ```
/// use uniultra::{Point, PointLabel, Prompts};
///
/// let prompts = Prompts::new().with_point(9.0, 7.5, PointLabel::Negative)?;
/// assert_eq!(prompts.points(), [Point { x: 9.0, y: 7.5, label: PointLabel::Negative }]);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Point;

/// Whether a click lies on the object or outside it.
///
/// ```
/// use uniultra::{PointLabel, Prompts};
///
/// /// The left mouse button marks the object, the right one its surroundings.
/// fn label(left_button: bool) -> PointLabel {
///     if left_button { PointLabel::Positive } else { PointLabel::Negative }
/// }
/// assert_eq!(label(false), PointLabel::Negative);
/// ```
#[doc(inline)]
pub use uniultra_core::PointLabel;

/// An earlier answer as a prompt: from [`Prediction::as_mask_prompt`](crate::Prediction), a file,
/// or logits of your own.
///
/// ```
/// use uniultra::{MaskPrompt, Prompts};
///
/// // -10 background, 10 object, on the model's grid of 128 x 128.
/// let mut logits = vec![-10.0; 128 * 128];
/// logits[60 * 128..70 * 128].fill(10.0);
/// let prompts = Prompts::new().with_mask(MaskPrompt::new(logits, 128)?)?;
/// assert!(prompts.mask().is_some());
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::MaskPrompt;

/// The error behind an [`Error`](crate::Error) of kind `Prompt`.
///
/// ```
/// use uniultra::{PromptError, Prompts};
///
/// let error = Prompts::new().with_box(9.0, 9.0, 5.0, 5.0).unwrap_err();
/// assert_eq!(error, PromptError::BoxCorners { found: [9.0, 9.0, 5.0, 5.0] });
/// ```
#[doc(inline)]
pub use uniultra_core::PromptError;

/// The largest number of points for an object.
///
/// ```
/// use uniultra::{MAX_POINTS, PointLabel, PromptError, Prompts};
///
/// let mut prompts = Prompts::new();
/// for _ in 0..MAX_POINTS {
///     prompts = prompts.with_point(1.0, 1.0, PointLabel::Positive)?;
/// }
/// let error = prompts.with_point(1.0, 1.0, PointLabel::Positive).unwrap_err();
/// assert_eq!(error, PromptError::TooManyPoints);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::MAX_POINTS;

/// The largest number of objects in a call of
/// [`EncodedFrame::predict_all`](crate::EncodedFrame::predict_all).
///
/// ```
/// use uniultra::{MAX_OBJECTS, Prompts};
///
/// let clicked = vec![Prompts::new(); 40];
/// assert_eq!(clicked.chunks(MAX_OBJECTS).count(), 3);
/// ```
#[doc(inline)]
pub use uniultra_core::MAX_OBJECTS;
