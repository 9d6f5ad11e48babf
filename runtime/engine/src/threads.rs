//! The worker threads of a segmenter: started once, when it is opened.

use crate::EngineError;
use crate::affinity::bind;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

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
    /// Starts `threads` threads, and binds them and the calling one to the CPUs `pins`, if any.
    pub(crate) fn start(threads: usize, pins: &[usize]) -> Result<Self, EngineError> {
        let refused = |reason| EngineError::Threads { max: MAX_THREADS, found: threads, reason };
        match threads {
            1 => bind(pins).map_err(EngineError::Pins).map(|()| Self(None)),
            2..=MAX_THREADS => {
                // Threads that start later inherit the calling one's CPUs.
                bind(pins).map_err(EngineError::Pins)?;
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|index| format!("uniultra-{index}"))
                    .build()
                    .map_err(|error| refused(format!(": {error}")))?;
                if pins.len() >= threads {
                    let bound = pool.broadcast(|worker| bind(&pins[worker.index()..][..1]));
                    bound.into_iter().collect::<Result<(), _>>().map_err(EngineError::Pins)?;
                }
                Ok(Self(Some(Arc::new(pool))))
            }
            _ => Err(refused(String::new())),
        }
    }

    /// Runs `work` on the first of these threads, while the others wait for what its operations share out:
    /// awake, because an operation is shorter than it takes to wake a thread. Nothing comes back only if
    /// that thread never ran it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        let Some(pool) = &self.0 else { return Some(self.with_pool(work)) };
        if pool.current_thread_index().is_some() {
            // One of several objects, a thread each.
            return Some(self.with_pool(work));
        }
        let (finished, work) = (AtomicBool::new(false), Mutex::new(Some(work)));
        let results = pool.broadcast(|thread| {
            if thread.index() > 0 {
                serve(&finished);
                return None;
            }
            let _end = End(&finished);
            let work = work.lock().ok()?.take()?;
            Some(self.with_pool(work))
        });
        results.into_iter().flatten().next()
    }

    /// Runs `work` on this thread, and lets its operations use the others.
    fn with_pool<T>(&self, work: impl FnOnce() -> T) -> T {
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

/// Lets the other threads go, also when the work panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Looks for work in vain before another process may have the core.
const PATIENCE: u32 = 1 << 10;

/// Does what the first thread shares out until it has finished.
fn serve(finished: &AtomicBool) {
    let mut idle = 0;
    while !finished.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            idle = 0;
        } else if idle < PATIENCE {
            idle += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_there_while_work_runs_and_only_then() {
        let workers = Workers::start(2, &[]).unwrap();
        assert!(pool().is_none());
        assert_eq!(workers.run(|| pool().map(|pool| pool.current_num_threads())), Some(Some(2)));
        assert!(pool().is_none());
        // One thread needs none, also inside of work on more.
        let one = Workers::start(1, &[]).unwrap();
        let inside = workers.run(|| one.run(|| pool().is_none()) == Some(true) && pool().is_some());
        assert_eq!(inside, Some(true));
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            workers.run(|| panic!("an operation's"))
        }));
        assert!(broken.is_err() && pool().is_none());
        // The threads still work.
        assert_eq!(workers.run(|| 5), Some(5));
        assert!(Workers::start(MAX_THREADS + 1, &[]).is_err());
    }

    #[test]
    fn callers_from_several_threads_and_within_work_are_served() {
        let workers = Workers::start(2, &[]).unwrap();
        let sum = |count: usize| {
            let pool = pool().unwrap();
            pool.install(|| (0..count).into_par_iter().map(|i| i % 7).sum::<usize>())
        };
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..50).all(|_| workers.run(|| sum(7000)) == Some(21_000))))
                .collect();
            assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
        });
        let mut items = [0; 5];
        let filled = workers.share_out(&mut items, |item| {
            *item = workers.run(|| sum(7)).ok_or("nothing")?;
            Ok::<_, &str>(())
        });
        assert_eq!((filled, items), (Ok(()), [21; 5]));
    }

    #[cfg(target_os = "linux")]
    mod pins {
        use super::*;
        use crate::affinity::allowed_cpus;
        use std::thread;

        /// CPUs of the calling thread and of each worker, in a thread of its own.
        fn cpus(threads: usize, pins: &[usize]) -> Result<Vec<Vec<usize>>, EngineError> {
            let start = || {
                let workers = Workers::start(threads, pins)?;
                let mut found = vec![allowed_cpus().unwrap()];
                if let Some(pool) = &workers.0 {
                    found.extend(pool.broadcast(|_| allowed_cpus().unwrap()));
                }
                Ok(found)
            };
            thread::scope(|scope| scope.spawn(start).join().unwrap())
        }

        #[test]
        fn each_worker_has_a_cpu_of_its_own_where_there_are_enough() {
            let all = allowed_cpus().unwrap();
            assert_eq!(cpus(2, &[]).unwrap(), vec![all.clone(); 3]);
            assert_eq!(cpus(1, &all[..1]).unwrap(), [vec![all[0]]]);
            assert_eq!(cpus(2, &all[..1]).unwrap(), vec![vec![all[0]]; 3]);
            if let [first, second, ..] = all[..] {
                let expected = [vec![first, second], vec![second], vec![first]];
                assert_eq!(cpus(2, &[second, first]).unwrap(), expected);
            }
            let problem = cpus(2, &[all[0], 1023]).unwrap_err().to_string();
            assert!(problem.contains("pins: expected CPU 1023"), "{problem}");
        }
    }
}
