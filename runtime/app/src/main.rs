//! `uniultra`: promptable ultrasound segmentation on the device.
//!
//! Arguments are parsed as typed ([`args`]), then resolved into a request in which everything that
//! can be checked without a model has been checked ([`request`]), then carried out.

mod answer;
mod args;
mod bench;
mod board;
mod failure;
mod info;
mod meminfo;
mod model;
mod output;
mod report;
mod request;
mod segment;
mod selftest;
mod summary;
mod warning;
mod watchdog;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let cli = Cli::parse();
    // tract warns of every opset it has not certified, also of those it runs: not the user's worry.
    let filter =
        ["warn,tract_onnx=error", "warn,tract_onnx=error,uniultra=info", "warn,uniultra=debug"]
            [usize::from(cli.verbose.min(2))];
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter)).init();
    let board = cli.board.as_deref();
    let outcome = match &cli.command {
        Command::Segment(args) => segment::run(args, board),
        Command::Bench(args) => bench::run(args, board, started),
        Command::Selftest(args) => selftest::run(args, board),
        Command::Info(args) => info::run(args, board),
    };
    failure::report(outcome)
}
