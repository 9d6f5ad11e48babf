//! A step's batch in parts: each has its own forward and backward pass, on a thread of its own.
//!
//! A small network's operations are too short to be shared among threads with gain; whole passes
//! are not. The parts are averaged in their order, so that the bits depend on their number alone,
//! not on the threads.

use crate::stage::Stage;
use anyhow::{Context, Result, anyhow};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::thread;
use tch::{Device, Kind, Tensor, no_grad};
use uniultra_dataset::Example;

/// The state for computing the parts of a batch.
#[derive(Debug)]
pub struct Parts {
    /// The stage once more for each part but the first.
    others: Vec<Box<dyn Stage>>,
    /// Each part's handles of the trained parameters.
    trained: Vec<Vec<Tensor>>,
    /// Threads that the machine is used with.
    threads: usize,
}

/// Loss and gradients of a part, or of a whole step.
struct Outcome {
    /// In the order of the trained parameters; `None` if the part did not reach a parameter.
    gradients: Vec<Option<Tensor>>,
    loss: f64,
    parts: Vec<f64>,
}

impl Parts {
    /// Prepares to split batches of `stage` into `count` parts. `trained` are the trained
    /// parameters; each has a gradient from now on.
    ///
    /// # Errors
    /// A stage that cannot be had more than once.
    pub fn new(stage: &dyn Stage, trained: &[(String, Tensor)], count: usize) -> Result<Self> {
        define_gradients(trained)?;
        let handles = || trained.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
        Ok(Self {
            others: (1..count).map(|_| stage.another()).collect::<Result<_>>()?,
            trained: (0..count).map(|_| handles()).collect(),
            threads: usize::try_from(tch::get_num_threads())?.max(1),
        })
    }

    /// Adds a batch's gradients to the existing ones, and returns its loss and the terms of the
    /// loss.
    ///
    /// # Errors
    /// The error of a part.
    pub fn step(
        &mut self,
        stage: &mut dyn Stage,
        examples: &[Example],
        step: u64,
        seed: u64,
    ) -> Result<(f64, Vec<f64>)> {
        let count = self.trained.len();
        let length = examples.len().div_ceil(count).max(1);
        let chunks: Vec<_> = examples.chunks(length).collect();
        // One accelerator takes one part after the other.
        let at_once = if stage.params().device() == Device::Cpu { self.threads } else { 1 };
        let others = self.others.iter_mut().map(|other| -> &mut dyn Stage { &mut **other });
        let stages = std::iter::once(stage).chain(others);
        let jobs: Vec<_> = stages
            .zip(&mut self.trained)
            .zip(&chunks)
            .enumerate()
            .map(|(part, ((stage, trained), examples))| Job {
                stage,
                trained,
                examples,
                step,
                random: random(seed, step, part),
            })
            .collect();
        let outcomes = if count == 1 {
            jobs.into_iter().map(Job::run).collect::<Result<_>>()?
        } else {
            // Also where one thread is all there is: its sums must be those of many.
            tch::set_num_threads(1);
            let found = in_waves(jobs, at_once, |job| {
                // The setting holds for the thread that makes it.
                tch::set_num_threads(1);
                job.run()
            });
            tch::set_num_threads(i32::try_from(self.threads)?);
            found?
        };
        let shares: Vec<f64> =
            chunks.iter().map(|chunk| chunk.len() as f64 / examples.len() as f64).collect();
        for (outcome, share) in outcomes.iter().zip(&shares) {
            for (tensor, gradient) in self.trained[0].iter().zip(&outcome.gradients) {
                if let Some(gradient) = gradient {
                    let _ = no_grad(|| tensor.f_grad()?.f_add_(&(gradient * *share)))
                        .context("adding up gradients")?;
                }
            }
        }
        Ok(mean(&outcomes, &shares))
    }

    /// Moves the ranges of a training for 8 bits towards what all parts have seen; the widest of
    /// each, so that the order does not count.
    pub fn follow_ranges(&self, stage: &dyn Stage) {
        let mut seen = stage.params().take_observed();
        for other in &self.others {
            for (layer, range) in other.params().take_observed() {
                let widest = seen.entry(layer).or_insert(range);
                *widest = widest.max(range);
            }
        }
        stage.params().follow(&seen);
    }
}

/// One part of a batch.
struct Job<'a> {
    stage: &'a mut dyn Stage,
    /// Mutable, as handles may move to another thread but not be seen from two.
    trained: &'a mut Vec<Tensor>,
    examples: &'a [Example],
    step: u64,
    random: Pcg64,
}

