//! `uniultra-tools estimate`.

use crate::failure::Missed;
use crate::json;
use std::path::{Path, PathBuf};
use uniultra_estimate::{
    Assumptions, Calibration, Estimate, EstimateError, InstructionCounts, PackWork, Report,
    Setting, calibration_document, estimate_document, validate,
};
use uniultra_manifest::BoardFile;
use uniultra_profile::Runs;
use uniultra_report::json_text;
use uniultra_schema::{ModelIdentity, ModelOrigin};
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools estimate --board boards/raspberry-pi-4.toml --model models/uniultra-mini-int8
      between which times a frame and a click would be there, and whether the budgets are held
  uniultra-tools estimate --board boards/am62x.toml --model my-pack --json estimate.json
  uniultra-tools estimate --board boards/host.toml --model my-pack --validate
      the same of this machine, then measured: how far the estimate is off
  uniultra-tools estimate --calibration
      the measured times of other networks that estimates rest on, and how far off they are

Nothing is measured on the board. Instructions are those counted under emulation
(`cargo xtask cross --count`) where this model was counted for this kind of core. For kinds of core that
others have timed other networks on, what instructions and misses of caches cost is fitted to those times. What is
assumed beside them is in the last table. Exit code 0: the whole range is within every budget of the board. Exit code 5: it
is not, or not as a whole.";

/// What to estimate, and for which board.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Profile of the board.
    #[arg(long, value_name = "FILE", required_unless_present = "calibration")]
    board: Option<PathBuf>,
    /// Model pack.
    #[arg(long, value_name = "DIR", required_unless_present = "calibration")]
    model: Option<PathBuf>,
    /// Show instead what estimates of boards are calibrated with: runs of other networks that were measured on
    /// boards and counted, the constants fitted to them, and how far off a prediction is of a run that it did
    /// not know.
    #[arg(long, conflicts_with_all = ["board", "model", "counts", "validate"])]
    calibration: bool,
    /// Write the report as JSON to this file; `-` prints it in place of the tables.
    #[arg(long, value_name = "FILE|-")]
    json: Option<Destination>,
    /// Instructions counted by `cargo xtask cross --count`; those that came with this program if not given.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Measure the model here, too, and say how far the estimate is off: for a profile of this machine.
    #[arg(long)]
    validate: bool,
    /// Runs of the measurement that count, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "validate", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

/// Runs before those that count.
const WARM_UP: u32 = 3;

/// Estimates, writes the report, and fails if the budgets are not held.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    json::check(args.json.as_ref())?;
    let calibration = Calibration::shipped()?;
    // Of both or of none: the command line is checked.
    let (Some(board), Some(model)) = (&args.board, &args.model) else {
        let tables = || calibration_document(&calibration).to_markdown();
        return json::print(args.json.as_ref(), || json_text(None, &calibration), tables);
    };
    let report = estimate(args, board, model, &calibration)?;
    let tables = || estimate_document(&report).to_markdown();
    json::print(args.json.as_ref(), || json_text(Some(&report.model), &report), tables)?;
    if report.held {
        return Ok(());
    }
    Err(Missed(format!("board {}, by estimate: {}", report.board.id, report.not_held())).into())
}

fn estimate(
    args: &Args,
    board: &Path,
    model: &Path,
    calibration: &Calibration,
) -> Result<Report, EstimateError> {
    let file = BoardFile::open(board)
        .map_err(|source| EstimateError::Board { path: board.to_path_buf(), source })?;
    let counts = match &args.counts {
        Some(path) => InstructionCounts::open(path)?,
        None => InstructionCounts::shipped()?,
    };
    let setting = Setting::for_board(&file.board)?;
    let (work, subject) = PackWork::measure(model, setting.threads)?;
    let model = ModelIdentity::new(subject.segmenter.manifest(), ModelOrigin::folder(model));
    let assumptions = Assumptions::default();
    let estimate = Estimate::new(setting, &model, &work, &counts, calibration, &assumptions);
    let runs = Runs { warm_up: WARM_UP, count: args.runs };
    let validation = match args.validate {
        true => Some(validate(&file.board, &estimate, &subject, runs)?),
        false => None,
    };
    Ok(Report::new(&file, model, (&counts, calibration), assumptions, work, estimate, validation))
}
