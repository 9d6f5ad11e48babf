//! One error type for all calls, with a kind that tells what to do.

use std::error::Error as StdError;
use std::fmt;
use uniultra_core::{FrameError, MaskError, PromptError, SegmentError, SpacingError};
use uniultra_engine::EngineError;
use uniultra_live::LiveError;
use uniultra_manifest::ManifestError;

/// The cause of an [`Error`]: it tells what to do about it.
///
/// ```
/// use uniultra::{Error, ErrorKind, Frame};
///
/// let error = Error::from(Frame::decode(b"not an image").unwrap_err());
/// let advice = match error.kind() {
///     ErrorKind::Frame => "please choose another image",
///     ErrorKind::Prompt => "please click inside the picture",
///     _ => "this is not the user's fault",
/// };
/// assert_eq!(advice, "please choose another image");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The frame: not an image, damaged, or of an unsupported size or form.
    Frame,
    /// The prompts: none, too many, or unsuitable for this frame or model.
    Prompt,
    /// The model pack: missing, damaged or refused; or its networks returned NaN or infinity.
    Model,
    /// The [`EngineOptions`](crate::EngineOptions): more threads than allowed, or CPUs that this
    /// machine does not have.
    Options,
    /// An argument of a function, e.g. a pixel spacing of 0.
    Value,
    /// A file that cannot be read or written, or has the wrong content.
    File,
    /// The engine failed to run a network. Another frame may work.
    Engine,
}

/// Why a call failed. Every error of this crate converts into it, so `?` works everywhere.
///
/// The message says what was expected and what was found. [`source`](std::error::Error::source) has
/// the causes.
///
/// ```
/// use uniultra::{Error, ErrorKind, Frame, PointLabel, Prompts};
///
/// fn prepare(image: &[u8]) -> Result<(Frame, Prompts), Error> {
///     let frame = Frame::decode(image)?;
///     let prompts = Prompts::new().with_point(f32::NAN, 0.0, PointLabel::Positive)?;
///     Ok((frame, prompts))
/// }
///
/// let image = std::fs::read("../../tests/fixtures/sample/frame.png")?;
/// let error = prepare(&image).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Prompt);
/// assert_eq!(error.to_string(), "prompt: point: expected finite numbers, found NaN");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Error {
    kind: ErrorKind,
    // Boxed, so that a `Result` stays small and callers do not depend on the inner error.
    inner: Box<dyn StdError + Send + Sync>,
}

impl Error {
    fn new(kind: ErrorKind, inner: impl StdError + Send + Sync + 'static) -> Self {
        Self { kind, inner: Box::new(inner) }
    }

    /// The cause of the error.
    ///
    /// ```
    /// use uniultra::{ErrorKind, Segmenter};
    ///
    /// let error = Segmenter::open("no/such/folder").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Model);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind).field("inner", &self.inner).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl StdError for Error {
    // The message is that of the inner error, so the next cause is that of the inner error, too.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source()
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        Self::new(ErrorKind::Frame, error)
    }
}

impl From<PromptError> for Error {
    fn from(error: PromptError) -> Self {
        Self::new(ErrorKind::Prompt, error)
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        Self::new(ErrorKind::Model, error)
    }
}

impl From<MaskError> for Error {
    fn from(error: MaskError) -> Self {
        Self::new(ErrorKind::Value, error)
    }
}

impl From<SpacingError> for Error {
    fn from(error: SpacingError) -> Self {
        Self::new(ErrorKind::Value, error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::File, error)
    }
}

#[cfg(feature = "files")]
impl From<uniultra_sink::SinkError> for Error {
    fn from(error: uniultra_sink::SinkError) -> Self {
        Self::new(ErrorKind::File, error)
    }
}

// Not `From`, which would make the engine's error part of the interface.
pub(crate) fn from_segment_error(error: SegmentError<EngineError>) -> Error {
    match error {
        SegmentError::Open(error) => Error::new(kind_of_engine(&error), error),
        SegmentError::Prompt(error) => error.into(),
        SegmentError::NotFinite { .. } | SegmentError::Output { .. } => {
            Error::new(ErrorKind::Model, error)
        }
        other => Error::new(ErrorKind::Engine, other),
    }
}

pub(crate) fn from_live_error(error: LiveError<EngineError>) -> Error {
    match error {
        LiveError::Segment(error) => from_segment_error(error),
        LiveError::FrameOrder { .. } | LiveError::OtherFrame { .. } => {
            Error::new(ErrorKind::Frame, error)
        }
        other => Error::new(ErrorKind::Prompt, other),
    }
}

fn kind_of_engine(error: &EngineError) -> ErrorKind {
    match error {
        EngineError::Threads { .. } | EngineError::Pins(_) => ErrorKind::Options,
        EngineError::Run { .. } => ErrorKind::Engine,
        _ => ErrorKind::Model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::Stage;

    fn kind(error: SegmentError<EngineError>) -> ErrorKind {
        from_segment_error(error).kind()
    }

    #[test]
    fn each_failure_of_the_segmenter_has_its_kind() {
        let run = || EngineError::Run { network: "n", reason: "r".to_string() };
        let threads = EngineError::Threads { max: 16, found: 0, reason: String::new() };
        assert_eq!(kind(SegmentError::Open(threads)), ErrorKind::Options);
        assert_eq!(kind(SegmentError::Open(EngineError::Pins(String::new()))), ErrorKind::Options);
        let toml = ManifestError::Toml(String::new());
        assert_eq!(kind(SegmentError::Open(toml.into())), ErrorKind::Model);
        assert_eq!(kind(SegmentError::Prompt(PromptError::Empty)), ErrorKind::Prompt);
        let broken = SegmentError::NotFinite { tensor: "masks", found: f32::NAN };
        assert_eq!(kind(broken), ErrorKind::Model);
        let failed = SegmentError::Network { stage: Stage::Decode, source: run() };
        assert_eq!(kind(failed), ErrorKind::Engine);
    }

    #[test]
    fn causes_are_kept() {
        let read = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::from(ManifestError::Read { path: "model.toml".into(), source: read });
        assert_eq!(error.to_string(), "cannot read model.toml");
        assert!(error.source().is_some_and(|cause| cause.is::<std::io::Error>()));
    }
}
