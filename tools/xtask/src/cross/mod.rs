//! `cargo xtask cross`: the device binary for 64-bit ARM Linux, and checks of it under emulation.

mod alone;
mod board;
mod boot;
mod console;
mod count;
mod counter;
mod cpio;
mod debian;
mod emulate;
mod machine;
mod sizes;
mod toolchain;

use crate::screen;
use crate::workspace::{self, Workspace};
use anyhow::{Context, Result, ensure};
pub(crate) use board::check as board_file;
use std::path::{Path, PathBuf};
pub(crate) use toolchain::{Emulator, Toolchain};

/// What is built for.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Cargo's profile of what goes to a board.
const DEVICE: &str = "device";

/// Most bytes of a static device binary.
const MOST_BYTES: u64 = 24_000_000;
/// Files of the default model.
const MODEL_FILES: [&str; 3] = [
    "models/uniultra-mini-int8/image_encoder.onnx",
    "models/uniultra-mini-int8/mask_decoder.onnx",
    "models/uniultra-mini-int8/model.toml",
];

/// Without dot products (A53 in order, A72 out of order), and with.
const CORES: [&str; 3] = ["cortex-a53", "cortex-a72", "cortex-a76"];

/// Options of `cargo xtask cross`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask cross                 one static file to copy to a board
  cargo xtask cross --board am62x   the same, after a look at boards/am62x.toml
  cargo xtask cross --sizes         and what costs what in it, by crate
  cargo xtask cross --emulate       and see it work as on Cortex-A53, A72 and A76
  cargo xtask cross --boot          and as the only program of a booted machine with 128 MiB
  cargo xtask cross --boot --core cortex-a53
  cargo xtask cross --count         how many instructions an encode and a click take there
  cargo xtask cross --link dynamic  against the board's own glibc")]
pub(crate) struct Args {
    /// Only set the toolchain up, in target/cross/toolchain.
    #[arg(long, conflicts_with_all = ["link", "emulate", "boot", "core", "count", "sizes"])]
    setup_only: bool,
    /// Id of the board to build for: `boards/ID.toml` has to name the target that is built.
    #[arg(long, value_name = "ID")]
    board: Option<String>,
    /// Whether glibc becomes part of the binary.
    #[arg(long, value_enum, default_value_t = Link::Static)]
    link: Link,
    /// List what costs what in the binary, by crate.
    #[arg(long)]
    sizes: bool,
    /// Look at this static binary instead of building one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["setup_only", "link", "sizes"])]
    binary: Option<PathBuf>,
    /// Run the unit tests, and the binary on the sample frame, as each core would.
    #[arg(long)]
    emulate: bool,
    /// Boot Debian's kernel with nothing but the static binary, which tests itself, on each core.
    #[arg(long)]
    boot: bool,
    /// Count the instructions of one encode and one click on each core, into boards/instructions.json.
    #[arg(long, conflicts_with = "core")]
    count: bool,
    /// Only as on this core; may be repeated.
    #[arg(long, value_name = "CORE", value_parser = CORES)]
    core: Vec<String>,
}

/// How the binary is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Link {
    /// Runs on any kernel from 3.2 on, whatever else is installed.
    Static,
    /// Needs glibc on the board, as new as the toolchain's.
    Dynamic,
}

