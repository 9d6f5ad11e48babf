//! What a pack computes and moves, by running it once.

use crate::EstimateError;
use serde::Serialize;
use std::path::Path;
use uniultra_engine::{EngineOptions, OpRun, peak_rss_mib, rss_mib};
use uniultra_manifest::Manifest;
use uniultra_profile::{Phase, Recording, Runs, Subject, measure, sample_frame};

/// The work of one frame and of one click.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PackWork {
    /// Once a frame: the image encoder, and the mask decoder's part of it.
    pub encode: PhaseWork,
    /// Once a click.
    pub click: PhaseWork,
    /// What loading and running the model added to the resident set of this process at most, in MiB;
    /// `null` where the system does not tell.
    pub model_mib: Option<f64>,
}

/// The work of one frame, or of one click.
#[derive(Clone, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PhaseWork {
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Bytes that operations read and write, wherever they are.
    pub bytes: u64,
    /// Bytes of the network's file: about what has to come from memory each time.
    pub weight_bytes: u64,
    /// Kinds of operation, those with the most multiply-accumulates first.
    pub kinds: Vec<KindWork>,
    /// The operations in the order in which they run.
    pub ops: Vec<OpWork>,
}

/// Operations of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct KindWork {
    /// E.g. `uniultra.Linear`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OpWork {
    /// Name of the node.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl PackWork {
    /// Runs the pack in a folder on a simulated frame, with `threads` threads: its work, and the model
    /// ready to be run again.
    ///
    /// # Errors
    /// [`EstimateError::Pack`].
    pub fn measure(folder: &Path, threads: usize) -> Result<(Self, Subject), EstimateError> {
        let before = rss_mib();
        let options = EngineOptions::new().with_threads(threads);
        let subject = Subject::open(folder, &options)?;
        let runs = Runs { warm_up: 0, count: 1 };
        let (recording, _) = measure(&subject, None, &sample_frame()?, runs, &|| {})?;
        let added = peak_rss_mib().zip(before).map(|(peak, before)| f64::from(peak - before));
        let work = Self::from(&recording, subject.segmenter.manifest(), added);
        Ok((work, subject))
    }

    fn from(recording: &Recording, manifest: &Manifest, model_mib: Option<f64>) -> Self {
        let phase = |phase, weight_bytes| {
            let plans = recording.plans.iter().filter(|plan| plan.phase == phase);
            PhaseWork::sum(plans.flat_map(|plan| &plan.ops), weight_bytes)
        };
        Self {
            encode: phase(Phase::Frame, manifest.image_encoder.bytes),
            click: phase(Phase::Click, manifest.mask_decoder.bytes),
            model_mib,
        }
    }
}

impl PhaseWork {
    fn sum<'a>(runs: impl Iterator<Item = &'a OpRun>, weight_bytes: u64) -> Self {
        let mut work = Self { weight_bytes, ..Self::default() };
        for run in runs {
            work.add(OpWork {
                name: run.name.clone(),
                kind: run.op.clone(),
                real_macs: run.real_macs,
                integer_macs: run.integer_macs,
                bytes: run.read_bytes + run.written_bytes,
            });
        }
        work.kinds.sort_by_key(|kind| std::cmp::Reverse(kind.real_macs + kind.integer_macs));
        work
    }

    fn add(&mut self, op: OpWork) {
        self.real_macs += op.real_macs;
        self.integer_macs += op.integer_macs;
        self.bytes += op.bytes;
        match self.kinds.iter_mut().find(|kind| kind.kind == op.kind) {
            Some(kind) => {
                kind.count += 1;
                kind.real_macs += op.real_macs;
                kind.integer_macs += op.integer_macs;
                kind.bytes += op.bytes;
            }
            None => self.kinds.push(KindWork {
                kind: op.kind.clone(),
                count: 1,
                real_macs: op.real_macs,
                integer_macs: op.integer_macs,
                bytes: op.bytes,
            }),
        }
        self.ops.push(op);
    }

    /// Multiply-accumulates of both kinds.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.real_macs + self.integer_macs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_add_up_to_the_whole() {
        let run = |op: &str, real_macs, integer_macs| OpRun {
            name: "n".to_string(),
            op: op.to_string(),
            time_ns: 1,
            real_macs,
            integer_macs,
            read_bytes: 10,
            written_bytes: 5,
        };
        let runs = [run("Add", 0, 0), run("Linear", 5, 0), run("Linear", 0, 7)];
        let work = PhaseWork::sum(runs.iter(), 100);
        assert_eq!((work.real_macs, work.integer_macs, work.bytes), (5, 7, 45));
        let kinds: Vec<_> =
            work.kinds.iter().map(|k| (k.kind.as_str(), k.count, k.bytes)).collect();
        assert_eq!(kinds, [("Linear", 2, 30), ("Add", 1, 15)]);
        assert_eq!((work.ops.len(), work.weight_bytes, work.macs()), (3, 100, 12));
    }
}
