//! The memory that decoded images may still use.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A budget of bytes.
#[derive(Debug)]
pub(crate) struct Store {
    left: AtomicUsize,
}

impl Store {
    pub(crate) fn new(mib: usize) -> Self {
        Self { left: AtomicUsize::new(mib.saturating_mul(1 << 20)) }
    }

    /// Takes that many bytes of the budget, if it has them.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}
