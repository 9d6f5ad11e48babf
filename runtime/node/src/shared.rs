//! Counters that threads of the node share.

use crate::source::SourceStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a recording is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    Off,
    Running,
    /// A file could not be written, and nothing more is recorded.
    Failed,
}

impl Recording {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }
}

/// Counters, and the wish to stop.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Times count from here.
    pub(crate) epoch: Instant,
    pub(crate) source: Arc<SourceStatus>,
    pub(crate) clients: AtomicU32,
    pub(crate) clients_dropped: AtomicU64,
    /// Requests with a wrong token.
    pub(crate) wrong_tokens: AtomicU64,
    pub(crate) recorded: AtomicU64,
    pub(crate) record_dropped: AtomicU64,
    recording: AtomicU8,
    stop: Arc<AtomicBool>,
    /// When the session last gave a sign of life, in milliseconds.
    alive_ms: AtomicU64,
}

impl Shared {
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            epoch: Instant::now(),
            source: Arc::new(SourceStatus::new()),
            clients: AtomicU32::new(0),
            clients_dropped: AtomicU64::new(0),
            wrong_tokens: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
            record_dropped: AtomicU64::new(0),
            recording: AtomicU8::new(Recording::Off as u8),
            stop,
            alive_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn recording(&self) -> Recording {
        let states = [Recording::Off, Recording::Running, Recording::Failed];
        let stored = self.recording.load(Ordering::Relaxed);
        states.into_iter().find(|state| *state as u8 == stored).unwrap_or(Recording::Off)
    }

    pub(crate) fn set_recording(&self, state: Recording) {
        self.recording.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The session is at work.
    pub(crate) fn alive(&self) {
        let ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.alive_ms.store(ms, Ordering::Relaxed);
    }

    /// How long the session has given no sign of life.
    pub(crate) fn silent(&self) -> Duration {
        let alive = Duration::from_millis(self.alive_ms.load(Ordering::Relaxed));
        self.epoch.elapsed().saturating_sub(alive)
    }
}
