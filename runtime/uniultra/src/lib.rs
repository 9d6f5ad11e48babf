//! Promptable segmentation of ultrasound frames: click a structure, get its mask. This is the only
//! crate that an application imports.
//!
//! ```
//! use uniultra::{Error, Frame, Mask, MaskChoice, PointLabel, Prompts, Segmenter};
//!
//! fn segment(image: &[u8]) -> Result<Mask, Error> {
//!     let frame = Frame::decode(image)?;
//!     let prompts = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive)?;
//!     let prediction = Segmenter::embedded()?.encode(&frame)?.predict(&prompts)?;
//!     Ok(prediction.mask(prediction.choose(MaskChoice::Single)))
//! }
//! # let image = std::fs::read("../../tests/fixtures/sample/frame.png")?;
//! # assert!(segment(&image)?.area_px() > 10_000);
//! # Ok::<(), Error>(())
//! ```
//!
//! 1. A [`Segmenter`] is an opened model. Open it once and keep it; clones share it.
//! 2. [`Segmenter::encode`] runs the image encoder on a [`Frame`], which takes most of the time.
//!    The [`EncodedFrame`] borrows nothing. Keep it while the frame is on the screen.
//! 3. [`EncodedFrame::predict`] runs the mask decoder on [`Prompts`], once for each click.
//! 4. The [`Prediction`] has four masks. [`Prediction::choose`] picks the answer;
//!    [`Prediction::mask`] and [`Prediction::contour`] return it at the frame's size.
//!
//! A [`LiveSession`] follows objects through a stream of frames.
//!
//! Coordinates are pixels of the source frame, x to the right, y down; the centre of the top left
//! pixel is (0, 0). All errors convert into [`Error`], whose
//! [`kind`](Error::kind) tells what to do. This crate never panics or prints.
//!
//! # Features
//!
//! - `embedded-model` (default): compiles the default model into the program. See `embedded_pack`.
//! - `files` (default): writes masks, overlays and logits as files, each complete or not at all.
//! - `tract-threads`: lets tract's own operations use the segmenter's threads, too. This hardly
//!   matters for the shipped models and makes a program larger.
//!
//! This is research software and not a medical device.

#[cfg(feature = "embedded-model")]
mod embedded;
mod error;
#[cfg(feature = "files")]
mod files;
mod frames;
mod live;
mod masks;
mod models;
mod prompts;
mod segmenter;

#[cfg(feature = "embedded-model")]
pub use embedded::embedded_pack;
pub use error::{Error, ErrorKind};
#[cfg(feature = "files")]
pub use files::{
    Alternative, Overlay, SinkError, read_mask_prompt, write_logits, write_mask_png,
    write_overlay_png,
};
pub use frames::{
    DecodeOptions, DecodedFrame, Frame, FrameError, MAX_SIDE_PX, MIN_SIDE_PX, Pixels,
};
pub use live::{
    Ages, CapturedFrame, FrameSlot, LiveObject, LiveOptions, LivePrompt, LiveSession, LiveStats,
    MAX_LIVE_OBJECTS, Measures, ObjectId, ObjectState, PromptKind, SlotCounts,
};
pub use masks::{
    Diameters, MASK_COUNT, Mask, MaskChoice, MaskError, MaskToken, PixelBox, PixelSpacing, Polygon,
    Prediction, Segment, SpacingError, Timings, diameters, diameters_with_spacing,
};
pub use models::{EngineOptions, MAX_THREADS, Manifest, ManifestError, Pack};
pub use prompts::{MAX_OBJECTS, MAX_POINTS, MaskPrompt, Point, PointLabel, PromptError, Prompts};
pub use segmenter::{EncodedFrame, Segmenter};
