//! From instructions, products and bytes to milliseconds.

use crate::assumptions::speed_up;
use crate::calibrated::Calibrated;
use crate::counts::Taken;
use crate::{
    Assumptions, Basis, CORE_KINDS, Calibration, CoreKind, EstimateError, InstructionCounts,
    PackWork, PhaseWork, Range, core_kind,
};
use serde::Serialize;
use uniultra_manifest::Board;
use uniultra_schema::ModelIdentity;

/// The cores that an estimate is for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Setting {
    /// Threads of the engine, no more than there are CPUs for them.
    pub threads: usize,
    /// The fastest of the cores that the threads may be on.
    pub fastest: Place,
    /// The slowest of them.
    pub slowest: Place,
    /// Theoretical peak of the DRAM interface, in 1e9 bytes a second.
    pub bandwidth_gb_s: f64,
}

/// A core at its highest clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Place {
    /// Its kind.
    #[serde(flatten)]
    pub core: &'static CoreKind,
    /// Its highest clock, in MHz.
    pub mhz_max: u32,
}

/// How long a model would take on a board.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Estimate {
    /// The cores.
    pub setting: Setting,
    /// Where the instructions are from.
    pub basis: Basis,
    /// The measured times of other networks that the range rests on; `null` where nobody measured this kind of
    /// core, or no misses were counted: then it rests on what is assumed of the core.
    pub calibrated: Option<Calibrated>,
    /// One frame, without preprocessing.
    pub encode: PhaseEstimate,
    /// One click, from prompt to logits.
    pub click: PhaseEstimate,
    /// From a frame's pixels to the mask of its first click, in milliseconds.
    pub frame_to_mask_ms: Range,
    /// Largest resident set of the process, in MiB; `null` where this system does not tell.
    pub rss_mib: Option<Range>,
}

/// One frame or one click.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PhaseEstimate {
    /// Instructions; `null` if nothing like it was counted.
    pub instructions: Option<Range>,
    /// What no core of this kind can be faster than, all threads busy, in milliseconds.
    pub floor_ms: f64,
    /// Computing, in milliseconds.
    pub compute_ms: Range,
    /// Moving bytes from and to memory, in milliseconds.
    pub memory_ms: Range,
    /// The estimate, in milliseconds.
    pub ms: Range,
}

impl Setting {
    /// Of a board's profile.
    ///
    /// # Errors
    /// [`EstimateError::UnknownCore`] if there are no figures for a core that threads may be on.
    pub fn for_board(board: &Board) -> Result<Self, EstimateError> {
        let pins = board.pins();
        let groups: Vec<_> = if pins.is_empty() {
            board.cores.iter().collect()
        } else {
            pins.iter().filter_map(|&cpu| board.cores_of(cpu)).collect()
        };
        let place = |kind: &str, mhz_max| match core_kind(kind) {
            Some(core) => Ok(Place { core, mhz_max }),
            None => Err(EstimateError::UnknownCore {
                board: board.id.clone(),
                known: CORE_KINDS.map(|core| core.kind).join(", "),
                found: kind.to_string(),
            }),
        };
        let places: Vec<Place> =
            groups.iter().map(|g| place(&g.kind, g.mhz_max)).collect::<Result<_, _>>()?;
        let by =
            |rate: fn(&Place) -> f64| move |a: &&Place, b: &&Place| rate(a).total_cmp(&rate(b));
        let fastest = places.iter().max_by(by(|p| p.per_ms(p.core.sustained_ipc.high)));
        let slowest = places.iter().min_by(by(|p| p.per_ms(p.core.sustained_ipc.low)));
        // A profile has cores, and pins that are among them.
        let (Some(&fastest), Some(&slowest)) = (fastest, slowest) else {
            return Err(EstimateError::UnknownCore {
                board: board.id.clone(),
                known: CORE_KINDS.map(|core| core.kind).join(", "),
                found: "none".to_string(),
            });
        };
        let cpus = if pins.is_empty() { board.cpu_count() } else { pins.len() };
        let threads = board.run.threads.min(cpus).max(1);
        let bandwidth_gb_s = board.memory.bandwidth_gb_s;
        Ok(Self { threads, fastest, slowest, bandwidth_gb_s })
    }
}

impl Place {
    /// Events in a millisecond, of so many a cycle.
    fn per_ms(&self, per_cycle: f64) -> f64 {
        per_cycle * f64::from(self.mhz_max) * 1e3
    }

    /// What the vector pipes need for the multiply-accumulates, on one core, in milliseconds.
    fn products_ms(&self, work: &PhaseWork) -> f64 {
        work.real_macs as f64 / self.per_ms(self.core.real_macs_per_cycle)
            + work.integer_macs as f64 / self.per_ms(self.core.integer_macs_per_cycle)
    }
}

