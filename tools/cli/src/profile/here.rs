//! A profile of this machine.

use super::Args;
use crate::images::progress_bar;
use crate::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::path::{Path, PathBuf};
use uniultra_core::Frame;
use uniultra_engine::{EngineOptions, cpu_features, cpu_name, engine_name, peak_rss_mib};
use uniultra_profile::{
    Allocations, Comparison, FrameFacts, ModelFacts, Other, Peaks, Profile, ProfileError,
    Recording, Report, Runs, Setting, Subject, frame_of, measure, profile_document, read_report,
    sample_frame, write_profile,
};
use uniultra_report::json_text;

/// The system's allocator with counters: what `profile` says of allocations.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What stands next to the model.
enum Beside {
    Nothing,
    Pack(PathBuf),
    Report(Box<Report>, PathBuf),
}

/// Profiles and writes the report.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
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
    let tables = || {
        let text = profile_document(&report, args.top).to_markdown();
        let wrote = |folder: &PathBuf| format!("\nwrote {}\n", folder.join("flame.svg").display());
        text + &args.out.as_ref().map(wrote).unwrap_or_default()
    };
    json::print(args.json.as_ref(), || json_text(&report), tables)
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
