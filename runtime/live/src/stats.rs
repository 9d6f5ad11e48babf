//! How well a session keeps up with its source.

use std::time::Duration;

/// Ages that are kept for the percentiles: the last 13 s at 20 frames a second.
const KEPT: usize = 256;

/// Age of the last answers, capture to mask, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ages {
    /// Half of the answers were younger.
    pub p50_ms: f32,
    /// Nine of ten were younger.
    pub p90_ms: f32,
    /// 99 of 100 were younger.
    pub p99_ms: f32,
}

/// Counts since the session began, and the ages of the last answers.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Frames with an answer.
    pub processed: u64,
    /// Those of them on which masks were moved without the model.
    pub moved: u64,
    /// The model gets every n-th frame; 1 without overload. See [`Pacer`](crate::Pacer).
    pub model_every: u32,
    /// Answers that came later than the deadline.
    pub deadline_misses: u64,
    ages_ms: heapless::HistoryBuf<f32, KEPT>,
    /// When those answers came.
    times: heapless::HistoryBuf<Duration, KEPT>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            processed: 0,
            moved: 0,
            model_every: 1,
            deadline_misses: 0,
            ages_ms: heapless::HistoryBuf::new(),
            times: heapless::HistoryBuf::new(),
        }
    }
}

impl Stats {
    /// Notes an answer at `now` for a frame of time `captured`; `deadline` is the greatest age allowed.
    pub fn answered(&mut self, captured: Duration, now: Duration, deadline: Option<Duration>) {
        let age = now.saturating_sub(captured);
        self.processed += 1;
        self.deadline_misses += u64::from(deadline.is_some_and(|deadline| age > deadline));
        self.ages_ms.write(age.as_secs_f32() * 1e3);
        self.times.write(now);
    }

    /// Ages of the last 256 answers; `None` before the first.
    #[must_use]
    pub fn ages(&self) -> Option<Ages> {
        let mut sorted: heapless::Vec<f32, KEPT> = self.ages_ms.oldest_ordered().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        // The smallest age that at least this share of the answers does not exceed.
        let share = |percent: usize| {
            let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(place.min(last)).copied()
        };
        Some(Ages { p50_ms: share(50)?, p90_ms: share(90)?, p99_ms: share(99)? })
    }

    /// Mean rate of the last 256 answers, in frames a second; `None` before the second.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f32> {
        let first = self.times.oldest_ordered().next()?;
        let span = self.times.recent()?.checked_sub(*first)?.as_secs_f32();
        (span > 0.0).then(|| (self.times.len() - 1) as f32 / span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_the_last_answers() {
        let mut stats = Stats::default();
        assert!(stats.ages().is_none() && stats.rate_hz().is_none());
        // Old ones, which the later ones push out.
        for _ in 0..KEPT {
            stats.answered(Duration::ZERO, Duration::from_secs(9), None);
        }
        for i in 0..1000_u64 {
            let captured = Duration::from_millis(10_000 + 50 * i);
            let age = Duration::from_millis(1 + i % 100);
            stats.answered(captured, captured + age, Some(Duration::from_millis(90)));
        }
        let ages = stats.ages().unwrap();
        // The last 256 of 1, 2, .. 100, 1, ..: 45 to 100, then twice 1 to 100.
        assert_eq!([ages.p50_ms, ages.p90_ms, ages.p99_ms].map(f32::round), [58.0, 92.0, 100.0]);
        assert_eq!(stats.deadline_misses, 100);
        assert_eq!(stats.processed, 1256);
    }

    #[test]
    fn the_rate_is_that_of_answers() {
        let mut stats = Stats::default();
        for i in 0..21_u64 {
            stats.answered(Duration::ZERO, Duration::from_millis(50 * i), None);
        }
        assert!((stats.rate_hz().unwrap() - 20.0).abs() < 1e-3);
    }
}
