//! A profile of this machine.

use super::Args;
use crate::images::progress_bar;
use crate::json;
use std::path::{Path, PathBuf};
use uniultra_core::Frame;
use uniultra_engine::{EngineOptions, cpu_features, cpu_name, engine_name, peak_rss_mib};
use uniultra_profile::{
    Comparison, Other, Peaks, Profile, ProfileError, Recording, Report, Runs, Setting, Subject,
    frame_of, measure, profile_document, read_report, sample_frame, write_profile,
};
use uniultra_report::json_text;
use uniultra_schema::{Machine, ModelIdentity, ModelOrigin, TimedFrame};

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
    json::print(args.json.as_ref(), || json_text(Some(&report.profile.model), &report), tables)
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
    let recordings = measure(&a, b.as_ref(), frame, runs, &|| bar.inc(1));
    bar.finish_and_clear();
    let (of_a, of_b) = recordings?;
    let peak_rss_mib = peak_rss_mib();
    let peaks = Peaks::measure(args.threads_here())?;

    let profile = |folder: &Path, subject: &Subject, recording: &Recording| {
        let model = ModelIdentity::new(subject.segmenter.manifest(), ModelOrigin::folder(folder));
        Profile::new(model, recording, &peaks)
    };
    let profile_b = match (beside, b.as_ref().zip(of_b)) {
        (Beside::Pack(folder), Some((b, recording))) => Some(profile(folder, b, &recording)),
        _ => None,
    };
    let a = profile(&args.model, &a, &of_a);
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

fn setting(args: &Args, frame: &Frame) -> Setting {
    Setting {
        engine: engine_name().to_string(),
        threads: args.threads_here(),
        machine: Machine {
            cpu: cpu_name(),
            arch: std::env::consts::ARCH.to_string(),
            cpu_features: cpu_features().into_iter().map(str::to_string).collect(),
            threads_available: std::thread::available_parallelism().ok().map(usize::from),
        },
        frame: TimedFrame {
            path: args.frame.as_ref().map(|path| path.display().to_string()),
            width: frame.width(),
            height: frame.height(),
        },
        warm_up: args.warm_up,
        runs: args.runs,
    }
}
