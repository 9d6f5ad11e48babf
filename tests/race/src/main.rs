//! `cargo xtask race`: our runtime and its peers on the same weights, frame and click, one table.
//!
//! Every lane is a process of its own and speaks the same protocol; one works at a time, in turns.
//! `tests/peers/README.md` says who the peers are and how each is set.

mod agreement;
mod arm;
mod field;
mod figures;
mod files;
mod lane;
mod machine;
mod record;
mod rounds;
mod table;
mod trials;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use field::{Entrant, ONNX_RUNTIME, Precision, name};
use files::{CONVERTED, Files, Scope};
use machine::Machine;
use rounds::{Plan, Track};
use std::process::ExitCode;
use table::Results;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{python, screen};

/// Without dot products and halves, and with: a Cortex-A72 executes what a Cortex-A53 does.
const ARM_CORES: [&str; 2] = ["cortex-a53", "cortex-a76"];

/// Those that others have timed the well-known networks on: other caches are other misses.
const CLASSIC_CORES: [&str; 3] = ["cortex-a53", "cortex-a72", "cortex-a76"];

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
    /// With --arm: MNN in f32 as the only peer, and no caches.
    #[arg(long, conflicts_with_all = ["size", "rounds", "record"])]
    quick: bool,
    /// Count instructions instead, as on boards with 64-bit ARM: under emulation, with modelled caches.
    #[arg(long, conflicts_with_all = ["size", "threads", "rounds"])]
    arm: bool,
    /// Count well-known networks in ncnn instead, which others have timed on boards: what `uniultra-tools
    /// estimate` is calibrated with. With --record: into tools/estimate/data/classics.json.
    #[arg(long, conflicts_with_all = ["arm", "size", "threads", "rounds", "quick"])]
    classics: bool,
    /// With --classics: only this network, e.g. `resnet18`; may be repeated.
    #[arg(long, value_name = "NAME", requires = "classics")]
    network: Vec<String>,
    /// With --arm or --classics: only as on this core; may be repeated.
    #[arg(long, value_name = "CORE", value_parser = ["a53", "a72", "a76"])]
    core: Vec<String>,
    /// With --arm: only this peer, e.g. `mnn f32`; may be repeated.
    #[arg(long, value_name = "LANE", requires = "arm")]
    lane: Vec<String>,
    /// Put the results into tests/peers/RESULTS.md, too; with --classics, see there.
    #[arg(long)]
    record: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    screen::exit_code(Workspace::find().and_then(|workspace| run(&workspace, &args)))
}

/// Runs the race, prints the table and keeps it.
fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    ensure!(
        args.core.is_empty() || args.arm || args.classics,
        "--core: expected --arm or --classics beside it"
    );
    if args.classics {
        let chosen: Vec<_> = args.core.iter().map(|core| format!("cortex-{core}")).collect();
        let chosen: Vec<_> = chosen.iter().map(String::as_str).collect();
        let cores: &[&str] = if chosen.is_empty() { &CLASSIC_CORES } else { &chosen };
        return arm::run_classics(workspace, cores, &args.network, args.record);
    }
    if args.arm {
        let chosen: Vec<_> = args.core.iter().map(|core| format!("cortex-{core}")).collect();
        let chosen: Vec<_> = chosen.iter().map(String::as_str).collect();
        let cores: &[&str] = if chosen.is_empty() { &ARM_CORES } else { &chosen };
        let asked = arm::Asked { cores, lanes: &args.lane, quick: args.quick, record: args.record };
        return arm::run(workspace, &asked);
    }
    let threads = usize::from(args.threads);
    if args.quick {
        return quick(workspace, threads);
    }
    let plan = Plan { threads, rounds: usize::from(args.rounds), runs: [3, 6] };
    let results =
        race(workspace, Scope { size: args.size, quick: false, engines: CONVERTED }, plan)?;
    if args.record {
        record::record(workspace, &results)?;
    }
    Ok(())
}

/// Asserts that every lane runs and agrees, and nothing of time.
fn quick(workspace: &Workspace, threads: usize) -> Result<()> {
    let plan = Plan { threads, rounds: 1, runs: [1, 1] };
    let results =
        race(workspace, Scope { size: 512, quick: true, engines: &[ONNX_RUNTIME] }, plan)?;
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
