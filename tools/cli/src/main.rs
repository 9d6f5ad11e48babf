//! `uniultra-tools`: the host side. Inspect checkpoints, export and quantize model packs, make
//! phantoms, prepare data sets, segment archives, measure, compare and profile models, estimate them
//! for boards.

mod batch;
mod compare;
mod estimate;
mod evaluate;
mod export;
mod failure;
mod images;
mod inspect;
mod json;
#[cfg(test)]
mod json_schemas;
mod phantom;
mod prepare;
mod profile;
mod quantize;
mod track;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Host tools of UniUltra Edge. Research software, not a medical device.
#[derive(Debug, Parser)]
#[command(version, after_help = failure::EXIT_CODES)]
struct Cli {
    /// Say more on stderr: -v what is done, -vv details.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a checkpoint holds, or what an architecture would.
    Inspect(inspect::Args),
    /// Write a model pack (ONNX and model.toml) from a checkpoint.
    Export(export::Args),
    /// Simulate B-mode frames with exact masks.
    Phantom(phantom::Args),
    /// Make a data folder of a published data set, from the layout it is distributed in.
    Prepare(prepare::Args),
    /// Make an int8 model pack of an f32 one: calibration, sensitivity, mixed precision.
    Quantize(quantize::Args),
    /// Measure model packs on datasets: Dice, IoU, HD95, clicks; tables, plots and overlays.
    Evaluate(evaluate::Args),
    /// Put two model packs side by side: size, nodes, speed, accuracy, agreement of their masks.
    Compare(compare::Args),
    /// Say where the time of a model pack goes on this machine: operations, blocks, roofline.
    Profile(profile::Args),
    /// Say how long a model pack would take on a board that is not there: a range, and what it rests on.
    Estimate(estimate::Args),
    /// Measure how well a live session follows objects through sequences of frames.
    Track(track::Args),
    /// Segment an archive of images and DICOM files from a list of prompts: resumable, in shards.
    Batch(batch::Args),
    /// Join the shards of one evaluation or batch.
    Merge(evaluate::MergeArgs),
}

fn main() -> ExitCode {
    uniultra_engine::guard_process(failure::OUT_OF_MEMORY);
    let cli = Cli::parse();
    // tract warns of every graph of an opset above 18: all packs are, and are tested.
    let filter = ["warn,tract_onnx=error", "info,tract_onnx=error", "debug"];
    let filter = filter[usize::from(cli.verbose.min(2))];
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter)).init();
    failure::report(failure::caught(|| run(&cli.command)))
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect::run(args),
        Command::Export(args) => export::run(args),
        Command::Phantom(args) => phantom::run(args),
        Command::Prepare(args) => prepare::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Profile(args) => profile::run(args),
        Command::Estimate(args) => estimate::run(args),
        Command::Track(args) => track::run(args),
        Command::Batch(args) => batch::run(args),
        Command::Merge(args) => evaluate::run_merge(args),
    }
}
