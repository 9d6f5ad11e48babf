//! `cargo xtask race`: our runtime and its peers on the same weights, frame and click, one table.
//!
//! Every lane is a process of its own and speaks the same protocol; one works at a time, in turns.
//! `tests/peers/README.md` says who the peers are and how each is set.

mod agreement;
mod field;
mod figures;
mod files;
mod lane;
mod machine;
mod record;
mod rounds;
mod table;
mod trials;

use anyhow::{Context, Result, bail};
use clap::Parser;
use field::{Entrant, ONNX_RUNTIME, Precision, name};
use files::{Files, Scope};
use machine::Machine;
use rounds::{Plan, Track};
use std::process::ExitCode;
use table::Results;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{python, screen};

/// Time our runtime and its peers on the same weights, frame and click, in turns.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask race", bin_name = "cargo xtask race", version)]
struct Args {
    /// Side of the networks' square input in pixels, a multiple of 32.
    #[arg(long, value_name = "PIXELS", default_value_t = 1024)]
    size: u32,
    /// Threads of every lane.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    threads: u8,
    /// Turns of every lane.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// A smoke test, as the gate runs it: 512 px, one round of the dev profile, and ONNX Runtime as the
    /// only peer.
    #[arg(long, conflicts_with_all = ["size", "rounds", "record"])]
    quick: bool,
    /// Put the results into tests/peers/RESULTS.md, too.
    #[arg(long)]
    record: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    screen::exit_code(Workspace::find().and_then(|workspace| run(&workspace, &args)))
}

/// Runs the race, prints the table and keeps it.
fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let threads = usize::from(args.threads);
    if args.quick {
        return quick(workspace, threads);
    }
    let plan = Plan { threads, rounds: usize::from(args.rounds), runs: [3, 6] };
    let results = race(workspace, Scope { size: args.size, quick: false }, plan)?;
    if args.record {
        record::record(workspace, &results)?;
    }
    Ok(())
}

/// Asserts that every lane runs and agrees, and nothing of time.
fn quick(workspace: &Workspace, threads: usize) -> Result<()> {
    let plan = Plan { threads, rounds: 1, runs: [1, 1] };
    let results = race(workspace, Scope { size: 512, quick: true }, plan)?;
    for line in &results.lines {
        if let Err(why) = &line.outcome {
            bail!("{}: {why}", line.entrant.name);
        }
    }
    Ok(())
}

fn race(workspace: &Workspace, scope: Scope, plan: Plan) -> Result<Results> {
    let environment = if scope.quick { &python::CONFORMANCE } else { &python::PEERS };
    let python = python::setup(workspace, environment)?;
    let race = workspace.target.join("race");
    let kind = if scope.quick { "-quick" } else { "" };
    let folder = race.join(format!("{}{kind}", scope.size));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", workspace.shown(&folder)))?;
    // What is built now, whatever is committed while the race goes on.
    let machine = Machine::find(workspace);
    let files = Files::make(workspace, &python, &folder, scope)?;
    let field = if scope.quick {
        field::quick(&files)
    } else {
        field::full(&files, machine::computes_in_bf16())
    };
    let reference = find(&field, &name(ONNX_RUNTIME, Precision::F32))?;
    let track = Track { workspace, python: &python, files: &files, folder, plan };
    let reference = track.reference(reference).context("the reference, ONNX Runtime in f32")?;
    let lines = track.race(field, &reference);
    let results = Results { size: scope.size, quick: scope.quick, plan, machine, lines };
    screen::line(&format!("\n{}\n\n{}", results.title(), results.markdown().trim_end()));
    record::keep(workspace, &race, &results)?;
    for precision in [Precision::F32, Precision::Int8] {
        if results.ours(precision).is_none() {
            bail!("our own lane in {} did not finish", precision.name());
        }
    }
    Ok(results)
}

fn find<'a>(field: &'a [Entrant], name: &str) -> Result<&'a Entrant> {
    field.iter().find(|entrant| entrant.name == name).with_context(|| format!("no lane `{name}`"))
}
