//! The runs: every operation of one or two packs on the same frame, by turns.

use crate::{Phase, ProfileError};
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, PointLabel, PromptError, Prompts, SegmentError};
use uniultra_engine::{EngineError, EngineOptions, OpRun, PlanRun, Segmenter, open_pack};
use uniultra_manifest::Pack;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Runs before the first that counts.
    pub warm_up: u32,
    /// Runs that count.
    pub count: u32,
}

/// A pack, ready to run.
#[derive(Debug)]
pub struct Subject {
    /// The pack's folder.
    pub folder: PathBuf,
    /// The model.
    pub segmenter: Segmenter,
}

impl Subject {
    /// Opens the pack in a folder.
    ///
    /// # Errors
    /// [`ProfileError::Pack`] or [`ProfileError::Run`].
    pub fn open(folder: &Path, options: &EngineOptions) -> Result<Self, ProfileError> {
        let pack = Pack::open(folder)
            .map_err(|source| ProfileError::Pack { folder: folder.to_path_buf(), source })?;
        let segmenter = open_pack(&pack, options).map_err(|error| failed(folder, error))?;
        Ok(Self { folder: folder.to_path_buf(), segmenter })
    }
}

/// Times of one pack.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Resizing and normalising the frame, a run each.
    pub preprocess_ms: Vec<f64>,
    /// The plans in the order in which they ran.
    pub plans: Vec<RecordedPlan>,
}

/// Times of one plan.
#[derive(Clone, Debug)]
pub struct RecordedPlan {
    /// Whether it runs once a frame or once a click.
    pub phase: Phase,
    /// The network.
    pub network: &'static str,
    /// The whole, a run each.
    pub total_ms: Vec<f64>,
    /// Operations, with the work and the time of the first run.
    pub ops: Vec<OpRun>,
    /// A run each, in the order of `ops`.
    pub op_ms: Vec<Vec<f64>>,
}

/// Runs one pack, or two by turns: `runs.warm_up` times, then `runs.count` times with the clock.
/// `progress` is called once a run of both.
///
/// # Errors
/// [`ProfileError::Run`] or [`ProfileError::Changed`].
pub fn measure(
    a: &Subject,
    b: Option<&Subject>,
    frame: &Frame,
    runs: Runs,
    progress: &dyn Fn(),
) -> Result<(Recording, Option<Recording>), ProfileError> {
    let [mut of_a, mut of_b] = [Recording::default(), Recording::default()];
    for _ in 0..runs.warm_up {
        for subject in [Some(a), b].into_iter().flatten() {
            plain(subject, frame).map_err(|error| failed(&subject.folder, error))?;
        }
        progress();
    }
    for run in 0..runs.count {
        of_a.run(a, frame, run)?;
        if let Some(b) = b {
            of_b.run(b, frame, run)?;
        }
        progress();
    }
    Ok((of_a, b.map(|_| of_b)))
}

fn failed(folder: &Path, error: SegmentError<EngineError>) -> ProfileError {
    ProfileError::Run { folder: folder.to_path_buf(), source: Box::new(error) }
}

/// One run without clocks.
fn plain(subject: &Subject, frame: &Frame) -> Result<(), SegmentError<EngineError>> {
    let encoded = subject.segmenter.encode(frame)?;
    for index in 0..2 {
        drop(encoded.predict(&click(frame, index)?)?);
    }
    Ok(())
}

/// The plans of one run, in the order in which they ran.
type PlanRuns = Vec<(Phase, PlanRun)>;

