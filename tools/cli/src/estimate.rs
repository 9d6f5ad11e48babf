//! `uniultra-tools estimate`.

use crate::failure::Missed;
use crate::json;
use std::path::PathBuf;
use uniultra_estimate::{
    Assumptions, Estimate, EstimateError, InstructionCounts, PackWork, Report, Setting,
    estimate_document, validate,
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

Nothing is measured on the board. Instructions are those counted under emulation
(`cargo xtask cross --count`) where this model was counted for this kind of core; what is assumed beside
them is in the last table. Exit code 0: the whole range is within every budget of the board. Exit code 5: it
is not, or not as a whole.";

/// What to estimate, and for which board.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Profile of the board.
    #[arg(long, value_name = "FILE")]
    board: PathBuf,
    /// Model pack.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
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
    let report = estimate(args)?;
    let tables = || estimate_document(&report).to_markdown();
    json::print(args.json.as_ref(), || json_text(Some(&report.model), &report), tables)?;
    if report.held {
        return Ok(());
    }
    Err(Missed(format!("board {}, by estimate: {}", report.board.id, report.not_held())).into())
}

fn estimate(args: &Args) -> Result<Report, EstimateError> {
    let file = BoardFile::open(&args.board)
        .map_err(|source| EstimateError::Board { path: args.board.clone(), source })?;
    let counts = match &args.counts {
        Some(path) => InstructionCounts::open(path)?,
        None => InstructionCounts::shipped()?,
    };
    let setting = Setting::for_board(&file.board)?;
    let (work, subject) = PackWork::measure(&args.model, setting.threads)?;
    let model = ModelIdentity::new(subject.segmenter.manifest(), ModelOrigin::folder(&args.model));
    let assumptions = Assumptions::default();
    let estimate = Estimate::new(setting, &model, &work, &counts, &assumptions);
    let runs = Runs { warm_up: WARM_UP, count: args.runs };
    let validation = match args.validate {
        true => Some(validate(&file.board, &estimate, &subject, runs)?),
        false => None,
    };
    Ok(Report::new(&file, model, &counts, assumptions, work, estimate, validation))
}
