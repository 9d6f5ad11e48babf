//! Frames at an even rate.

use std::thread;
use std::time::{Duration, Instant};

/// Waits until the next frame is due. One that is late does not make the next ones come early.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    pub(super) fn new(rate_hz: f32) -> Self {
        let interval = Duration::from_secs_f32(1.0 / rate_hz);
        Self { interval, due: Instant::now() }
    }

    pub(super) fn wait(&mut self) {
        let now = Instant::now();
        if let Some(early) = self.due.checked_duration_since(now) {
            thread::sleep(early);
        } else {
            self.due = now;
        }
        self.due += self.interval;
    }
}
