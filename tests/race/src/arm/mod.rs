//! `cargo xtask race --arm`: instructions instead of times, on ARM, for a machine that is not there.
//!
//! A peer's own wheel for aarch64 runs under an emulator that counts; `tests/peers/README.md` says how.

mod classics;
mod field;
mod lanes;
mod system;
mod table;

use super::agreement::Outputs;
use super::field::{MNN, ONNX_RUNTIME, OURS, Precision, full, name};
use super::files::{Files, Scope};
use super::find;
use super::machine::Machine;
use super::record::{keep_as, record_as};
use super::rounds::{Plan, Track};
use anyhow::{Context, Result, bail};
pub(super) use classics::run as run_classics;
use field::{MNN_F32, ORT_INT8};
use lanes::{Line, Outcome};
use std::path::Path;
use table::Table;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{python, screen};
use uniultra_cross::{Counter, Detail, Toolchain};

/// Side of the networks' input, px: that of the shipped packs.
const SIZE: u32 = 512;

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) cores: &'a [&'a str],
    /// Names of peers; none for all.
    pub(super) lanes: &'a [String],
    pub(super) quick: bool,
    pub(super) record: bool,
}

impl Asked<'_> {
    fn wants(&self, lane: &str) -> bool {
        match self.quick {
            true => lane == MNN_F32,
            false => self.lanes.is_empty() || self.lanes.iter().any(|name| name == lane),
        }
    }
}

/// What is counted on each core. In a quick run: instructions by class, without caches.
fn detail(quick: bool) -> Detail {
    Detail { classes: true, places: false, caches: !quick }
}

/// Counts every lane on each core, prints the tables and keeps them.
pub(super) fn run(workspace: &Workspace, asked: &Asked<'_>) -> Result<()> {
    let &Asked { cores, quick, record, .. } = asked;
    let python = python::setup(workspace, &python::PEERS)?;
    let folder = workspace.target.join("race").join(SIZE.to_string());
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", workspace.shown(&folder)))?;
    let machine = Machine::find(workspace);
    // ONNX Runtime's quantizer takes minutes.
    let engines: &[&str] = if asked.wants(ORT_INT8) { &[ONNX_RUNTIME, MNN] } else { &[MNN] };
    let files =
        Files::make(workspace, &python, &folder, Scope { size: SIZE, quick: false, engines })?;
    let toolchain = Toolchain::setup(workspace)?;
    let counter = Counter::setup(workspace)?;
    let system = system::setup(workspace)?;
    let reference = reference(workspace, &python, &files, &folder)?;
    let track = lanes::Track {
        workspace,
        counter: &counter,
        system: &system,
        files: &files,
        folder: folder.join("arm"),
        detail: detail(quick),
        reference: &reference,
    };
    let ours = uniultra_cross::count_shipped(workspace, &toolchain, cores, detail(quick))?;
    let mut lines: Vec<Line> = ours.into_iter().map(Line::ours).collect();
    for core in cores {
        for peer in field::peers(&files, core) {
            if asked.wants(peer.name) {
                lines.push(track.line(core, &peer));
            }
        }
    }
    let emulator = counter.version(workspace)?;
    let table = Table { machine: &machine, emulator, detail: detail(quick), lines: &lines };
    screen::line(&format!("\n{}", table.markdown().trim_end()));
    let kind = if quick { "arm-quick" } else { "arm" };
    keep_as(workspace, &workspace.target.join("race"), kind, &table.as_json(), &table.markdown())?;
    if record {
        record_as(workspace, &format!("## {SIZE} px, 1 thread, ARM, counted"), &table.markdown())?;
    }
    // A peer may change; that none runs is a fault of ours.
    let ran = |line: &&Line| matches!(line.outcome, Outcome::Peer { .. });
    if !lines.iter().any(|line| ran(&line)) {
        bail!("expected a peer that runs under emulation, found none");
    }
    Ok(())
}

/// Our f32 lane's outputs on this machine, which `cargo xtask cross --emulate` holds those on ARM to.
fn reference(
    workspace: &Workspace,
    python: &Path,
    files: &Files,
    folder: &Path,
) -> Result<Outputs> {
    let plan = Plan { threads: 1, rounds: 1, runs: [1, 1] };
    let track = Track { workspace, python, files, folder: folder.to_path_buf(), plan };
    let field = full(files, false);
    let ours = find(&field, &name(OURS, Precision::F32))?;
    track.reference(ours).context("the reference, our own lane in f32")
}
