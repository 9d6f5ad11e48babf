//! `cargo xtask dist`: the device binary as packages for one board, the same bytes every time.

mod archive;
mod board;
mod commit;
mod contents;
mod crates;
mod deb;
mod elf;
mod interface;
mod libraries;
mod licences;
mod output;
mod sbom;
mod unit;
mod verify;
mod words;

use anyhow::{Context, Result};
use board::Board;
use clap::Parser;
use contents::Contents;
use output::{Release, Report};
use std::path::PathBuf;
use std::process::ExitCode;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;
use uniultra_cross::{self as cross, Emulator, TARGET, Toolchain};

/// The model pack that is shipped: the one inside the binary.
const PACK: &str = "models/uniultra-mini-int8";

/// Pack the device binary for a board: tarball, .deb, SBOM, checksums.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask dist",
    bin_name = "cargo xtask dist",
    version,
    after_help = "Examples:
  cargo xtask dist --board raspberry-pi-4            tarball, .deb, SBOM and checksums, in target/dist
  cargo xtask dist --board raspberry-pi-4 --verify   and install and run them under emulation
  cargo xtask dist --board rk3588 --binary uniultra --interface capi --out release --json release.json

The board's profile is boards/ID.toml. Every file has the time of the commit (or SOURCE_DATE_EPOCH), so
that the same commit, binary and toolchain give the same bytes."
)]
struct Args {
    /// Board to pack for: the name of its profile in boards/.
    #[arg(long, value_name = "ID", required_unless_present = "gate")]
    board: Option<String>,
    /// Static program for 64-bit ARM to pack; if absent, it is built as by `cargo xtask cross`.
    #[arg(long, value_name = "FILE", requires = "interface")]
    binary: Option<PathBuf>,
    /// Folder of the C interface that goes with it, as `cargo xtask cross --library` lays it out.
    #[arg(long, value_name = "DIR", requires = "binary")]
    interface: Option<PathBuf>,
    /// Where the files go; target/dist/ID if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the table of what was written as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Pack twice and compare; unpack both packages and run what is in them under emulation.
    #[arg(long)]
    verify: bool,
    /// As the gate runs it: the first board with the target's processor, packed and verified.
    #[arg(long, conflicts_with_all = ["board", "binary", "interface", "out", "json", "verify"])]
    gate: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = Workspace::find().and_then(|workspace| match args.gate {
        true => check(&workspace),
        false => run(&workspace, &args),
    });
    screen::exit_code(outcome)
}

/// Builds if need be, packs, writes, and verifies if asked to.
fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    // Said now, not after the minutes that a build takes.
    let id = args.board.as_deref().context("expected --board")?;
    let board = Board::read(workspace, id)?;
    let out = args.out.as_ref().map(|folder| here.join(folder));
    let out = out.unwrap_or_else(|| workspace.target.join("dist").join(board.id()));
    let (binary, interface) = match (&args.binary, &args.interface) {
        (Some(binary), Some(interface)) => (here.join(binary), here.join(interface)),
        _ => {
            let toolchain = Toolchain::setup(workspace)?;
            let binary = cross::static_binary(workspace, &toolchain)?;
            (binary, cross::library(workspace, &toolchain)?)
        }
    };
    let contents = Contents::gather(workspace, board, &binary, &interface)?;
    let written = Release::pack(&contents)?.write(&out)?;
    let warnings = warnings(&contents);
    let report = Report::new(&contents, &warnings, &written);
    report.show(workspace);
    if let Some(file) = &args.json {
        report.write(&here.join(file))?;
    }
    for warning in &warnings {
        screen::line(&format!("warning: {warning}"));
    }
    if args.verify {
        let emulator = Emulator::setup(workspace)?;
        let again = Contents::gather(workspace, contents.board.clone(), &binary, &interface)?;
        verify::run(workspace, &emulator, &again, &written, &contents.board)?;
    }
    Ok(())
}

/// The gate's step: the first board with the target's processor, packed, installed and run.
fn check(workspace: &Workspace) -> Result<()> {
    if !cross::is_possible(workspace) {
        return Ok(());
    }
    let board = board::first(workspace)
        .with_context(|| format!("expected a profile in boards/ for {TARGET}, found none"))?;
    // What the step `cross` has built already.
    let (binary, interface) = (None, None);
    let (board, out, json) = (Some(board), None, None);
    run(workspace, &Args { board, binary, interface, out, json, verify: true, gate: false })
}

/// What does not stop a release, but whoever ships it should know.
fn warnings(contents: &Contents) -> Vec<String> {
    let mut warnings = contents.licences.warnings.clone();
    if contents.commit.dirty {
        warnings.push("files differ from the commit's: nobody can build the same".to_string());
    }
    warnings
}
