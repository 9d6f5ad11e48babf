//! Makes guessing tokens slow: the answer to a wrong one waits. Right ones never wait.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// The wait of the first wrong token; each further one doubles it.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// After this time without a wrong token, waits begin anew.
const FORGIVEN: Duration = Duration::from_secs(60);
/// Most answers that wait at a time: half of the connections. More would keep clients with the right token out.
const MAX_WAITING: usize = super::MAX_CONNECTIONS / 2;

/// The wait of one server, for all its clients together: an attacker has many addresses.
#[derive(Debug)]
pub(super) struct Throttle {
    last: Mutex<Option<Wait>>,
    places: Semaphore,
}

/// The last wait and when it began.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wait {
    length: Duration,
    start: Instant,
}

impl Wait {
    fn after(last: Option<Self>, now: Instant) -> Self {
        let recent = last.filter(|last| now.saturating_duration_since(last.start) < FORGIVEN);
        let length = recent.map_or(FIRST, |last| (2 * last.length).min(LONGEST));
        Self { length, start: now }
    }
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self { last: Mutex::new(None), places: Semaphore::new(MAX_WAITING) }
    }

    /// Waits after a wrong token. `false` at once if too many wait already.
    pub(super) async fn wait(&self) -> bool {
        let Ok(_place) = self.places.try_acquire() else { return false };
        sleep(self.next(Instant::now())).await;
        true
    }

    fn next(&self, now: Instant) -> Duration {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Wait::after(*last, now);
        *last = Some(wait);
        wait.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_second_and_are_forgiven() {
        let throttle = Throttle::new();
        let mut now = Instant::now();
        let mut next = |after_s: u64| {
            now += Duration::from_secs(after_s);
            throttle.next(now).as_millis()
        };
        let waits: Vec<u128> = (0..8).map(|_| next(1)).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000, 1000]);
        assert_eq!((next(59), next(61), next(0)), (1000, 50, 100));
    }

    #[test]
    fn few_wait_at_a_time() {
        let throttle = Throttle::new();
        let places: Vec<_> = (0..MAX_WAITING).map(|_| throttle.places.try_acquire()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(!runtime.block_on(throttle.wait()));
        drop(places);
        assert!(runtime.block_on(throttle.wait()));
    }
}
