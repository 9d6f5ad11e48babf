//! Counters that threads of the node share.

use crate::source::SourceStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters, and the wish to stop.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Times count from here.
    pub(crate) epoch: Instant,
    pub(crate) source: Arc<SourceStatus>,
    pub(crate) clients: AtomicU32,
    pub(crate) clients_dropped: AtomicU64,
    pub(crate) recorded: AtomicU64,
    pub(crate) record_dropped: AtomicU64,
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
            recorded: AtomicU64::new(0),
            record_dropped: AtomicU64::new(0),
            stop,
            alive_ms: AtomicU64::new(0),
        }
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
