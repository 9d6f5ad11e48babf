//! The project's gate and chores: `cargo xtask check`, `setup-python`, `demo`.

mod check;
mod demo;
mod files;
mod msrv;
mod python;
mod screen;
mod toolchain;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// The project's gate and chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole gate: files, formatting, lints, docs, fuzz targets, tests.
    Check(check::Args),
    /// Install the pinned ONNX packages into target/venv.
    SetupPython,
    /// Export a pack from a checkpoint and segment one frame with it.
    Demo(demo::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Workspace::find().and_then(|workspace| match &cli.command {
        Command::Check(args) => check::run(&workspace, args),
        Command::SetupPython => python::setup(&workspace).map(|_| ()),
        Command::Demo(args) => demo::run(&workspace, args),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
