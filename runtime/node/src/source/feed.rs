//! What a source hands its frames to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use uniultra_core::{Frame, PixelSpacing};
use uniultra_live::{CapturedFrame, FrameSlot};

/// What a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceState {
    /// Frames come.
    Running,
    /// No frame has come yet, or the stream has stopped and may return.
    Waiting,
    /// No frame will come.
    Ended,
}

impl SourceState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// The state of a source, read by others.
#[derive(Debug)]
pub(crate) struct SourceStatus {
    state: AtomicU8,
    /// Streams and frames that could not be read.
    errors: AtomicU64,
}

impl SourceStatus {
    pub(crate) fn new() -> Self {
        let state = AtomicU8::new(SourceState::Waiting as u8);
        Self { state, errors: AtomicU64::new(0) }
    }

    pub(crate) fn state(&self) -> SourceState {
        let states = [SourceState::Running, SourceState::Waiting, SourceState::Ended];
        let stored = self.state.load(Ordering::Relaxed);
        states.into_iter().find(|state| *state as u8 == stored).unwrap_or(SourceState::Waiting)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, state: SourceState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }
}

/// Numbers frames, stamps them with the time, and puts them into the session's slot.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    slot: Arc<FrameSlot>,
    status: Arc<SourceStatus>,
    epoch: Instant,
    spacing: Option<PixelSpacing>,
    next: Arc<AtomicU64>,
    /// Every frame waits until the one before was taken.
    patient: bool,
}

impl Feed {
    /// A feed whose times count from `epoch`; `spacing` is that of frames whose source does not know it.
    pub(crate) fn new(
        slot: Arc<FrameSlot>,
        status: Arc<SourceStatus>,
        epoch: Instant,
        spacing: Option<PixelSpacing>,
    ) -> Self {
        Self { slot, status, epoch, spacing, next: Arc::new(AtomicU64::new(0)), patient: false }
    }

    /// The same; no frame replaces another.
    pub(crate) fn patiently(self) -> Self {
        Self { patient: true, ..self }
    }

    /// Whether no frame replaces another, so that nothing has to pace them.
    pub(crate) fn is_patient(&self) -> bool {
        self.patient
    }

    /// Time since the node started.
    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Hands over a frame captured just now.
    pub(crate) fn put(&self, frame: Frame, spacing: Option<PixelSpacing>) {
        self.put_with(frame, spacing, |_| ());
    }

    /// The same; `note` gets the frame's number before anybody can see the frame.
    pub(crate) fn put_with(
        &self,
        frame: Frame,
        spacing: Option<PixelSpacing>,
        note: impl FnOnce(u64),
    ) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        note(number);
        let spacing = spacing.or(self.spacing);
        self.status.set(SourceState::Running);
        if self.patient {
            self.slot.wait_until_taken();
        }
        self.slot.put(CapturedFrame { number, captured: self.now(), spacing, frame });
    }

    /// Notes what could not be read.
    pub(crate) fn error(&self, message: &str) {
        log::warn!("source: {message}");
        self.status.count_error();
    }

    /// The stream has stopped; another may follow.
    pub(crate) fn wait(&self) {
        self.status.set(SourceState::Waiting);
    }

    /// No frame will come.
    pub(crate) fn end(&self) {
        self.status.set(SourceState::Ended);
        self.slot.close();
    }
}
