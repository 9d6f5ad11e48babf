//! The worker threads of a segmenter: started once, when it is opened.

use crate::EngineError;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

/// Most threads a segmenter may use: a bound on what a caller can make the device start.
pub const MAX_THREADS: usize = 16;

thread_local! {
    /// What operations that this thread runs may divide their work among.
    static POOL: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// The threads that operations run on now, if there is more than one.
pub(crate) fn pool() -> Option<Arc<ThreadPool>> {
    POOL.with_borrow(Clone::clone)
}

/// Puts back what was there, also where an operation panics.
struct Before(Option<Arc<ThreadPool>>);

impl Drop for Before {
    fn drop(&mut self) {
        POOL.set(self.0.take());
    }
}

/// Where operations run: ours, and with the feature `tract-threads` also tract's.
///
/// Each part of a result is computed by one thread in the same order whatever the number of threads,
/// so the result's bits do not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Option<Arc<ThreadPool>>);

impl Workers {
    pub(crate) fn start(threads: usize) -> Result<Self, EngineError> {
        let refused = |reason| EngineError::Threads { max: MAX_THREADS, found: threads, reason };
        match threads {
            1 => Ok(Self(None)),
            2..=MAX_THREADS => rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("uniultra-{index}"))
                .build()
                .map(|pool| Self(Some(Arc::new(pool))))
                .map_err(|error| refused(format!(": {error}"))),
            _ => Err(refused(String::new())),
        }
    }

    /// Runs `work` with its operations on these threads.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _before = Before(POOL.replace(self.0.clone()));
        self.with_tract(work)
    }

    #[cfg(feature = "tract-threads")]
    fn with_tract<T>(&self, work: impl FnOnce() -> T) -> T {
        use tract_linalg::multithread::{Executor, multithread_tract_scope};
        let executor = self.0.clone().map_or(Executor::SingleThread, Executor::MultiThread);
        multithread_tract_scope(executor, work)
    }

    #[cfg(not(feature = "tract-threads"))]
    fn with_tract<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Runs `work` on each item, several at once if there are threads for it.
    pub(crate) fn share_out<T: Send, E: Send>(
        &self,
        items: &mut [T],
        work: impl Fn(&mut T) -> Result<(), E> + Send + Sync,
    ) -> Result<(), E> {
        match &self.0 {
            Some(pool) => pool.install(|| items.par_iter_mut().try_for_each(work)),
            None => items.iter_mut().try_for_each(work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_there_while_work_runs_and_only_then() {
        let workers = Workers::start(2).unwrap();
        assert!(pool().is_none());
        assert_eq!(workers.run(|| pool().map(|pool| pool.current_num_threads())), Some(2));
        assert!(pool().is_none());
        // One thread needs none, also inside of work on more.
        let one = Workers::start(1).unwrap();
        assert!(workers.run(|| one.run(|| pool().is_none()) && pool().is_some()));
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            workers.run(|| panic!("an operation's"))
        }));
        assert!(broken.is_err() && pool().is_none());
        assert!(Workers::start(MAX_THREADS + 1).is_err());
    }
}
