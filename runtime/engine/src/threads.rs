//! The worker threads of a segmenter: started once, when it is opened.

use crate::EngineError;
use crate::affinity::bind;
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
    /// Starts `threads` threads, and binds them and the calling one to the CPUs `pins`, if any.
    pub(crate) fn start(threads: usize, pins: &[usize]) -> Result<Self, EngineError> {
        let refused = |reason| EngineError::Threads { max: MAX_THREADS, found: threads, reason };
        match threads {
            1 => bind(pins).map_err(EngineError::Pins).map(|()| Self(Executor::SingleThread)),
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
                Ok(Self(Executor::MultiThread(Arc::new(pool))))
            }
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::affinity::allowed_cpus;
    use std::thread;

    /// CPUs of the calling thread and of each worker, in a thread of its own.
    fn cpus(threads: usize, pins: &[usize]) -> Result<Vec<Vec<usize>>, EngineError> {
        let start = || {
            let workers = Workers::start(threads, pins)?;
            let mut found = vec![allowed_cpus().unwrap()];
            if let Executor::MultiThread(pool) = &workers.0 {
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
