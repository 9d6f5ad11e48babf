//! `uniultra-tools profile`.

use crate::device::{self, DeviceArgs};
use crate::failure::out;
use crate::images::progress_bar;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::path::{Path, PathBuf};
use uniultra_core::Frame;
use uniultra_engine::{
    EngineOptions, MAX_THREADS, cpu_features, cpu_name, engine_name, peak_rss_mib,
};
use uniultra_evaluate::check_free;
use uniultra_profile::{
    Allocations, Comparison, FrameFacts, ModelFacts, Other, Peaks, Profile, ProfileError,
    Recording, Report, Runs, Setting, Subject, frame_of, measure, profile_markdown, read_report,
    sample_frame, write_profile,
};
use uniultra_sink::{check_writable, write_atomically};

/// The system's allocator with counters: what `profile` says of allocations.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools profile --model models/uniultra-mini-int8 --out report
      where a frame and a click spend their time, one thread, on a simulated frame
  uniultra-tools profile --model my-pack --frame frame.png --threads 2 --runs 50 --top 30
  uniultra-tools profile --model models/a --compare models/a-int8
      both packs by turns, A B A B: kinds and blocks side by side
  uniultra-tools profile --model models/a --compare before/report.json
      the same next to the report of another build: not by turns, and labelled so
  uniultra-tools profile --model models/a --ssh root@board --board boards/rk3588.toml \\
    --binary target/cross/static-device/uniultra --out report
      `uniultra bench` on a device: stages, cold start, memory, budgets

Writes report.json, report.md and flame.svg (with --ssh stages.svg) to --out. A quantile is one of the
times, by nearest rank; that of a block or a kind of operation is of its sum, run by run. Gop/s are
GFLOP/s in f32, GOP/s in int8: two a multiply-accumulate. The roof is the shortest time for an operation's work at the peaks
that are measured in the same run; above 100 % its bytes come from a cache. Ratios are A over B: above
1 where B is faster. Times are those of this machine at this moment.";

/// What to profile, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model pack.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Frame to run on; a simulated one of 640 x 480 px if not given.
    #[arg(long, value_name = "FILE")]
    frame: Option<PathBuf>,
    /// Threads of the engine [default: 1; with --ssh the board's].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Runs that count, 1 to 1000: a frame with two clicks each.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// Runs before those, 0 to 1000.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) warm_up: u32,
    /// Operations in the table of the slowest; report.json has all of them.
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,
    /// Folder of the report; the tables are printed without one, too.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a report that is already in the folder.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Write report.json to this file; `-` prints it in place of the tables.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,
    /// Another pack, run by turns with this one, or the report.json of another build.
    #[arg(long, value_name = "DIR|FILE")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

impl Args {
    /// Threads on this machine.
    fn threads_here(&self) -> usize {
        self.threads.unwrap_or(1)
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MAX_THREADS) => Ok(count),
        _ => Err(format!("expected 1 to {MAX_THREADS}")),
    }
}

/// What stands next to the model.
enum Beside {
    Nothing,
    Pack(PathBuf),
    Report(Box<Report>, PathBuf),
}

/// Profiles and writes the report.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(host) = &args.device.ssh {
        return device::run(args, host);
    }
    let json_file = args.json.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = json_file {
        check_writable(path).map_err(ProfileError::from)?;
    }
    if let Some(folder) = args.out.as_deref().filter(|_| !args.force) {
        check_free(folder)?;
    }
    let frame = match &args.frame {
        Some(path) => frame_of(path)?,
        None => sample_frame()?,
    };
    let beside = match &args.compare {
        None => Beside::Nothing,
        Some(path) if path.is_dir() => Beside::Pack(path.clone()),
        Some(path) => Beside::Report(Box::new(read_report(path)?), path.clone()),
    };
    let report = profile(args, &frame, &beside)?;

    if let Some(folder) = &args.out {
        write_profile(folder, &report, args.top)?;
    }
    if let Some(path) = json_file {
        let json = report.to_json()?;
        write_atomically(path, |file| file.write_all(json.as_bytes()))
            .map_err(ProfileError::from)?;
    }
    if args.json.is_some() && json_file.is_none() {
        return Ok(out(&report.to_json()?)?);
    }
    let mut text = profile_markdown(&report, args.top);
    if let Some(folder) = &args.out {
        text += &format!("\nwrote {}\n", folder.join("flame.svg").display());
    }
    Ok(out(&text)?)
}

fn profile(args: &Args, frame: &Frame, beside: &Beside) -> Result<Report, ProfileError> {
    let options = EngineOptions::new().with_threads(args.threads_here());
    let a = Subject::open(&args.model, &options)?;
    let b = match beside {
        Beside::Pack(folder) => Some(Subject::open(folder, &options)?),
        _ => None,
    };
    let runs = Runs { warm_up: args.warm_up, count: args.runs };
    let bar = progress_bar((runs.warm_up + runs.count) as usize, "runs");
    let recordings = measure(&a, b.as_ref(), frame, runs, &allocations, &|| bar.inc(1));
    bar.finish_and_clear();
    let (of_a, of_b) = recordings?;
    let peak_rss_mib = peak_rss_mib();
    let peaks = Peaks::measure(args.threads_here())?;

    let profile = |subject: &Subject, recording: &Recording| {
        Profile::new(ModelFacts::of(subject.segmenter.manifest()), recording, &peaks, true)
    };
    let profile_b = b.as_ref().zip(of_b).map(|(b, recording)| profile(b, &recording));
    let a = profile(&a, &of_a);
    let setting = setting(args, frame);
    let side_by_side = |b: &Profile, path: &Path, setting: &Setting, interleaved| {
        let path = path.display().to_string();
        let other = Other { path, model: b.model.clone(), setting: setting.clone() };
        Comparison::new([&a, b], other, interleaved)
    };
    let comparison = match (beside, &profile_b) {
        (Beside::Pack(folder), Some(b)) => Some(side_by_side(b, folder, &setting, true)),
        (Beside::Report(b, path), _) => Some(side_by_side(&b.profile, path, &b.setting, false)),
        _ => None,
    };
    Ok(Report::new(setting, peaks, a, peak_rss_mib, comparison))
}

fn allocations() -> Allocations {
    let stats = ALLOCATOR.stats();
    Allocations {
        count: (stats.allocations + stats.reallocations) as u64,
        bytes: stats.bytes_allocated as u64,
    }
}

fn setting(args: &Args, frame: &Frame) -> Setting {
    Setting {
        tool: env!("CARGO_PKG_VERSION").to_string(),
        engine: engine_name().to_string(),
        threads: args.threads_here(),
        cpu: cpu_name(),
        arch: std::env::consts::ARCH.to_string(),
        cpu_features: cpu_features().into_iter().map(str::to_string).collect(),
        frame: FrameFacts {
            path: args.frame.as_ref().map(|path| path.display().to_string()),
            width: frame.width(),
            height: frame.height(),
        },
        warm_up: args.warm_up,
        runs: args.runs,
    }
}
