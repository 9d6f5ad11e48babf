//! Predictions, masks, outlines and measures, from `uniultra-core`.

/// The answer to prompts: four masks, and the model's scores for them.
///
/// ```
/// use uniultra::{Frame, MaskChoice, PointLabel, Prompts, Segmenter};
///
/// let frame = Frame::decode(&std::fs::read("../../tests/fixtures/sample/frame.png")?)?;
/// let click = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive)?;
/// let prediction = Segmenter::embedded()?.encode(&frame)?.predict(&click)?;
///
/// let token = prediction.choose(MaskChoice::Single);
/// assert!(prediction.predicted_iou()[token.index()] > 0.8);
/// assert_eq!(prediction.mask(token).width(), 512);
/// assert!(!prediction.contour(token).is_empty());
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Prediction;

/// One of the four masks of a prediction.
///
/// ```
/// use uniultra::MaskToken;
///
/// assert_eq!(MaskToken::new(2), Some(MaskToken::MULTIMASK[1]));
/// assert_eq!(MaskToken::new(4), None);
/// ```
#[doc(inline)]
pub use uniultra_core::MaskToken;

/// The number of masks in a prediction.
///
/// ```
/// assert_eq!(uniultra::MaskToken::ALL.len(), uniultra::MASK_COUNT);
/// ```
#[doc(inline)]
pub use uniultra_core::MASK_COUNT;

/// How to choose a mask: whether the prompt is clear, or may mean a whole or a part.
///
/// ```
/// assert_eq!(uniultra::MaskChoice::default(), uniultra::MaskChoice::Single);
/// ```
#[doc(inline)]
pub use uniultra_core::MaskChoice;

/// The time that each stage of a prediction took.
///
/// ```
/// use uniultra::{Frame, Pixels, PointLabel, Prompts, Segmenter, Timings};
///
/// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
/// let click = Prompts::new().with_point(30.0, 20.0, PointLabel::Positive)?;
/// let Timings { encode_ms, decode_ms, .. } =
///     Segmenter::embedded()?.encode(&frame)?.predict(&click)?.timings();
/// assert!(encode_ms > 0.0 && decode_ms > 0.0);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Timings;

/// A mask of the frame's size, one byte for each pixel.
///
/// ```
/// use uniultra::{Mask, PixelBox};
///
/// let mask = Mask::from_binary(4, 3, vec![0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0])?;
/// assert_eq!(mask.area_px(), 3);
/// assert_eq!(mask.bounding_box(), Some(PixelBox { x0: 1, y0: 1, x1: 2, y1: 2 }));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Mask;

/// The error behind an [`Error`](crate::Error) about a mask's size.
///
/// ```
/// use uniultra::{Mask, MaskError};
///
/// let error = Mask::from_binary(4, 3, vec![0; 11]).unwrap_err();
/// assert!(matches!(error, MaskError::Values { expected: 12, found: 11, .. }));
/// ```
#[doc(inline)]
pub use uniultra_core::MaskError;

/// The bounding box of a mask. Both corners belong to it.
///
/// ```
/// use uniultra::{Mask, PixelBox};
///
/// let one = Mask::from_binary(3, 3, vec![0, 0, 0, 0, 1, 0, 0, 0, 0])?;
/// assert_eq!(one.bounding_box(), Some(PixelBox { x0: 1, y0: 1, x1: 1, y1: 1 }));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::PixelBox;

/// An outline to draw over the frame. [`Prediction::contour`] returns outlines, the largest first.
///
/// ```
/// use uniultra::Polygon;
///
/// let square =
///     Polygon { points: vec![[1.0, 1.0], [1.0, 5.0], [5.0, 5.0], [5.0, 1.0]], hole: false };
/// assert_eq!((square.area_px(), square.perimeter_px()), (16.0, 16.0));
/// ```
#[doc(inline)]
pub use uniultra_core::Polygon;

/// The sides of a pixel in millimetres.
///
/// ```
/// use uniultra::PixelSpacing;
///
/// let square = PixelSpacing::new(0.25)?;
/// assert_eq!(square.area_mm2(160.0), 10.0);
/// // 0.25 mm across and 0.5 mm down the frame.
/// let tall = PixelSpacing::with_sides(0.25, 0.5)?;
/// assert_eq!(tall.distance_mm([0.0, 0.0], [12.0, 8.0]), 5.0);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::PixelSpacing;

/// The error behind an [`Error`](crate::Error) about a pixel spacing.
///
/// ```
/// use uniultra::{PixelSpacing, SpacingError};
///
/// assert_eq!(PixelSpacing::new(-1.0), Err(SpacingError { found: -1.0 }));
/// ```
#[doc(inline)]
pub use uniultra_core::SpacingError;

/// The two diameters of an outline, for a report.
///
/// ```
/// use uniultra::{Diameters, Polygon, diameters};
///
/// let points = vec![[0.0, 0.0], [0.0, 3.0], [4.0, 3.0], [4.0, 0.0]];
/// let Diameters { longest, .. } =
///     diameters(&[Polygon { points, hole: false }]).expect("there is an outline");
/// assert_eq!(longest.length_px, 5.0);
/// ```
#[doc(inline)]
pub use uniultra_core::Diameters;

/// A caliper: two points and the distance between them.
///
/// ```
/// use uniultra::{PixelSpacing, Segment};
///
/// let caliper = Segment { from: [0.0, 0.0], to: [30.0, 40.0], length_px: 50.0 };
/// assert_eq!(caliper.length_mm(PixelSpacing::new(0.5)?), 25.0);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Segment;

/// Measures the largest outline where pixels are not square: [`diameters`](crate::diameters) finds
/// what is longest in pixels, this what is longest in millimetres.
///
/// ```
/// use uniultra::{PixelSpacing, Polygon, diameters_with_spacing};
///
/// let points = vec![[0.0, 0.0], [0.0, 3.0], [4.0, 3.0], [4.0, 0.0]];
/// let spacing = PixelSpacing::with_sides(0.25, 4.0)?;
/// let found = diameters_with_spacing(&[Polygon { points, hole: false }], spacing);
/// let longest = found.expect("there is an outline").longest;
/// assert!((longest.length_mm(spacing) - f32::hypot(1.0, 12.0)).abs() < 1e-5);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::diameters_with_spacing;

/// Measures the largest outline.
///
/// ```
/// use uniultra::{Polygon, diameters};
///
/// let points = vec![[0.0, 0.0], [0.0, 3.0], [4.0, 3.0], [4.0, 0.0]];
/// let found = diameters(&[Polygon { points, hole: false }]).expect("there is an outline");
/// assert!(found.perpendicular.length_px < found.longest.length_px);
/// assert_eq!(diameters(&[]), None);
/// ```
#[doc(inline)]
pub use uniultra_core::diameters;
