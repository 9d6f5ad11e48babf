//! A recording, summarised: operations, blocks and kinds of operations with their quantiles.

use crate::family::Family;
use crate::measure::RecordedPlan;
use crate::place::Place;
use crate::roof::{Pace, Work};
use crate::{Peaks, Recording};
use serde::{Deserialize, Serialize};
use std::fmt;
use uniultra_engine::OpRun;
use uniultra_schema::{ModelIdentity, Quantiles};

/// When a plan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Once a frame.
    Frame,
    /// Once a click.
    Click,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Frame => "frame",
            Self::Click => "click",
        })
    }
}

/// Where the time of one pack goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Profile {
    /// The model. In JSON it is in the envelope.
    #[serde(skip_serializing)]
    pub model: ModelIdentity,
    /// Resizing and normalising the frame.
    pub preprocess_ms: Quantiles,
    /// All plans of a frame together, without preprocessing.
    pub frame_ms: Quantiles,
    /// All plans of a click together.
    pub click_ms: Quantiles,
    /// The plans in the order in which they run.
    pub plans: Vec<PlanProfile>,
}

/// One plan: a network, or the part of it that runs once a frame or once a click.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlanProfile {
    /// When it runs.
    pub phase: Phase,
    /// The network.
    pub network: String,
    /// The whole: operations, and what the engine does between them.
    pub total_ms: Quantiles,
    /// All operations together; its name is empty.
    pub all: Group,
    /// Families of kinds, e.g. products in f32 and in int8 together, the slowest first.
    pub families: Vec<Group>,
    /// Kinds of operations, the slowest first.
    pub kinds: Vec<Group>,
    /// Blocks of the network, in the order in which they begin.
    pub blocks: Vec<Group>,
    /// The operations in the order in which they run.
    pub ops: Vec<OpProfile>,
}

/// Operations that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Group {
    /// E.g. `products`, `uniultra.Linear` or `blocks.0`; empty for operations in no block.
    pub name: String,
    /// How many.
    pub count: usize,
    /// Their sum, run by run.
    pub ms: Quantiles,
    /// What they do together.
    #[serde(flatten)]
    pub work: Work,
    /// How fast, at the median. The roof is the sum of the operations' roofs.
    #[serde(flatten)]
    pub pace: Pace,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OpProfile {
    /// Name of the node, after the ONNX node that it came from.
    pub name: String,
    /// The operation.
    pub op: String,
    /// Block of the network; empty if it is in none.
    pub block: String,
    /// Its time.
    pub ms: Quantiles,
    /// What it does.
    #[serde(flatten)]
    pub work: Work,
    /// How fast, at the median.
    #[serde(flatten)]
    pub pace: Pace,
}

impl Profile {
    /// Summarises a recording.
    #[must_use]
    pub fn new(model: ModelIdentity, recording: &Recording, peaks: &Peaks) -> Self {
        Self {
            model,
            preprocess_ms: Quantiles::from_times(&recording.preprocess_ms),
            frame_ms: Quantiles::from_times(&total_ms(recording, Phase::Frame)),
            click_ms: Quantiles::from_times(&total_ms(recording, Phase::Click)),
            plans: recording.plans.iter().map(|plan| PlanProfile::new(plan, peaks)).collect(),
        }
    }
}

/// All plans of a phase, a run each.
fn total_ms(recording: &Recording, phase: Phase) -> Vec<f64> {
    let mut sums = vec![0.0; recording.preprocess_ms.len()];
    for plan in recording.plans.iter().filter(|plan| plan.phase == phase) {
        for (sum, total) in sums.iter_mut().zip(&plan.total_ms) {
            *sum += total;
        }
    }
    sums
}

impl PlanProfile {
    fn new(plan: &RecordedPlan, peaks: &Peaks) -> Self {
        let group = |name: &str, key: &dyn Fn(&OpRun) -> bool| Group::new(plan, peaks, name, key);
        let block = |op: &OpRun| Place::parse(&op.name).block.to_string();
        let groups = |key: &dyn Fn(&OpRun) -> String| -> Vec<Group> {
            let mut names: Vec<String> = Vec::new();
            for op in &plan.ops {
                let name = key(op);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names.iter().map(|name| group(name, &|op| key(op) == *name)).collect()
        };
        let slowest_first = |mut groups: Vec<Group>| {
            groups.sort_by(|a, b| b.ms.p50.total_cmp(&a.ms.p50));
            groups
        };
        let ops = plan.ops.iter().zip(&plan.op_ms).map(|(op, times)| {
            let (ms, work) = (Quantiles::from_times(times), Work::from_op(op));
            OpProfile {
                name: op.name.clone(),
                op: op.op.clone(),
                block: block(op),
                pace: work.pace(ms.p50, work.roof_ms(peaks)),
                ms,
                work,
            }
        });
        Self {
            phase: plan.phase,
            network: plan.network.to_string(),
            total_ms: Quantiles::from_times(&plan.total_ms),
            all: group("", &|_| true),
            families: slowest_first(groups(&|op| Family::from_op(&op.op).label().to_string())),
            kinds: slowest_first(groups(&|op| op.op.clone())),
            blocks: groups(&block),
            ops: ops.collect(),
        }
    }
}

impl Group {
    fn new(
        plan: &RecordedPlan,
        peaks: &Peaks,
        name: &str,
        chosen: &dyn Fn(&OpRun) -> bool,
    ) -> Self {
        let ops = || plan.ops.iter().filter(|op| chosen(op)).map(Work::from_op);
        let (ms, work) = (Quantiles::from_times(&plan.sums_ms(chosen)), Work::sum(ops()));
        let roof_ms = ops().map(|work| work.roof_ms(peaks)).sum();
        let pace = work.pace(ms.p50, roof_ms);
        Self { name: name.to_string(), count: ops().count(), ms, work, pace }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::tests::profile;

    #[test]
    fn groups_sum_up_to_the_whole() {
        let profile = profile();
        let plan = &profile.plans[0];
        assert_eq!(plan.ops.len(), 3);
        for groups in [&plan.families, &plan.kinds, &plan.blocks] {
            assert_eq!(groups.iter().map(|group| group.count).sum::<usize>(), 3);
            let macs: u64 = groups.iter().map(|group| group.work.real_macs).sum();
            assert_eq!(macs, plan.all.work.real_macs);
        }
        // Two runs of 4 + 2 + 1 ms.
        assert_eq!(plan.all.ms.p50, 7.0);
        assert!(plan.all.ms.p50 <= plan.total_ms.p50);
        let names = |groups: &[crate::Group]| -> Vec<_> {
            groups.iter().map(|group| (group.name.clone(), group.ms.max)).collect()
        };
        assert_eq!(names(&plan.blocks), [("blocks.0".into(), 6.0), (String::new(), 1.0)]);
        assert_eq!(names(&plan.kinds), [("uniultra.Linear".into(), 4.0), ("Add".into(), 3.0)]);
        let families = [("products".into(), 4.0), ("element by element".into(), 3.0)];
        assert_eq!(names(&plan.families), families);
        assert!(plan.all.pace.roof_ms > 0.0);
    }
}
