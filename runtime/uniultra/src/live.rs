//! Objects followed from frame to frame, from `uniultra-live`, with this crate's error type.

use crate::error::from_live_error;
use crate::{Error, Segmenter};
use uniultra_engine::TractNetwork;

/// A frame of a stream: its number, the time of its capture, the size of a pixel, the picture.
///
/// ```
/// use std::time::Duration;
/// use uniultra::{CapturedFrame, Frame, PixelSpacing, Pixels};
///
/// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
/// let spacing = Some(PixelSpacing::new(0.2)?);
/// let captured = CapturedFrame { number: 7, captured: Duration::from_millis(350), spacing, frame };
/// assert_eq!(captured.frame.width(), 64);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_live::CapturedFrame;

/// Where the newest frame waits between the thread of a source and that of a session. A newer frame replaces one
/// that nobody has taken.
///
/// ```
/// use std::time::Duration;
/// use uniultra::{CapturedFrame, Frame, FrameSlot, Pixels};
///
/// let slot = FrameSlot::new();
/// for number in 0..3 {
///     let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
///     slot.put(CapturedFrame { number, captured: Duration::ZERO, spacing: None, frame });
/// }
/// assert_eq!(slot.take(Duration::ZERO).map(|frame| frame.number), Some(2));
/// assert_eq!((slot.counts().received, slot.counts().dropped), (3, 2));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_live::FrameSlot;

/// What became of the frames of a source; see [`FrameSlot`].
///
/// ```
/// assert_eq!(uniultra::FrameSlot::new().counts(), uniultra::SlotCounts::default());
/// ```
#[doc(inline)]
pub use uniultra_live::SlotCounts;

/// An object of a session: its prompts, its state, and its mask, outline and size on the last frame.
///
/// ```
/// use uniultra::{LiveOptions, LiveSession, Segmenter};
///
/// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
/// let id = session.add_object("cyst")?;
/// assert_eq!(session.object(id).map(|object| object.name()), Some("cyst"));
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_live::LiveObject;

/// How sure it is where an object is.
///
/// ```
/// assert_eq!(uniultra::ObjectState::Lost.name(), "lost");
/// ```
#[doc(inline)]
pub use uniultra_live::ObjectState;

/// The number of an object, which no later object of the session gets.
///
/// ```
/// assert_eq!(uniultra::ObjectId(3).to_string(), "3");
/// ```
#[doc(inline)]
pub use uniultra_live::ObjectId;

/// A prompt, and the number of the frame that the user saw when giving it.
///
/// ```
/// use uniultra::{LivePrompt, PointLabel, PromptKind};
///
/// let kind = PromptKind::Point { x: 269.0, y: 279.0, label: PointLabel::Positive };
/// let tap = LivePrompt { frame: 12, kind };
/// assert_eq!(tap.frame, 12);
/// ```
#[doc(inline)]
pub use uniultra_live::LivePrompt;

/// What a prompt of a session says: a click, or a box.
///
/// ```
/// let corners = uniultra::PromptKind::Box { x0: 10.0, y0: 20.0, x1: 90.0, y1: 80.0 };
/// assert_ne!(corners, uniultra::PromptKind::Box { x0: 0.0, y0: 20.0, x1: 90.0, y1: 80.0 });
/// ```
#[doc(inline)]
pub use uniultra_live::PromptKind;

/// Limits of tracking.
///
/// ```
/// let mut options = uniultra::LiveOptions::default();
/// // Show an outline for at most half a second after the object was last recognised, at 20 frames a second.
/// options.uncertain_frames = 10;
/// ```
#[doc(inline)]
pub use uniultra_live::LiveOptions;

/// Size of an object on a frame, and the medians of the last frames.
///
/// ```
/// let measures = uniultra::Measures { area_px: 400, ..Default::default() };
/// assert_eq!(measures.area_mm2, None);
/// ```
#[doc(inline)]
pub use uniultra_live::Measures;

