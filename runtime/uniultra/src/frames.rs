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

/// How to decode an image file: the bits of a sample, and whether to turn it upright.
///
/// ```
/// use uniultra::{DecodeOptions, Frame};
///
/// // Binary PNM of 16 x 16 samples of 16 bits. All are 4095: white, if there are 12 bits in each.
/// let mut file = b"P5 16 16 65535\n".to_vec();
/// file.extend([0x0F, 0xFF].repeat(16 * 16));
///
/// let as_stored = Frame::decode_with(&file, &DecodeOptions::new())?;
/// assert_eq!(as_stored.low_peak, Some(4095));
///
/// let twelve = DecodeOptions::new().with_bit_depth(12)?;
/// let decoded = Frame::decode_with(&file, &twelve)?;
/// assert_eq!(decoded.frame.gray(0, 0), Some(1.0));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::DecodeOptions;

/// A frame, and what its file says beside its pixels. [`Frame::decode_with`] returns it.
///
/// ```
/// use uniultra::{DecodeOptions, Frame};
///
/// let file = std::fs::read("../../tests/fixtures/sample/frame.png")?;
/// let decoded = Frame::decode_with(&file, &DecodeOptions::new())?;
/// assert_eq!(decoded.orientation_applied, None);
/// assert!(!decoded.has_more_pages && decoded.low_peak.is_none());
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_core::DecodedFrame;

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
