//! The segmenter and its encoded frames, with this crate's error type.

use crate::error::from_segment_error;
use crate::{EngineOptions, Error, Frame, Manifest, Pack, Prediction, Prompts};
use std::path::Path;
use uniultra_engine::TractNetwork;

/// An opened model. `Segmenter::embedded()?.encode(&frame)?.predict(&prompts)?` is the whole way
/// from a frame to masks.
///
/// Cloning is cheap: clones, and the frames that they encode, share one copy of the networks, which
/// is freed with the last of them. Several threads may use a segmenter at once.
///
/// ```
/// use uniultra::{EncodedFrame, Frame, Pixels, PointLabel, Prompts, Segmenter};
///
/// /// A user interface keeps the model and the frame on the screen.
/// struct Viewer {
///     segmenter: Segmenter,
///     shown: Option<EncodedFrame>,
/// }
///
/// let mut viewer = Viewer { segmenter: Segmenter::embedded()?, shown: None };
/// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
/// viewer.shown = Some(viewer.segmenter.encode(&frame)?);
///
/// let click = Prompts::new().with_point(30.0, 20.0, PointLabel::Positive)?;
/// let encoded = viewer.shown.as_ref().expect("a frame was encoded");
/// let worker = std::thread::scope(|scope| scope.spawn(|| encoded.predict(&click)).join());
/// assert_eq!(worker.expect("the thread ends")?.width(), 64);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Segmenter(uniultra_engine::Segmenter);

/// A frame after the image encoder. It borrows nothing, and each prediction from it costs one run
/// of the mask decoder.
///
/// ```
/// use uniultra::{EncodedFrame, Frame, Pixels, PointLabel, Prompts, Segmenter};
///
/// fn encode(frame: &Frame) -> Result<EncodedFrame, uniultra::Error> {
///     Segmenter::embedded()?.encode(frame)
/// }
///
/// // The segmenter is gone, but its model lives as long as the frame.
/// let encoded = encode(&Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?)?;
/// let click = Prompts::new().with_point(30.0, 20.0, PointLabel::Positive)?;
/// assert_eq!(encoded.predict(&click)?.height(), 48);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EncodedFrame(uniultra_core::EncodedFrame<TractNetwork>);

/// Compiles only if both types can move between threads and be kept in one structure, as user
/// interfaces need.
const _: () = {
    const fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Segmenter>();
    shared::<EncodedFrame>();
    const fn sent<T: Send + Sync + 'static>() {}
    sent::<Error>();
    sent::<Prediction>();
};

impl Segmenter {
    pub(crate) fn engine(&self) -> &uniultra_engine::Segmenter {
        &self.0
    }