/// How well a session keeps up with its source.
///
/// ```
/// use std::time::Duration;
///
/// let mut stats = uniultra::LiveStats::default();
/// let [captured, shown] = [10, 70].map(Duration::from_millis);
/// stats.answered(captured, shown, Some(Duration::from_millis(50)));
/// assert_eq!((stats.processed, stats.deadline_misses), (1, 1));
/// assert_eq!(stats.ages().map(|ages| ages.p50_ms.round()), Some(60.0));
/// ```
#[doc(inline)]
pub use uniultra_live::Stats as LiveStats;

/// Ages of answers, capture to mask.
///
/// ```
/// assert_eq!(uniultra::Ages::default().p99_ms, 0.0);
/// ```
#[doc(inline)]
pub use uniultra_live::Ages;

/// Most objects of a session.
///
/// ```
/// assert_eq!(uniultra::MAX_LIVE_OBJECTS, 8);
/// ```
#[doc(inline)]
pub use uniultra_live::MAX_LIVE_OBJECTS;

/// A model that follows objects through a stream of frames, each from the prompts that it was given on any of
/// them.
///
/// ```
/// use std::time::Duration;
/// use uniultra::{
///     CapturedFrame, Frame, LiveOptions, LivePrompt, LiveSession, ObjectState, PointLabel, PromptKind, Segmenter,
/// };
///
/// let picture = Frame::decode(&std::fs::read("../../tests/fixtures/sample/frame.png")?)?;
/// let frame = |number: u64| CapturedFrame {
///     number,
///     captured: Duration::from_millis(50 * number),
///     spacing: None,
///     frame: picture.clone(),
/// };
/// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
/// session.process(&frame(0))?;
///
/// // A tap on frame 0 takes effect on frame 1, which may show something else by then.
/// let cyst = session.add_object("cyst")?;
/// let kind = PromptKind::Point { x: 269.0, y: 279.0, label: PointLabel::Positive };
/// session.prompt(cyst, LivePrompt { frame: 0, kind })?;
/// for number in 1..4 {
///     session.process(&frame(number))?;
///     let object = session.object(cyst).expect("it was added");
///     assert_eq!(object.state(), ObjectState::Tracking);
///     assert!(object.mask().is_some_and(|mask| mask.contains(269, 279)));
/// }
/// # Ok::<(), uniultra::Error>(())
/// ```
pub struct LiveSession(uniultra_live::LiveSession<TractNetwork>);

impl LiveSession {
    /// A session without objects. The segmenter may be used elsewhere, too.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, Segmenter};
    ///
    /// let session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// assert!(session.objects().is_empty());
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn new(segmenter: &Segmenter, options: LiveOptions) -> Self {
        Self(uniultra_live::LiveSession::new(segmenter.engine().clone(), options))
    }

