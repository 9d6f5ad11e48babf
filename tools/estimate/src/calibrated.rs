//! The range of a kind of core that others have timed networks on: a middle, and how far off such middles were.

use crate::assumptions::speed_up;
use crate::calibration::Parts;
use crate::counts::{Found, Taken};
use crate::{Calibration, Constants, CoreFit, PhaseEstimate, Place, Range, Setting};
use serde::Serialize;

/// What a calibrated range rests on.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Calibrated {
    /// The core that the low end is of.
    pub fastest: FittedCore,
    /// The core that the high end is of.
    pub slowest: FittedCore,
    /// Kind of core whose caches were modelled for the misses; of the same code where it is another.
    pub misses_of: String,
}

/// A kind of core's constants and their error.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct FittedCore {
    /// Kind of core.
    pub core: String,
    /// Boards that it was measured on.
    pub boards: Vec<String>,
    /// How many runs were measured and counted.
    pub pairs: usize,
    /// What work costs.
    pub constants: Constants,
    /// Most times that 90 % of predictions are off, above or below.
    pub factor: f64,
}

impl FittedCore {
    fn new(fit: &CoreFit) -> Self {
        Self {
            core: fit.core.clone(),
            boards: fit.boards.clone(),
            pairs: fit.pairs.len(),
            constants: fit.constants,
            factor: fit.factor,
        }
    }

    fn parts(&self, taken: Taken, misses: [f64; 2], place: &Place) -> Parts {
        self.constants.parts(taken.instructions, misses, f64::from(place.mhz_max))
    }
}

impl Calibrated {
    /// Where both cores were measured and misses are known.
    pub(crate) fn new(calibration: &Calibration, setting: &Setting, found: &Found) -> Option<Self> {
        found.encode.misses.and(found.click.misses)?;
        let fit = |place: &Place| calibration.of(place.core.kind).map(FittedCore::new);
        Some(Self {
            fastest: fit(&setting.fastest)?,
            slowest: fit(&setting.slowest)?,
            misses_of: found.misses_of.clone(),
        })
    }

    /// The estimate of a phase, in place of what is believed of the cores. `scale` is what its counts may be off
    /// by. Threads divide computing among them; misses of the second cache in the low end, too, but in the high
    /// end they wait one after the other for the same memory.
    pub(crate) fn refine(
        &self,
        believed: PhaseEstimate,
        setting: &Setting,
        taken: Taken,
        scale: Range,
        parallel_share: Range,
    ) -> PhaseEstimate {
        let Some(misses) = taken.misses else { return believed };
        let Setting { threads, fastest, slowest, .. } = setting;
        let fast = self.fastest.parts(taken, misses, fastest);
        let slow = self.slowest.parts(taken, misses, slowest);
        let (less, more) = (scale.low / self.fastest.factor, scale.high * self.slowest.factor);
        let [well, badly] =
            [parallel_share.high, parallel_share.low].map(|share| speed_up(*threads, share));
        let compute_ms = Range::new(fast.core_ms * less / well, slow.core_ms * more / badly);
        let memory_ms = Range::new(fast.memory_ms * less / well, slow.memory_ms * more);
        let both = compute_ms.plus(memory_ms);
        // No error makes a core wider than it is, or memory faster.
        let low = both.low.max(believed.floor_ms).max(believed.memory_ms.low);
        let ms = Range::new(low, both.high.max(low));
        PhaseEstimate { compute_ms, memory_ms, ms, ..believed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{board, counts, facts, work};
    use crate::{Assumptions, Estimate};

    fn calibration(factor: f64) -> Calibration {
        let constants = Constants {
            cycles_per_instruction: 1.0,
            cycles_per_first_miss: 10.0,
            ns_per_second_miss: 100.0,
        };
        let cores = vec![CoreFit {
            core: "cortex-a53".to_string(),
            boards: vec!["b".to_string()],
            constants,
            factor,
            median_factor: 1.1,
            pairs: Vec::new(),
        }];
        Calibration { cores, ..Calibration::default() }
    }

    fn estimate(name: &str, threads: usize, factor: f64) -> Estimate {
        let mut setting = Setting::for_board(&board(name)).unwrap();
        setting.threads = threads;
        let mut counts = counts();
        counts.models[0].encode.misses = Some([20_000_000, 5_000_000]);
        counts.models[0].click.misses = Some([2_000_000, 1_000_000]);
        let assumptions = Assumptions::default();
        Estimate::new(setting, &facts(), &work(), &counts, &calibration(factor), &assumptions)
    }

    #[test]
    fn a_measured_core_s_range_by_hand() {
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
        let found = estimate("am62x", 1, 1.5);
        // 3e9 instructions and 20e6 misses of ten cycles at 1.4 GHz; 5e6 misses of 100 ns.
        let (core, memory) = (3.2e9 / 1.4e6, 500.0);
        near(found.encode.ms.low, (core + memory) / 1.5);
        near(found.encode.ms.high, (core + memory) * 1.5);
        let by = found.calibrated.unwrap();
        assert_eq!((by.slowest.core.as_str(), by.misses_of.as_str()), ("cortex-a53", "cortex-a53"));
        // Four threads: misses wait for one memory at worst.
        let found = estimate("am62x", 4, 1.5);
        near(found.encode.ms.high, (core / speed_up(4, 0.8) + memory) * 1.5);
        near(found.encode.ms.low, (core + memory) / speed_up(4, 0.98) / 1.5);
    }

    #[test]
    fn no_error_makes_a_core_wider_than_it_is() {
        let found = estimate("am62x", 1, 100.0);
        assert_eq!(found.encode.ms.low, found.encode.floor_ms);
        assert!(found.encode.ms.high > found.encode.ms.low);
    }

    #[test]
    fn a_core_that_nobody_measured_stays_what_is_believed() {
        let found = estimate("raspberry-pi-4", 4, 1.5);
        assert_eq!(found.calibrated, None);
    }
}