    /// Opens the model compiled into this program, with default options.
    ///
    /// ```
    /// let segmenter = uniultra::Segmenter::embedded()?;
    /// assert_eq!(segmenter.manifest().model.id, "uniultra-mini-int8");
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::ErrorKind) if the pack was damaged when the program was built.
    #[cfg(feature = "embedded-model")]
    pub fn embedded() -> Result<Self, Error> {
        Self::from_pack(&crate::embedded_pack()?, &EngineOptions::default())
    }

    /// Opens the pack in a folder, with default options.
    ///
    /// ```
    /// use uniultra::Segmenter;
    ///
    /// let segmenter = Segmenter::open("../../models/uniultra-mini-int8")?;
    /// assert_eq!(segmenter.manifest().model.image_size, 512);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::ErrorKind) if a file cannot be read or is refused.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(folder, &EngineOptions::default())
    }

    /// Opens the pack in a folder.
    ///
    /// ```
    /// use uniultra::{EngineOptions, Segmenter};
    ///
    /// let options = EngineOptions::new().with_threads(2);
    /// let segmenter = Segmenter::open_with("../../models/uniultra-mini-int8", &options)?;
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`ErrorKind::Options`](crate::ErrorKind) if there are too
    /// many threads or they cannot be bound to those CPUs.
    pub fn open_with(folder: impl AsRef<Path>, options: &EngineOptions) -> Result<Self, Error> {
        Self::from_pack(&Pack::open(folder.as_ref())?, options)
    }

    /// Opens a pack, for example one in memory; see [`Pack::from_bytes`].
    ///
    /// ```
    /// use uniultra::{EngineOptions, Pack, Segmenter};
    ///
    /// let folder = "../../models/uniultra-mini-int8";
    /// let file = |name: &str| std::fs::read(format!("{folder}/{name}"));
    /// let (encoder, decoder) = (file("image_encoder.onnx")?, file("mask_decoder.onnx")?);
    /// let pack = Pack::from_bytes(&file("model.toml")?, encoder, decoder)?;
    /// let segmenter = Segmenter::from_pack(&pack, &EngineOptions::new())?;
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn from_pack(pack: &Pack, options: &EngineOptions) -> Result<Self, Error> {
        uniultra_engine::open_pack(pack, options).map(Self).map_err(from_segment_error)
    }

    /// The manifest of the model's pack.
    ///
    /// ```
    /// let segmenter = uniultra::Segmenter::embedded()?;
    /// assert!(segmenter.manifest().provenance.intended_use.contains("not a medical device"));
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    /// Side of the square grid of logits, a quarter of the model's input side. A
    /// [`MaskPrompt`](crate::MaskPrompt) must have this side.
    ///
    /// ```
    /// assert_eq!(uniultra::Segmenter::embedded()?.mask_side(), 128);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn mask_side(&self) -> usize {
        self.0.mask_side()
    }

    /// Runs the image encoder on a frame. You may keep several results at once.
    ///
    /// ```
    /// use uniultra::{Frame, Segmenter};
    ///
    /// let frame = Frame::decode(&std::fs::read("../../tests/fixtures/sample/frame.png")?)?;
    /// let encoded = Segmenter::embedded()?.encode(&frame)?;
    /// assert_eq!((encoded.width(), encoded.height()), (512, 400));
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Engine`](crate::ErrorKind) if the engine fails.
    pub fn encode(&self, frame: &Frame) -> Result<EncodedFrame, Error> {
        self.0.encode(frame).map(EncodedFrame).map_err(from_segment_error)
    }
}

impl EncodedFrame {
    /// Width of the source frame, in pixels.
    ///
    /// ```
    /// use uniultra::{Frame, Pixels, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// assert_eq!(Segmenter::embedded()?.encode(&frame)?.width(), 64);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Height of the source frame, in pixels.
    ///
    /// ```
    /// use uniultra::{Frame, Pixels, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// assert_eq!(Segmenter::embedded()?.encode(&frame)?.height(), 48);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn height(&self) -> usize {
        self.0.height()
    }

    /// Runs the mask decoder on prompts in pixels of the source frame.
    ///
    /// ```
    /// use uniultra::{Frame, MaskChoice, PointLabel, Prompts, Segmenter};
    ///
    /// let frame = Frame::decode(&std::fs::read("../../tests/fixtures/sample/frame.png")?)?;
    /// let encoded = Segmenter::embedded()?.encode(&frame)?;
    /// let click = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive)?;
    /// let prediction = encoded.predict(&click)?;
    /// let mask = prediction.mask(prediction.choose(MaskChoice::Single));
    /// assert!(mask.contains(269, 279) && !mask.contains(20, 20));
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if the prompts do not fit the frame or the model,
    /// [`ErrorKind::Engine`](crate::ErrorKind) if the engine fails,
    /// [`ErrorKind::Model`](crate::ErrorKind) if the network returns NaN or infinity.
    pub fn predict(&self, prompts: &Prompts) -> Result<Prediction, Error> {
        self.0.predict(prompts).map_err(from_segment_error)
    }

    /// Predicts up to [`MAX_OBJECTS`](crate::MAX_OBJECTS) objects of the frame at once, each from
    /// its own prompts. The segmenter's threads share the work. Each answer has the same bits as
    /// that of [`predict`](Self::predict).
    ///
    /// ```
    /// use uniultra::{Frame, Pixels, PointLabel, PromptError, Prompts, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// let encoded = Segmenter::embedded()?.encode(&frame)?;
    /// let click = |x| Prompts::new().with_point(x, 20.0, PointLabel::Positive);
    /// let clicks = [8.0, 24.0, 40.0].map(click).into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let together = encoded.predict_all(&clicks)?;
    /// assert_eq!(together[1].logits(), encoded.predict(&clicks[1])?.logits());
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first error of [`predict`](Self::predict) for any object;
    /// [`ErrorKind::Prompt`](crate::ErrorKind) if there are too many objects.
    pub fn predict_all(&self, objects: &[Prompts]) -> Result<Vec<Prediction>, Error> {
        self.0.predict_all(objects).map_err(from_segment_error)
    }

    /// Time that resizing and normalising the frame took, in milliseconds.
    ///
    /// ```
    /// use uniultra::{Frame, Pixels, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// assert!(Segmenter::embedded()?.encode(&frame)?.preprocess_ms() > 0.0);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn preprocess_ms(&self) -> f32 {
        self.0.preprocess_ms()
    }

    /// Time that the image encoder took, in milliseconds.
    ///
    /// ```
    /// use uniultra::{Frame, Pixels, Segmenter};
    ///
    /// let frame = Frame::new(64, 48, Pixels::Gray8(vec![40; 64 * 48]))?;
    /// assert!(Segmenter::embedded()?.encode(&frame)?.encode_ms() > 0.0);
    /// # Ok::<(), uniultra::Error>(())
    /// ```
    #[must_use]
    pub fn encode_ms(&self) -> f32 {
        self.0.encode_ms()
    }
}