/// Milliseconds of preprocessing, and the plans of a frame and of a second click on it.
fn recorded(
    subject: &Subject,
    frame: &Frame,
    run: u32,
) -> Result<(f64, PlanRuns), SegmentError<EngineError>> {
    let segmenter = &subject.segmenter;
    let network = segmenter.network();
    let (encoded, frame_runs) = network.recorded(|| segmenter.encode(frame));
    let encoded = encoded?;
    drop(encoded.predict(&click(frame, 2 * run)?)?);
    let prompts = click(frame, 2 * run + 1)?;
    let (prediction, click_runs) = network.recorded(|| encoded.predict(&prompts));
    drop(prediction?);
    let frame_runs = frame_runs.into_iter().map(|plan| (Phase::Frame, plan));
    let click_runs = click_runs.into_iter().map(|plan| (Phase::Click, plan));
    Ok((f64::from(encoded.preprocess_ms()), frame_runs.chain(click_runs).collect()))
}

/// A click somewhere around the middle, another place every time.
fn click(frame: &Frame, index: u32) -> Result<Prompts, PromptError> {
    let along = |step: f64, side: usize| {
        let place = 0.25 + 0.5 * (f64::from(index) * step).fract();
        (place * (side - 1) as f64) as f32
    };
    let [x, y] = [along(0.754_877_666, frame.width()), along(0.569_840_291, frame.height())];
    Prompts::new().with_point(x, y, PointLabel::Positive)
}

impl Recording {
    fn run(&mut self, subject: &Subject, frame: &Frame, run: u32) -> Result<(), ProfileError> {
        let folder = &subject.folder;
        let (preprocess_ms, plans) =
            recorded(subject, frame, run).map_err(|error| failed(folder, error))?;
        self.preprocess_ms.push(preprocess_ms);
        if self.add(plans) {
            Ok(())
        } else {
            Err(ProfileError::Changed { folder: folder.clone(), run })
        }
    }

    /// Adds a run; false if it is not like the runs before.
    fn add(&mut self, runs: PlanRuns) -> bool {
        if self.plans.is_empty() {
            self.plans = runs.iter().map(|(phase, run)| RecordedPlan::like(*phase, run)).collect();
        }
        runs.len() == self.plans.len()
            && self.plans.iter_mut().zip(runs).all(|(plan, (phase, run))| plan.add(phase, &run))
    }
}

impl RecordedPlan {
    fn like(phase: Phase, run: &PlanRun) -> Self {
        let op_ms = vec![Vec::new(); run.ops.len()];
        Self { phase, network: run.network, total_ms: Vec::new(), ops: run.ops.clone(), op_ms }
    }

    fn add(&mut self, phase: Phase, run: &PlanRun) -> bool {
        let same = |(a, b): (&OpRun, &OpRun)| a.name == b.name && a.op == b.op;
        let like = phase == self.phase
            && run.network == self.network
            && run.ops.len() == self.ops.len()
            && self.ops.iter().zip(&run.ops).all(same);
        if like {
            self.total_ms.push(run.total_ns as f64 / 1e6);
            for (times, op) in self.op_ms.iter_mut().zip(&run.ops) {
                times.push(op.time_ns as f64 / 1e6);
            }
        }
        like
    }

    /// Sums of the operations that `chosen` says, a run each.
    pub(crate) fn sums_ms(&self, chosen: impl Fn(&OpRun) -> bool) -> Vec<f64> {
        let mut sums = vec![0.0; self.total_ms.len()];
        for (op, times) in self.ops.iter().zip(&self.op_ms) {
            if chosen(op) {
                for (sum, time) in sums.iter_mut().zip(times) {
                    *sum += time;
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{op, plan_run};

    #[test]
    fn runs_must_be_alike() {
        let mut recording = Recording::default();
        let run = |names: &[&str]| {
            let ops = names.iter().map(|name| op(name, "Add", 2)).collect();
            vec![(Phase::Frame, plan_run(ops))]
        };
        assert!(recording.add(run(&["a", "b"])) && recording.add(run(&["a", "b"])));
        assert_eq!(recording.plans[0].sums_ms(|op| op.name == "b"), [2.0, 2.0]);
        assert!(!recording.add(run(&["a"])) && !recording.add(run(&["a", "c"])));
        assert!(!recording.add(vec![]));
        assert_eq!(recording.plans[0].total_ms.len(), 2);
    }
}
