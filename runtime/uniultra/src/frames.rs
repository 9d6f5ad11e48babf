//! Frames, from `uniultra-core`.

/// A frame, from an image file or from samples in memory.
///
/// ```
/// use uniultra::{Frame, Pixels};
///
/// let file = std::fs::read("../../tests/fixtures/sample/frame.png")?;
/// let frame = Frame::decode(&file)?;
/// assert_eq!((frame.width(), frame.height()), (512, 400));
///
/// let black = Frame::new(640, 480, Pixels::Gray8(vec![0; 640 * 480]))?;
/// assert_eq!(black.gray(639, 479), Some(0.0));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::Frame;

/// Samples of a frame: gray or RGB, of 8 or 16 bit.
///
/// ```
/// use uniultra::Pixels;
///
/// assert_eq!(Pixels::Gray16(vec![0; 16 * 16]).channels(), 1);
/// assert_eq!(Pixels::Rgb8(vec![0; 16 * 16 * 3]).channels(), 3);
/// ```
#[doc(inline)]
pub use uniultra_core::Pixels;

/// The error behind an [`Error`](crate::Error) of kind `Frame`.
///
/// ```
/// use uniultra::{Frame, FrameError, Pixels};
///
/// let error = Frame::new(16, 16, Pixels::Gray8(vec![0; 100])).unwrap_err();
/// assert!(matches!(error, FrameError::Samples { expected: 256, found: 100, .. }));
/// ```
#[doc(inline)]
pub use uniultra_core::FrameError;

/// The largest side of a frame, in pixels.
///
/// ```
/// use uniultra::{Frame, MAX_SIDE_PX, Pixels};
///
/// let side = MAX_SIDE_PX + 1;
/// assert!(Frame::new(side, 16, Pixels::Gray8(vec![0; side * 16])).is_err());
/// ```
#[doc(inline)]
pub use uniultra_core::MAX_SIDE_PX;

/// The smallest side of a frame, in pixels.
///
/// ```
/// use uniultra::{Frame, MIN_SIDE_PX, Pixels};
///
/// let side = MIN_SIDE_PX - 1;
/// assert!(Frame::new(side, side, Pixels::Gray8(vec![0; side * side])).is_err());
/// ```
#[doc(inline)]
pub use uniultra_core::MIN_SIDE_PX;