impl Job<'_> {
    fn run(mut self) -> Result<Outcome> {
        let loss = self.stage.step(self.examples, self.step, &mut self.random)?;
        let found = Tensor::f_run_backward(&[&loss.total], self.trained, false, false)
            .context("backward pass")?;
        let gradients =
            found.into_iter().map(|gradient| gradient.defined().then_some(gradient)).collect();
        let (loss, parts) = loss.values();
        Ok(Outcome { gradients, loss, parts })
    }
}

/// Gives every parameter a gradient of zeros. A step does not reach all of them, and one without a
/// gradient keeps still where one with zeros goes on by its momentum: a resumed run would differ.
fn define_gradients(trained: &[(String, Tensor)]) -> Result<()> {
    let sums = trained.iter().map(|(_, tensor)| tensor.sum(Kind::Float) * 0.0);
    let total = sums.reduce(|sum, next| sum + next).context("nothing is trained")?;
    Ok(total.f_backward()?)
}

/// The random stream of a part. It depends only on the seed, the step and the part, so that a
/// resumed training takes the same steps.
fn random(seed: u64, step: u64, part: usize) -> Pcg64 {
    let place = step ^ ((part as u64) << 48);
    Pcg64::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place)
}

/// Runs jobs on threads, `at_once` at a time; results come in the order of the jobs.
fn in_waves<J: Send, T: Send>(
    jobs: Vec<J>,
    at_once: usize,
    run: impl Fn(J) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let mut results = Vec::with_capacity(jobs.len());
    let mut jobs = jobs.into_iter();
    loop {
        let wave: Vec<J> = jobs.by_ref().take(at_once).collect();
        if wave.is_empty() {
            return Ok(results);
        }
        let run = &run;
        let found: Result<Vec<T>> = thread::scope(|scope| {
            let start = |job| thread::Builder::new().spawn_scoped(scope, move || run(job));
            let started: Vec<_> = wave.into_iter().map(start).collect();
            let join = |handle: std::io::Result<thread::ScopedJoinHandle<'_, Result<T>>>| {
                let handle = handle.context("cannot start a thread")?;
                handle.join().map_err(|_| anyhow!("a part of the batch panicked"))?
            };
            started.into_iter().map(join).collect()
        });
        results.extend(found?);
    }
}

/// Mean loss, and of each of its parts where it was computed.
fn mean(outcomes: &[Outcome], shares: &[f64]) -> (f64, Vec<f64>) {
    let weighted = |values: Vec<f64>| {
        let known = values.iter().zip(shares).filter(|(value, _)| !value.is_nan());
        let (sum, share) =
            known.fold((0.0, 0.0), |(sum, all), (value, share)| (sum + value * share, all + share));
        if share > 0.0 { sum / share } else { f64::NAN }
    };
    let count = outcomes.first().map_or(0, |outcome| outcome.parts.len());
    let part = |at: usize| weighted(outcomes.iter().map(|outcome| outcome.parts[at]).collect());
    (weighted(outcomes.iter().map(|o| o.loss).collect()), (0..count).map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(loss: f64, parts: &[f64]) -> Outcome {
        Outcome { gradients: Vec::new(), loss, parts: parts.to_vec() }
    }

    #[test]
    fn losses_are_averaged_over_the_parts_that_have_them() {
        let outcomes = [outcome(1.0, &[2.0, f64::NAN]), outcome(5.0, &[6.0, 3.0])];
        let (loss, parts) = mean(&outcomes, &[0.75, 0.25]);
        assert_eq!((loss, parts), (2.0, vec![3.0, 3.0]));
        assert!(mean(&[outcome(1.0, &[f64::NAN])], &[1.0]).1[0].is_nan());
    }

    #[test]
    fn waves_keep_the_order_and_report_what_fails() {
        let double = |job: usize| if job == 7 { Err(anyhow!("seven")) } else { Ok(job * 2) };
        assert_eq!(in_waves((0..5).collect(), 2, double).unwrap(), [0, 2, 4, 6, 8]);
        let error = in_waves((5..9).collect(), 3, double).unwrap_err();
        assert_eq!(error.to_string(), "seven");
        let error = in_waves(vec![()], 1, |()| -> Result<()> { panic!("on purpose") }).unwrap_err();
        assert!(error.to_string().contains("panicked"));
    }
}