impl Link {
    fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Sets up what is missing, builds, and emulates if asked to.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if let Some(id) = &args.board {
        board::check(&workspace.root, id)?;
    }
    ensure!(!args.boot || args.link == Link::Static, "--boot: expected --link static");
    let toolchain = Toolchain::setup(workspace)?;
    if args.setup_only {
        return Ok(());
    }
    let binary = match &args.binary {
        // Children run in the workspace's root.
        Some(file) => std::path::absolute(file).context("cannot tell the current folder")?,
        None => build(workspace, &toolchain, args.link)?,
    };
    ensure!(binary.is_file(), "{}: no such file", binary.display());
    if args.sizes {
        let model = MODEL_FILES.iter().map(|file| bytes(&workspace.root.join(file)));
        let model = model.sum::<Result<u64>>()?;
        screen::line(&sizes::listing(&with_symbols(workspace, args.link), model)?);
    }
    let cores: Vec<&str> = match args.core.as_slice() {
        [] => CORES.to_vec(),
        chosen => chosen.iter().map(String::as_str).collect(),
    };
    if args.emulate {
        emulate::run(workspace, &toolchain, &binary, &cores)?;
    }
    if args.count {
        count::run(workspace, &toolchain, &cores)?;
    }
    if args.boot {
        boot::run(workspace, &toolchain, &binary, &cores)?;
    }
    // Last, so that a binary that is too large can still be looked at.
    small_enough(workspace, &binary)
}

fn small_enough(workspace: &Workspace, binary: &Path) -> Result<()> {
    let found = bytes(binary)?;
    ensure!(
        found <= MOST_BYTES,
        "{}: expected at most {MOST_BYTES} bytes, found {found}; `cargo xtask cross --sizes` lists them",
        workspace.shown(binary)
    );
    Ok(())
}

/// The static device binary, for packages.
pub(crate) fn static_binary(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    build(workspace, toolchain, Link::Static)
}

/// Whether the gate can do anything for ARM. Without Debian's packages it fails in continuous integration,
/// and only says so elsewhere.
pub(crate) fn is_possible(workspace: &Workspace) -> bool {
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    let possible =
        in_ci || workspace::output(workspace.command("apt-get").arg("--version")).is_ok();
    if !possible {
        screen::line("skipped: NOTHING RAN AS ON ARM: expected apt-get, found none");
    }
    possible
}

/// The gate's step: everything under emulation, a boot on the smallest core.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    if !is_possible(workspace) {
        return Ok(());
    }
    let toolchain = Toolchain::setup(workspace)?;
    let binary = build(workspace, &toolchain, Link::Static)?;
    emulate::run(workspace, &toolchain, &binary, &CORES)?;
    boot::run(workspace, &toolchain, &binary, &CORES[..1])?;
    small_enough(workspace, &binary)
}

/// Folder of all that this command makes.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("cross")
}

/// Where cargo puts a binary, which still has its symbols.
fn with_symbols(workspace: &Workspace, link: Link) -> PathBuf {
    folder(workspace).join(link.name()).join(TARGET).join(DEVICE).join("uniultra")
}

/// Builds `uniultra` with its default model, takes the symbols away, and says how large it is.
fn build(workspace: &Workspace, toolchain: &Toolchain, link: Link) -> Result<PathBuf> {
    // Flags of the two differ, and so would their dependencies: a folder each, built once.
    let target = folder(workspace).join(link.name());
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    command.args(["--profile", DEVICE, "-p", "uniultra-app"]);
    // All but tract's own threads.
    command.args(["--no-default-features", "--features", "embedded-model"]);
    let static_glibc = if link == Link::Static { "+crt-static" } else { "-crt-static" };
    command.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        format!("-C target-feature={static_glibc}"),
    );
    workspace::run(&mut command)?;
    // Not in cargo's own folders.
    let binary = folder(workspace).join(format!("{}-{DEVICE}", link.name())).join("uniultra");
    toolchain.strip(workspace, &with_symbols(workspace, link), &binary)?;
    let bytes = bytes(&binary)?;
    screen::line(&format!(
        "{}: {:.1} MB ({}, {TARGET}), the default model included",
        workspace.shown(&binary),
        bytes as f64 / 1e6,
        link.name()
    ));
    Ok(binary)
}

fn bytes(file: &Path) -> Result<u64> {
    let data = std::fs::metadata(file);
    Ok(data.with_context(|| format!("cannot find {}", file.display()))?.len())
}

/// `program` by path or by name, if it starts.
fn starts(workspace: &Workspace, program: &Path) -> bool {
    workspace::output(workspace.command(program).arg("--version")).is_ok()
}
