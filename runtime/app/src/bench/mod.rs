//! `uniultra bench`: how fast a model is on this machine, stage by stage.
//!
//! The first pass measures the cold start. Its clock starts at the first line of `main`, so it does
//! not include the system's work to start a process (a few milliseconds). Then the same frame is
//! encoded repeatedly, each time with two clicks at new places. With `--minutes` this continues
//! until the machine is warm. With a board's profile, the report says whether its budgets are held.

mod endurance;
mod frame;
mod measure;
mod report;
mod sensors;

use crate::args::BenchArgs;
use crate::board::RunSetup;
use crate::document::document;
use crate::failure::AppError;
use crate::frame_source::FrameSource;
use crate::model::ModelSource;
use crate::output::{check_json, print, write_json};
use endurance::endure;
use log::info;
use measure::{mask, measure, ms, nth_click};
use report::{Setting, budgets, text};
use sensors::Sensors;
use std::path::Path;
use std::time::Instant;
use uniultra_core::DecodeOptions;
use uniultra_manifest::ManifestError;
use uniultra_schema::{ColdStart, TimedFrame};
use uniultra_sink::Destination;

/// Runs the command; `started` is the start of the program.
pub(crate) fn run(args: &BenchArgs, board: Option<&Path>, started: Instant) -> anyhow::Result<()> {
    let source = args.frame.clone().map(FrameSource::File);
    check_json(args.json.as_ref(), source.as_ref())?;
    let model = ModelSource::resolve(args.model.as_deref())?;
    let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
    let mut clock = Clock(started);
    let mut cold_start = ColdStart { start_up: clock.lap_ms(), ..ColdStart::default() };

    let frame = match &source {
        Some(source) => source.read(&DecodeOptions::default())?.frame,
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
    let frame = TimedFrame {
        path: source.as_ref().map(FrameSource::name),
        width: frame.width(),
        height: frame.height(),
    };
    let setting = Setting {
        threads: setup.engine.threads,
        board: setup.report(),
        machine: crate::machine::here(),
        frame,
        warm_up: args.warm_up,
        runs: args.runs,
    };
    let mut report = setting.report(&times, cold_start, read_and_verify_ms, endurance);
    report.budgets = setup.board().map(|board| budgets(&report, &board.budget));
    let missed = report.budgets.map(|budgets| budgets.missed()).unwrap_or_default();
    let report = document(Some(model.identity(segmenter.manifest())), report);
    if let Some(target) = &args.json {
        write_json(target, &report)?;
    }
    if args.json != Some(Destination::Stdout) {
        print(&text(&report)?)?;
    }
    match setup.board() {
        Some(board) if !missed.is_empty() => {
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