impl Estimate {
    /// Of a model's work on the cores of `setting`.
    #[must_use]
    pub fn new(
        setting: Setting,
        model: &ModelIdentity,
        work: &PackWork,
        counts: &InstructionCounts,
        calibration: &Calibration,
        assumptions: &Assumptions,
    ) -> Self {
        // Cores of one profile that run other code for want of a feature are not pinned together.
        let found = counts.find(setting.slowest.core.counted_as, model, work);
        let calibrated =
            found.as_ref().and_then(|found| Calibrated::new(calibration, &setting, found));
        let phase = |work, taken: Option<Taken>, share| {
            let factor = match found.as_ref().map(|found| &found.basis) {
                Some(Basis::Counted { .. }) => Range::new(1.0, 1.0),
                _ => assumptions.scaling,
            };
            let range =
                |t: Taken| Range::new(t.instructions * factor.low, t.instructions * factor.high);
            let believed = PhaseEstimate::new(&setting, work, taken.map(range), share, assumptions);
            match calibrated.as_ref().zip(taken) {
                Some((by, taken)) => by.refine(believed, &setting, taken, factor, share),
                None => believed,
            }
        };
        let encode = found.as_ref().map(|found| found.encode);
        let encode = phase(&work.encode, encode, assumptions.encode_parallel_share);
        let click = found.as_ref().map(|found| found.click);
        let click = phase(&work.click, click, assumptions.click_parallel_share);
        let both = encode.ms.plus(click.ms);
        let factor = assumptions.frame_to_mask;
        let rss_mib = work.model_mib.map(|mib| Range::new(mib, mib).plus(assumptions.program_mib));
        let frame_to_mask_ms = Range::new(both.low * factor.low, both.high * factor.high);
        let basis = found.map_or(Basis::Pipes, |found| found.basis);
        Self { setting, basis, calibrated, encode, click, frame_to_mask_ms, rss_mib }
    }
}

