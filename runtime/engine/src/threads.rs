//! The worker threads of a segmenter: started once, when it is opened.

use crate::EngineError;
use rayon::prelude::*;
use std::sync::Arc;
use tract_linalg::multithread::{Executor, multithread_tract_scope};

/// Most threads a segmenter may use: a bound on what a caller can make the device start.
pub const MAX_THREADS: usize = 16;

/// Where tract's matrix products run.
///
/// Each output tile is computed by one thread in the same order whatever the number of threads,
/// so the result's bits do not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Executor);

impl Workers {
    pub(crate) fn start(threads: usize) -> Result<Self, EngineError> {
        let refused = |reason| EngineError::Threads { max: MAX_THREADS, found: threads, reason };
        match threads {
            1 => Ok(Self(Executor::SingleThread)),
            2..=MAX_THREADS => rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("uniultra-{index}"))
                .build()
                .map(|pool| Self(Executor::MultiThread(Arc::new(pool))))
                .map_err(|error| refused(format!(": {error}"))),
            _ => Err(refused(String::new())),
        }
    }

    /// Runs `work` with its matrix products on these threads.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        multithread_tract_scope(self.0.clone(), work)
    }

    /// Runs `work` on each item, several at once if there are threads for it.
    pub(crate) fn share_out<T: Send, E: Send>(
        &self,
        items: &mut [T],
        work: impl Fn(&mut T) -> Result<(), E> + Send + Sync,
    ) -> Result<(), E> {
        match &self.0 {
            Executor::MultiThread(pool) => pool.install(|| items.par_iter_mut().try_for_each(work)),
            _ => items.iter_mut().try_for_each(work),
        }
    }
}
