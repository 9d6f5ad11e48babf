//! Makes examples ahead of their use, in worker threads.

use crate::stream::hash;
use crate::{AugmentConfig, Dataset, DatasetError, Example, PlanItem};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Batches that a thread makes ahead.
const AHEAD: usize = 2;

type Batch = Result<Vec<Example>, DatasetError>;

/// Batches in the order of a plan, for any number of threads. The last one may be shorter.
///
/// Thread `t` of `n` makes every `n`-th batch, beginning with the `t`-th, and batches are taken
/// from the threads in turn.
#[derive(Debug)]
pub struct Loader {
    batches: Vec<Receiver<Batch>>,
    next: usize,
    left: usize,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

/// The data that every worker needs.
struct Work {
    dataset: Arc<Dataset>,
    plan: Vec<PlanItem>,
    batch: usize,
    size: usize,
    augment: AugmentConfig,
    seed: u64,
    stop: Arc<AtomicBool>,
}

impl Loader {
    /// Starts `threads` workers (one if 0) on batches of `batch` samples (one if 0) at `size` x
    /// `size` pixels, without the first `skip_batches` of them.
    ///
    /// The augmentation of a sample follows from `seed` and the plan's item.
    #[must_use]
    pub fn start(
        dataset: Arc<Dataset>,
        plan: Vec<PlanItem>,
        batch: usize,
        size: usize,
        augment: AugmentConfig,
        seed: u64,
        skip_batches: usize,
        threads: usize,
    ) -> Self {
        let (batch, threads) = (batch.max(1), threads.max(1));
        let left = plan.len().div_ceil(batch).saturating_sub(skip_batches);
        let stop = Arc::new(AtomicBool::new(false));
        let work =
            Arc::new(Work { dataset, plan, batch, size, augment, seed, stop: Arc::clone(&stop) });
        let (mut batches, mut workers) = (Vec::new(), Vec::new());
        for thread in 0..threads.min(left) {
            let (sender, receiver) = sync_channel(AHEAD);
            let work = Arc::clone(&work);
            let first = skip_batches + thread;
            let name = format!("loader-{thread}");
            // If a thread cannot be started, its sender is dropped, and its first batch becomes the
            // error.
            workers
                .extend(Builder::new().name(name).spawn(move || work.run(first, threads, &sender)));
            batches.push(receiver);
        }
        Self { batches, next: 0, left, stop, workers }
    }
}

impl Iterator for Loader {
    type Item = Result<Vec<Example>, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let receiver = self.batches.get(self.next)?;
        self.next = (self.next + 1) % self.batches.len();
        match receiver.recv() {
            Ok(batch) => Some(batch),
            Err(_) => {
                self.left = 0;
                Some(Err(DatasetError::Worker))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.min(1), Some(self.left))
    }
}

impl Drop for Loader {
    /// Ends the threads, each after the example that it is at.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.batches.clear();
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so already.
            let _ = worker.join();
        }
    }
}

impl Work {
    fn run(&self, first: usize, step: usize, sender: &SyncSender<Batch>) {
        for items in self.plan.chunks(self.batch).skip(first).step_by(step) {
            let mut examples = Ok(Vec::with_capacity(items.len()));
            for item in items {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                examples = examples.and_then(|mut examples: Vec<Example>| {
                    examples.push(self.example(item)?);
                    Ok(examples)
                });
            }
            if sender.send(examples).is_err() {
                return;
            }
        }
    }

    fn example(&self, item: &PlanItem) -> Result<Example, DatasetError> {
        let seed = hash(&[self.seed, item.round]);
        self.dataset.example(item.set, item.index, self.size, &self.augment, seed)
    }
}
