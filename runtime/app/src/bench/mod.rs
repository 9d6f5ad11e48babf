//! `uniultra bench`: how fast a model is on this machine, stage by stage.
//!
//! The first pass measures the cold start. Its clock starts at the first line of `main`, so it does
//! not include the system's work to start a process (a few milliseconds). Then the same frame is
//! encoded repeatedly, each time with two clicks at new places. With `--minutes` this continues
//! until the machine is warm. With a board's profile, the report says whether its budgets are held.

mod budget;
mod endurance;
mod frame;
mod measure;
mod report;
mod sensors;

use crate::args::BenchArgs;
use crate::board::RunSetup;
use crate::failure::AppError;
use crate::frame_source::FrameSource;
use crate::model::ModelSource;
use crate::output::{Destination, check_json, print};
use endurance::endure;
use log::info;
use measure::{mask, measure, ms, nth_click};
use report::{BenchReport, ColdStart, FrameReport, Setting};
use sensors::Sensors;
use std::path::Path;
use std::time::Instant;
use uniultra_engine::Segmenter;
use uniultra_manifest::ManifestError;

/// Runs the command; `started` is the start of the program.
pub(crate) fn run(args: &BenchArgs, board: Option<&Path>, started: Instant) -> anyhow::Result<()> {
    let source = args.frame.clone().map(FrameSource::File);
    check_json(args.json.as_ref(), source.as_ref())?;
    let model = ModelSource::resolve(args.model.as_deref())?;
    let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
    let mut clock = Clock(started);
    let mut cold_start = ColdStart { start_up: clock.lap_ms(), ..ColdStart::default() };

    let frame = match &source {
        Some(source) => source.read()?,
        None => frame::speckle()?,
    };
    cold_start.frame = clock.lap_ms();
    let segmenter = setup.open(&model)?;
    cold_start.load = clock.lap_ms();
    let encoded = segmenter.encode(&frame)?;
    cold_start.first_encode = clock.lap_ms();
    let prediction = encoded.predict(&nth_click(&frame, 0)?)?;
    cold_start.first_click = clock.lap_ms();
    drop(mask(&prediction));
    cold_start.first_mask = clock.lap_ms();
    drop((prediction, encoded));
    info!("first mask after {:.0} ms", ms(started.elapsed()));

    let read_and_verify_ms = read_and_verify_ms(&model)?;
    let times = measure(&segmenter, &frame, [args.warm_up, args.runs])?;
    let endure = |minutes| {
        let sensors = Sensors::find(Path::new("/sys"), &setup.engine.pins);
        endure(&segmenter, &frame, minutes, args.fps, &sensors)
    };
    let endurance = args.minutes.map(endure).transpose()?;
    let frame = FrameReport {
        path: source.as_ref().map(FrameSource::name),
        width: frame.width(),
        height: frame.height(),
    };
    let setting = setting(args, &setup, &model, &segmenter, frame);
    let mut report = BenchReport::new(setting, &times, cold_start, read_and_verify_ms);
    report.add_endurance(endurance);
    report.compare(setup.board().map(|board| &board.budget));
    if let Some(target) = &args.json {
        target.write_json(&report)?;
    }
    if args.json != Some(Destination::Stdout) {
        print(&report.text()?)?;
    }
    match (setup.board(), report.missed()) {
        (Some(board), missed) if !missed.is_empty() => {
            Err(AppError::Missed(format!("board {}: {missed}", board.id)).into())
        }
        _ => Ok(()),
    }
}

/// Time since the lap before.
struct Clock(Instant);

impl Clock {
    fn lap_ms(&mut self) -> f64 {
        let now = Instant::now();
        let lap = now.duration_since(self.0);
        self.0 = now;
        ms(lap)
    }
}

fn read_and_verify_ms(model: &ModelSource) -> Result<f64, ManifestError> {
    let start = Instant::now();
    let pack = model.pack()?;
    drop((pack.read_image_encoder()?, pack.read_mask_decoder()?));
    Ok(ms(start.elapsed()))
}

fn setting(
    args: &BenchArgs,
    setup: &RunSetup,
    model: &ModelSource,
    segmenter: &Segmenter,
    frame: FrameReport,
) -> Setting {
    let manifest = segmenter.manifest();
    Setting {
        version: env!("CARGO_PKG_VERSION"),
        model: manifest.model.id.clone(),
        model_version: manifest.model.version.clone(),
        model_origin: model.report(),
        precision: manifest.model.precision.to_string(),
        image_size: manifest.model.image_size,
        image_encoder_sha256: manifest.image_encoder.sha256.to_string(),
        mask_decoder_sha256: manifest.mask_decoder.sha256.to_string(),
        engine: uniultra_engine::engine_name(),
        threads: setup.engine.threads,
        board: setup.report(),
        threads_available: std::thread::available_parallelism().ok().map(usize::from),
        cpu: uniultra_engine::cpu_name(),
        arch: std::env::consts::ARCH,
        cpu_features: uniultra_engine::cpu_features(),
        frame,
        warm_up: args.warm_up,
        runs: args.runs,
    }
}
