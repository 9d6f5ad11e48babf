//! The project's gate and chores: `cargo xtask check`, `setup-python`, `setup-train`, `train`,
//! `demo`, `browser`, `fuzz`, `race`, `cross`, `dist`.

mod browser;
mod check;
mod demo;
mod files;
mod fuzz;
mod msrv;
mod programs;
mod toolchain;
mod train;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{python, screen};

/// The project's gate and chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole gate: files, formatting, lints, docs, fuzz targets, tests, race, ARM, trainer.
    Check(check::Args),
    /// Install the pinned ONNX packages into target/venv.
    SetupPython,
    /// Unpack libtorch, which the trainer links, into target/libtorch.
    SetupTrain,
    /// Build the trainer and run it with the arguments after `--`.
    Train(train::Args),
    /// Export a pack from a checkpoint and segment one frame with it.
    Demo(demo::Args),
    /// Test the live page in Chromium, against `uniultra live` with its demo.
    Browser(browser::Args),
    /// Run the fuzz targets for some minutes each, on stable Rust.
    Fuzz(fuzz::Args),
    /// Build the device binary for 64-bit ARM Linux; the toolchain is set up on the first call.
    #[command(disable_help_flag = true)]
    Cross(programs::Args),
    /// Pack the device binary for a board: tarball, .deb, SBOM, checksums.
    #[command(disable_help_flag = true)]
    Dist(programs::Args),
    /// Time our runtime and its peers on the same weights, frame and click, in turns.
    #[command(disable_help_flag = true)]
    Race(programs::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Workspace::find().and_then(|workspace| run(&workspace, &cli.command)) {
        Ok(code) => code,
        Err(error) => {
            screen::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The exit code is that of the trainer or of another package where that ran.
fn run(workspace: &Workspace, command: &Command) -> Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(workspace, args)?,
        Command::SetupPython => {
            python::setup(workspace, &python::CONFORMANCE)?;
        }
        Command::SetupTrain => train::setup(workspace)?,
        Command::Train(args) => return train::run(workspace, args),
        Command::Demo(args) => demo::run(workspace, args)?,
        Command::Browser(args) => browser::run(workspace, args)?,
        Command::Fuzz(args) => fuzz::run(workspace, args)?,
        Command::Cross(args) => return programs::CROSS.hand_over(workspace, args),
        Command::Dist(args) => return programs::DIST.hand_over(workspace, args),
        Command::Race(args) => return programs::RACE.hand_over(workspace, args),
    }
    Ok(ExitCode::SUCCESS)
}