    /// The objects, in the order in which they were added.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// session.add_object("left")?;
    /// session.add_object("right")?;
    /// let names: Vec<_> = session.objects().iter().map(|object| object.name()).collect();
    /// assert_eq!(names, ["left", "right"]);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn objects(&self) -> &[LiveObject] {
        self.0.objects()
    }

    /// One of them.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, ObjectId, Segmenter};
    ///
    /// let session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// assert!(session.object(ObjectId(1)).is_none());
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn object(&self, id: ObjectId) -> Option<&LiveObject> {
        self.0.object(id)
    }

    /// Adds an object, which waits for its first prompt.
    ///
    /// ```
    /// use uniultra::{ErrorKind, LiveOptions, LiveSession, MAX_LIVE_OBJECTS, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// for _ in 0..MAX_LIVE_OBJECTS {
    ///     session.add_object("cyst")?;
    /// }
    /// assert_eq!(session.add_object("one more").unwrap_err().kind(), ErrorKind::Prompt);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if there are [`MAX_LIVE_OBJECTS`].
    pub fn add_object(&mut self, name: &str) -> Result<ObjectId, Error> {
        self.0.add_object(name).map_err(from_live_error)
    }

    /// Removes an object.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// let id = session.add_object("cyst")?;
    /// session.remove_object(id)?;
    /// assert!(session.objects().is_empty());
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if the object was removed or never added.
    pub fn remove_object(&mut self, id: ObjectId) -> Result<(), Error> {
        self.0.remove_object(id).map_err(from_live_error)
    }

    /// Gives an object another name.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// let id = session.add_object("object 1")?;
    /// session.rename_object(id, "cyst")?;
    /// assert_eq!(session.object(id).map(|object| object.name()), Some("cyst"));
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if the object was removed or never added.
    pub fn rename_object(&mut self, id: ObjectId, name: &str) -> Result<(), Error> {
        self.0.rename_object(id, name).map_err(from_live_error)
    }

    /// Adds a prompt to an object. It takes effect on the next frame, moved there from its own.
    ///
    /// ```
    /// use uniultra::{ErrorKind, LiveOptions, LivePrompt, LiveSession, PromptKind, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// let id = session.add_object("cyst")?;
    /// let kind = PromptKind::Box { x0: 9.0, y0: 9.0, x1: 50.0, y1: 40.0 };
    /// // Frame 5 has not been processed.
    /// let error = session.prompt(id, LivePrompt { frame: 5, kind }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Prompt);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if no such object was added or no such frame processed, if the object
    /// has 31 prompts, if a coordinate is not finite or outside the picture, or if a box has no area.
    pub fn prompt(&mut self, id: ObjectId, prompt: LivePrompt) -> Result<(), Error> {
        self.0.prompt(id, prompt).map_err(from_live_error)
    }

    /// Takes the last prompt of an object back; whether there was one.
    ///
    /// ```
    /// use uniultra::{LiveOptions, LiveSession, Segmenter};
    ///
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// let id = session.add_object("cyst")?;
    /// assert!(!session.undo(id)?);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if the object was removed or never added.
    pub fn undo(&mut self, id: ObjectId) -> Result<bool, Error> {
        self.0.undo(id).map_err(from_live_error)
    }

    /// Follows every object to a new frame. Without objects, no network runs.
    ///
    /// ```
    /// use std::time::Duration;
    /// use uniultra::{
    ///     CapturedFrame, ErrorKind, Frame, LiveOptions, LiveSession, Pixels, Segmenter,
    /// };
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// let captured = CapturedFrame { number: 3, captured: Duration::ZERO, spacing: None, frame };
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// session.process(&captured)?;
    /// // Numbers must rise.
    /// assert_eq!(session.process(&captured).unwrap_err().kind(), ErrorKind::Frame);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Frame`](crate::ErrorKind) unless the frame's number is higher than the last;
    /// those of [`EncodedFrame::predict`](crate::EncodedFrame::predict).
    pub fn process(&mut self, captured: &CapturedFrame) -> Result<(), Error> {
        self.0.process(captured).map_err(from_live_error)
    }

    /// Answers prompts that were given on the last frame without waiting for the next one: for a picture that is
    /// frozen.
    ///
    /// ```
    /// use std::time::Duration;
    /// use uniultra::{CapturedFrame, Frame, LiveOptions, LiveSession, Pixels, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// let captured = CapturedFrame { number: 3, captured: Duration::ZERO, spacing: None, frame };
    /// let mut session = LiveSession::new(&Segmenter::embedded()?, LiveOptions::default());
    /// session.process(&captured)?;
    /// session.answer_prompts(&captured)?;
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Frame`](crate::ErrorKind) if another frame was processed last;
    /// those of [`EncodedFrame::predict`](crate::EncodedFrame::predict).
    pub fn answer_prompts(&mut self, captured: &CapturedFrame) -> Result<(), Error> {
        self.0.answer_prompts(captured).map_err(from_live_error)
    }
}
