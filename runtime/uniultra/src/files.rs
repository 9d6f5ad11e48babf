//! Writes results as files; from `uniultra-sink`.

/// Writes a mask as a gray PNG.
///
/// ```
/// use uniultra::{Mask, write_mask_png};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("mask.png");
/// write_mask_png(&file, &Mask::from_binary(2, 2, vec![0, 1, 1, 1])?)?;
/// assert!(std::fs::read(&file)?.starts_with(b"\x89PNG"));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_sink::write_mask_png;

/// Writes a picture for people: the frame with the mask, the prompts, and a legend.
///
/// ```
/// use uniultra::{
///     Frame, MaskChoice, Overlay, PointLabel, Prompts, Segmenter, diameters, write_overlay_png,
/// };
///
/// let frame = Frame::decode(&std::fs::read("../../tests/fixtures/sample/frame.png")?)?;
/// let click = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive)?;
/// let prediction = Segmenter::embedded()?.encode(&frame)?.predict(&click)?;
/// let token = prediction.choose(MaskChoice::Single);
/// let (outlines, area_px) = (prediction.contour(token), prediction.mask(token).area_px());
/// let found = diameters(&outlines);
/// let overlay = Overlay::new("uniultra-mini-int8", &frame, &click)
///     .with_answer(&outlines, area_px, prediction.predicted_iou()[token.index()])
///     .with_diameters(found.as_ref());
///
/// let folder = tempfile::tempdir()?;
/// write_overlay_png(&folder.path().join("overlay.png"), &overlay)?;
/// # assert!(folder.path().join("overlay.png").is_file());
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_sink::write_overlay_png;

/// The content of the picture that [`write_overlay_png`] writes.
///
/// ```
/// use uniultra::{Frame, Overlay, PixelSpacing, Pixels, Prompts};
///
/// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
/// let prompts = Prompts::new().with_box(8.0, 8.0, 40.0, 30.0)?;
/// let overlay = Overlay::new("a model", &frame, &prompts)
///     .with_spacing(Some(PixelSpacing::new(0.12)?));
/// assert_eq!(overlay.area_px, 0);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_sink::Overlay;

/// A mask that was not chosen, for [`Overlay::with_alternatives`].
///
/// ```
/// use uniultra::{Alternative, MaskToken, Polygon};
///
/// let points = vec![[0.0, 0.0], [0.0, 3.0], [4.0, 3.0], [4.0, 0.0]];
/// let part =
///     Alternative::new(MaskToken::MULTIMASK[0], 0.7, vec![Polygon { points, hole: false }]);
/// assert_eq!(part.token.index(), 1);
/// ```
#[doc(inline)]
pub use uniultra_sink::Alternative;

/// Writes the four masks' logits as a `.npy` array.
///
/// ```
/// use uniultra::{
///     Frame, Pixels, PointLabel, Prompts, Segmenter, read_mask_prompt, write_logits,
/// };
///
/// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
/// let click = Prompts::new().with_point(30.0, 20.0, PointLabel::Positive)?;
/// let encoded = Segmenter::embedded()?.encode(&frame)?;
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("logits.npy");
/// write_logits(&file, &encoded.predict(&click)?)?;
///
/// let refined = click.with_mask(read_mask_prompt(&file, Some(0))?)?;
/// encoded.predict(&refined)?;
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_sink::write_logits;

/// Reads a mask prompt from a file that [`write_logits`] wrote.
///
/// ```
/// use uniultra::{Error, ErrorKind, read_mask_prompt};
///
/// let error = Error::from(read_mask_prompt("absent.npy".as_ref(), None).unwrap_err());
/// assert_eq!(error.kind(), ErrorKind::File);
/// ```
#[doc(inline)]
pub use uniultra_sink::read_mask_prompt;

/// The error behind an [`Error`](crate::Error) about a file.
///
/// ```
/// use uniultra::{Mask, SinkError, write_mask_png};
///
/// let mask = Mask::from_binary(2, 2, vec![0, 1, 1, 1])?;
/// let error = write_mask_png("no/such/folder/mask.png".as_ref(), &mask).unwrap_err();
/// assert!(matches!(error, SinkError::Write { .. }));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_sink::SinkError;
