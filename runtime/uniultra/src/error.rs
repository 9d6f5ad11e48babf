//! One error for everything that can fail, with a kind to decide by.

use std::error::Error as StdError;
use std::fmt;
use uniultra_core::{FrameError, MaskError, PromptError, SegmentError, SpacingError};
use uniultra_engine::EngineError;
use uniultra_manifest::ManifestError;

/// What an [`Error`] is about, so what can be done against it.
///
/// ```
/// use uniultra::{Error, ErrorKind, Frame};
///
/// let error = Error::from(Frame::decode(b"not an image").unwrap_err());
/// let advice = match error.kind() {
///     ErrorKind::Frame => "another image, please",
///     ErrorKind::Prompt => "click inside the picture, please",
///     _ => "this is not the user's fault",
/// };
/// assert_eq!(advice, "another image, please");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The frame: not an image, damaged, or of a size or form that is not read.
    Frame,
    /// The prompts: none, too many, or not for this frame or model.
    Prompt,
    /// The model pack: absent, damaged, or refused; or its networks returned NaN or infinity.
    Model,
    /// The [`EngineOptions`](crate::EngineOptions): threads or CPUs that this machine does not have.
    Options,
    /// A number or a size given to a function, e.g. a pixel spacing of 0.
    Value,
    /// A file could not be read or written, or is not what its name says.
    File,
    /// The engine failed while it ran a network. Another frame may work.
    Engine,
}

/// Why a call failed: every error of this crate's functions converts into it, so that `?` works.
///
/// The message says what was expected and what was found. Causes are in
/// [`source`](std::error::Error::source).
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
    // Boxed: a `Result` stays small, and callers do not depend on what is inside.
    inner: Box<dyn StdError + Send + Sync>,
}

impl Error {
    fn new(kind: ErrorKind, inner: impl StdError + Send + Sync + 'static) -> Self {
        Self { kind, inner: Box::new(inner) }
    }

    /// What the error is about.
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
    // The message is the inner error's own, so the next cause is the inner error's, too.
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

// Not `From`: callers do not depend on the engine's error.
pub(crate) fn of_segmenter(error: SegmentError<EngineError>) -> Error {
    match error {
        SegmentError::Open(error) => Error::new(kind_of_engine(&error), error),
        SegmentError::Prompt(error) => error.into(),
        SegmentError::NotFinite { .. } | SegmentError::Output { .. } => {
            Error::new(ErrorKind::Model, error)
        }
        other => Error::new(ErrorKind::Engine, other),
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
        of_segmenter(error).kind()
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
