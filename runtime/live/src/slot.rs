//! Where the newest frame waits: a slot for one frame, not a queue.
//!
//! A session that falls behind must skip frames, or the picture on the screen gets older and older. So a new
//! frame replaces one that nobody has taken, and the replaced one is counted.

use crate::CapturedFrame;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What happened to the frames of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCounts {
    /// Frames that came.
    pub received: u64,
    /// Frames that a newer one replaced before they were taken.
    pub dropped: u64,
}

/// The newest frame, handed from the thread of a source to the thread of a session.
#[derive(Debug, Default)]
pub struct FrameSlot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    latest: Option<CapturedFrame>,
    counts: SlotCounts,
    closed: bool,
    woken: bool,
}

impl FrameSlot {
    /// An empty slot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts in a frame. Returns the frame that it replaced, if any, whose buffer the source may use again.
    pub fn put(&self, frame: CapturedFrame) -> Option<CapturedFrame> {
        let mut state = self.lock();
        state.counts.received += 1;
        let replaced = state.latest.replace(frame);
        state.counts.dropped += u64::from(replaced.is_some());
        self.changed.notify_all();
        replaced
    }

    /// Waits until the slot is empty: for a source that can wait, as a file can.
    pub fn wait_until_taken(&self) {
        let full = |state: &mut State| state.latest.is_some() && !state.closed;
        drop(self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes the newest frame; waits for one for at most `timeout`. `None` if none came, if the source has
    /// ended, or after [`wake`](Self::wake).
    pub fn take(&self, timeout: Duration) -> Option<CapturedFrame> {
        let waits = |state: &mut State| state.latest.is_none() && !state.closed && !state.woken;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, waits)
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        let taken = state.latest.take();
        drop(state);
        self.changed.notify_all();
        taken
    }

    /// Waits for `timeout`, or until [`wake`](Self::wake), and takes nothing: for a session that has time for fewer
    /// frames than come.
    pub fn pause(&self, timeout: Duration) {
        let waits = |state: &mut State| !state.closed && !state.woken;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, waits)
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
    }

    /// Wakes who waits, or who waits next, without a frame: something else needs attention.
    pub fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_all();
    }

    /// Says that no further frame will come; wakes who waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether the source has ended and its last frame was taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let state = self.lock();
        state.closed && state.latest.is_none()
    }

    /// What happened to the frames so far.
    #[must_use]
    pub fn counts(&self) -> SlotCounts {
        self.lock().counts
    }

    /// A thread that panicked left the state whole: no step of it can fail halfway.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::{Frame, Pixels};

    fn frame(number: u64) -> CapturedFrame {
        let frame = Frame::new(16, 16, Pixels::Gray8(vec![0; 256])).unwrap();
        CapturedFrame { number, captured: Duration::from_millis(number), spacing: None, frame }
    }

    #[test]
    fn the_latest_frame_wins_and_others_are_counted() {
        let slot = FrameSlot::new();
        assert!(slot.take(Duration::ZERO).is_none());
        assert!(slot.put(frame(1)).is_none());
        assert_eq!(slot.put(frame(2)).unwrap().number, 1);
        assert_eq!(slot.put(frame(3)).unwrap().number, 2);
        assert_eq!(slot.take(Duration::ZERO).unwrap().number, 3);
        assert_eq!(slot.counts(), SlotCounts { received: 3, dropped: 2 });
        slot.put(frame(4));
        slot.close();
        assert!(!slot.is_finished());
        assert_eq!(slot.take(Duration::from_secs(9)).unwrap().number, 4);
        assert!(slot.is_finished() && slot.take(Duration::from_secs(9)).is_none());
    }

    #[test]
    fn a_source_that_waits_loses_nothing() {
        let slot = FrameSlot::new();
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200 {
                    slot.wait_until_taken();
                    slot.put(frame(number));
                }
                slot.close();
            });
            let mut taken = 0;
            while !slot.is_finished() {
                taken += u64::from(slot.take(Duration::from_secs(5)).is_some());
            }
            taken
        });
        assert_eq!((taken, slot.counts().dropped), (200, 0));
    }

    #[test]
    fn who_waits_can_be_woken_without_a_frame() {
        let slot = FrameSlot::new();
        let long = Duration::from_secs(60);
        slot.wake();
        assert!(slot.take(long).is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slot.take(long));
            slot.wake();
            assert!(waiting.join().unwrap().is_none());
        });
        slot.put(frame(1));
        slot.wake();
        slot.pause(long);
        slot.pause(Duration::from_millis(1));
        assert!(slot.take(long).is_some());
    }

    #[test]
    fn a_slow_reader_gets_newer_frames_in_order_and_every_frame_is_counted() {
        let slot = FrameSlot::new();
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..2000).for_each(|number| drop(slot.put(frame(number))));
                slot.close();
            });
            let mut taken = Vec::new();
            while !slot.is_finished() {
                taken.extend(slot.take(Duration::from_secs(5)).map(|frame| frame.number));
            }
            taken
        });
        assert!(taken.is_sorted_by(|a, b| a < b) && taken.last() == Some(&1999));
        let counts = slot.counts();
        assert_eq!(counts.received, 2000);
        assert_eq!(counts.dropped + taken.len() as u64, 2000);
    }
}
