//! `cargo xtask cross`: the device binary for 64-bit ARM Linux, and a check of it under emulation.

mod board;
mod debian;
mod emulate;
mod toolchain;

use crate::screen;
use crate::workspace::{self, Workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use toolchain::Toolchain;

/// What is built for.
const TARGET: &str = "aarch64-unknown-linux-gnu";
const PROFILE: &str = "device";

/// Options of `cargo xtask cross`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask cross                 one static file to copy to a board
  cargo xtask cross --board am62x   the same, after a look at boards/am62x.toml
  cargo xtask cross --emulate       and see it work as on Cortex-A53, A72 and A76
  cargo xtask cross --link dynamic  against the board's own glibc")]
pub(crate) struct Args {
    /// Only set the toolchain up, in target/cross/toolchain.
    #[arg(long, conflicts_with_all = ["link", "emulate"])]
    setup_only: bool,
    /// Id of the board to build for: `boards/ID.toml` has to name the target that is built.
    #[arg(long, value_name = "ID")]
    board: Option<String>,
    /// Whether glibc becomes part of the binary.
    #[arg(long, value_enum, default_value_t = Link::Static)]
    link: Link,
    /// Run the kernels' tests, and the binary on the sample frame, as each core would.
    #[arg(long)]
    emulate: bool,
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
    let toolchain = Toolchain::setup(workspace)?;
    if args.setup_only {
        return Ok(());
    }
    let binary = build(workspace, &toolchain, args.link)?;
    if args.emulate {
        emulate::run(workspace, &toolchain, &binary)?;
    }
    Ok(())
}

/// Folder of all that this command makes.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("cross")
}

/// Builds `uniultra` with its default model, and says how large it is.
fn build(workspace: &Workspace, toolchain: &Toolchain, link: Link) -> Result<PathBuf> {
    // Flags of the two differ, and so would their dependencies: a folder each, built once.
    let target = folder(workspace).join(link.name());
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    command.args(["--profile", PROFILE, "-p", "uniultra"]);
    let static_glibc = if link == Link::Static { "+crt-static" } else { "-crt-static" };
    command.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        format!("-C target-feature={static_glibc}"),
    );
    workspace::run(&mut command)?;
    let binary = target.join(TARGET).join(PROFILE).join("uniultra");
    let bytes = std::fs::metadata(&binary)
        .with_context(|| format!("cannot find {}", workspace.shown(&binary)))?
        .len();
    screen::line(&format!(
        "{}: {:.1} MB ({}, {TARGET}), the default model included",
        workspace.shown(&binary),
        bytes as f64 / 1e6,
        link.name()
    ));
    Ok(binary)
}

/// `program` by path or by name, if it starts.
fn starts(workspace: &Workspace, program: &Path) -> bool {
    workspace::output(workspace.command(program).arg("--version")).is_ok()
}