impl PhaseEstimate {
    fn new(
        setting: &Setting,
        work: &PhaseWork,
        instructions: Option<Range>,
        parallel_share: Range,
        assumptions: &Assumptions,
    ) -> Self {
        let Setting { threads, fastest, slowest, bandwidth_gb_s } = setting;
        let pipes_ms = fastest.products_ms(work);
        let (floor_ms, one_core_ms) = match instructions {
            Some(Range { low, high }) => (
                pipes_ms.max(low / fastest.per_ms(fastest.core.width)),
                Range::new(
                    pipes_ms.max(low / fastest.per_ms(fastest.core.sustained_ipc.high)),
                    high / slowest.per_ms(slowest.core.sustained_ipc.low),
                ),
            ),
            None => {
                let share = assumptions.pipe_share;
                let slow_ms = slowest.products_ms(work);
                (pipes_ms, Range::new(pipes_ms / share.high, slow_ms / share.low))
            }
        };
        let compute_ms = Range::new(
            one_core_ms.low / speed_up(*threads, parallel_share.high),
            one_core_ms.high / speed_up(*threads, parallel_share.low),
        );
        let moved_ms = |bytes: u64, efficiency: f64| {
            bytes as f64 / (bandwidth_gb_s * efficiency * 1e6).max(f64::MIN_POSITIVE)
        };
        let efficiency = assumptions.memory_efficiency;
        let memory_ms = Range::new(
            moved_ms(work.weight_bytes.min(work.bytes), efficiency.high),
            moved_ms(work.bytes, efficiency.low),
        );
        Self {
            instructions,
            floor_ms: floor_ms / *threads as f64,
            compute_ms,
            memory_ms,
            ms: Range::new(
                compute_ms.low.max(memory_ms.low),
                compute_ms.high.max(compute_ms.low) + memory_ms.high,
            ),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{CountedModel, CountedPhase};

    pub(crate) fn facts() -> ModelIdentity {
        ModelIdentity {
            id: "m".to_string(),
            version: "1".to_string(),
            precision: "int8".to_string(),
            image_size: 512,
            image_encoder_sha256: "a".to_string(),
            mask_decoder_sha256: "b".to_string(),
            checkpoint_sha256: "c".to_string(),
            origin: uniultra_schema::ModelOrigin::embedded(),
        }
    }

    pub(crate) fn work() -> PackWork {
        let phase = |real_macs, integer_macs, bytes| PhaseWork {
            real_macs,
            integer_macs,
            bytes,
            weight_bytes: 2_000_000,
            ..PhaseWork::default()
        };
        PackWork {
            encode: phase(800_000_000, 1_600_000_000, 200_000_000),
            click: phase(100_000_000, 200_000_000, 30_000_000),
            model_mib: Some(40.0),
        }
    }

    /// The model of [`work`], counted for the Cortex-A53.
    pub(crate) fn counts() -> InstructionCounts {
        let phase = |instructions, work: &PhaseWork| CountedPhase {
            instructions,
            real_macs: work.real_macs,
            integer_macs: work.integer_macs,
            misses: None,
        };
        InstructionCounts {
            kind: "uniultra-instructions".to_string(),
            version: 1,
            date: "2026-11-28".to_string(),
            emulator: "an emulator".to_string(),
            models: vec![CountedModel {
                core: "cortex-a53".to_string(),
                graph: "ours".to_string(),
                model: "m".to_string(),
                precision: "int8".to_string(),
                image_size_px: 512,
                encode: phase(3_000_000_000, &work().encode),
                click: phase(400_000_000, &work().click),
            }],
        }
    }

    pub(crate) fn board(name: &str) -> Board {
        let path = format!("{}/../../boards/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Board::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    pub(crate) fn estimate(name: &str) -> Estimate {
        let setting = Setting::for_board(&board(name)).unwrap();
        uncalibrated(setting, &counts())
    }

    fn uncalibrated(setting: Setting, counts: &InstructionCounts) -> Estimate {
        let (calibration, assumptions) = (Calibration::default(), Assumptions::default());
        Estimate::new(setting, &facts(), &work(), counts, &calibration, &assumptions)
    }

    #[test]
    fn counted_instructions_become_a_range_by_hand() {
        let mut setting = Setting::for_board(&board("am62x")).unwrap();
        assert_eq!((setting.threads, setting.fastest.mhz_max), (4, 1400));
        setting.threads = 1;
        let found = uncalibrated(setting, &counts());
        assert_eq!(found.basis, Basis::Counted { core: "cortex-a53".to_string() });
        let encode = found.encode;
        // 3e9 instructions: two a cycle at 1.4 GHz, 1.4 a cycle, 0.6 a cycle.
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
        near(encode.floor_ms, 3e9 / (2.0 * 1.4e6));
        near(encode.compute_ms.low, 3e9 / (1.4 * 1.4e6));
        near(encode.compute_ms.high, 3e9 / (0.6 * 1.4e6));
        // 2 MB at 80 % of 3.2 GB/s, 200 MB at 40 % of it.
        near(encode.memory_ms.low, 2.0 / (3.2 * 0.8));
        near(encode.memory_ms.high, 200.0 / (3.2 * 0.4));
        near(encode.ms.low, encode.compute_ms.low);
        near(encode.ms.high, encode.compute_ms.high + encode.memory_ms.high);
        near(found.frame_to_mask_ms.low, encode.ms.low + found.click.ms.low);
        assert_eq!(found.rss_mib, Some(Range::new(42.0, 52.0)));
    }

    #[test]
    fn bounds_are_in_order_on_every_board() {
        for name in ["am62x", "raspberry-pi-4", "raspberry-pi-5", "qcs6490", "rk3588", "host"] {
            let found = estimate(name);
            for phase in [found.encode, found.click] {
                assert!(0.0 < phase.floor_ms && phase.floor_ms <= phase.ms.low, "{name} {phase:?}");
                assert!(phase.ms.low < phase.ms.high, "{name} {phase:?}");
            }
        }
    }

    #[test]
    fn more_clock_or_fewer_instructions_are_never_slower() {
        let time = |mhz_max, instructions| {
            let mut setting = Setting::for_board(&board("imx8m-plus")).unwrap();
            setting.fastest.mhz_max = mhz_max;
            setting.slowest.mhz_max = mhz_max;
            let mut counts = counts();
            counts.models[0].encode.instructions = instructions;
            uncalibrated(setting, &counts).encode.ms
        };
        let base = time(1000, 3_000_000_000);
        for other in [time(2000, 3_000_000_000), time(1000, 2_000_000_000)] {
            assert!(other.low <= base.low && other.high < base.high, "{other:?} {base:?}");
        }
    }

    #[test]
    fn the_slowest_and_the_fastest_core_in_use_bound_the_range() {
        let setting = Setting::for_board(&board("qcs6490")).unwrap();
        assert_eq!(
            (setting.threads, setting.slowest.mhz_max, setting.fastest.mhz_max),
            (4, 2400, 2700)
        );
        assert_eq!(setting.slowest.core.kind, "cortex-a78");
        let mut board = board("qcs6490");
        board.run.pin = uniultra_manifest::Pin::Cpus(Vec::new());
        assert_eq!(Setting::for_board(&board).unwrap().slowest.core.kind, "cortex-a55");
        board.cores[0].kind = "cortex-x9".to_string();
        let error = Setting::for_board(&board).unwrap_err().to_string();
        assert!(error.contains("found cortex-x9") && error.contains("cortex-a72"), "{error}");
    }

    #[test]
    fn without_counts_the_pipes_are_what_is_known() {
        let found = estimate("raspberry-pi-5");
        assert_eq!((found.basis.clone(), found.encode.instructions), (Basis::Pipes, None));
        assert!(found.encode.ms.high > 5.0 * found.encode.ms.low);
    }
}
