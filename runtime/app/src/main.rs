//! `uniultra`: promptable ultrasound segmentation on the device.
//!
//! Arguments are parsed ([`args`]), then resolved into a request ([`request`]), which checks
//! everything that can be checked without a model, then carried out.

mod args;
mod bench;
mod board;
#[cfg(feature = "dicom")]
mod dicom;
mod document;
mod failure;
mod frame_source;
mod info;
mod input;
#[cfg(feature = "live")]
mod live;
mod machine;
mod meminfo;
mod model;
mod output;
mod report;
mod request;
mod segment;
mod selftest;
mod summary;
mod watchdog;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    uniultra_engine::guard_process(failure::OUT_OF_MEMORY);
    let cli = Cli::parse();
    // tract warns about every opset it has not certified, even those it runs. Users cannot act on
    // that.
    let filter =
        ["warn,tract_onnx=error", "warn,tract_onnx=error,uniultra=info", "warn,uniultra=debug"]
            [usize::from(cli.verbose.min(2))];
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter)).init();
    failure::report(failure::caught(|| run(&cli, started)))
}

fn run(cli: &Cli, started: Instant) -> anyhow::Result<()> {
    let board = cli.board.as_deref();
    match &cli.command {
        Command::Segment(args) => segment::run(args, board),
        Command::Bench(args) => bench::run(args, board, started),
        Command::Selftest(args) => selftest::run(args, board),
        #[cfg(feature = "live")]
        Command::Live(args) => live::run(args, board),
        Command::Info(args) => info::run(args, board),
    }
}
