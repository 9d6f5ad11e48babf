//! `cargo xtask cross`: the device binary for 64-bit ARM Linux, and checks of it under emulation.
//!
//! `command` is what the command line asks for; `library` builds the C interface, too; `toolchain` finds or fetches what builds and runs programs
//! for ARM, by way of `debian`, packages in a folder; `emulate` runs programs as on a core, `boot` a whole
//! machine. `count`, `guard` and `detail` count instructions of the program `steps` with the plugin of `counter`,
//! whose words `counts` reads. `userland` is what other programs for ARM need below `/`.

mod alone;
mod board;
mod boot;
mod command;
mod console;
mod count;
mod counter;
mod counts;
mod debian;
mod detail;
mod emulate;
mod functions;
mod guard;
mod initramfs;
mod library;
mod machine;
mod sizes;
mod steps;
mod toolchain;
mod userland;

use anyhow::{Context, Result, ensure};
pub use board::check as board_file;
pub use command::{Args, run};
pub use counter::{Counter, Detail, dress, noted};
pub use counts::{CLASSES, Counts, Note};
pub use detail::{Shipped, cache_cells, class_cells, class_heads, count_shipped};
pub use library::{SONAME, library};
use std::path::{Path, PathBuf};
use std::process::Command;
pub use toolchain::{Emulator, Toolchain};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};
pub use userland::userland;

/// What is built for.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Cargo's profile of what goes to a board.
const DEVICE: &str = "device";

/// Most bytes of a static device binary.
const MOST_BYTES: u64 = 24_000_000;

/// Without dot products (A53 in order, A72 out of order), and with.
const CORES: [&str; 3] = ["cortex-a53", "cortex-a72", "cortex-a76"];

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
pub fn static_binary(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    build(workspace, toolchain, Link::Static)
}

/// Whether the gate can do anything for ARM. Without Debian's packages it fails in continuous integration,
/// and only says so elsewhere.
pub fn is_possible(workspace: &Workspace) -> bool {
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    let possible =
        in_ci || workspace::output(workspace.command("apt-get").arg("--version")).is_ok();
    if !possible {
        screen::line("skipped: NOTHING RAN AS ON ARM: expected apt-get, found none");
    }
    possible
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
    command.args(["--no-default-features", "--features", "embedded-model,live"]);
    static_flags(&mut command, link);
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

/// Tells the compiler whether glibc becomes part of what it builds.
fn static_flags(command: &mut Command, link: Link) {
    let static_glibc = if link == Link::Static { "+crt-static" } else { "-crt-static" };
    command.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        format!("-C target-feature={static_glibc}"),
    );
}

fn bytes(file: &Path) -> Result<u64> {
    let data = std::fs::metadata(file);
    Ok(data.with_context(|| format!("cannot find {}", file.display()))?.len())
}

/// `program` by path or by name, if it starts.
fn starts(workspace: &Workspace, program: &Path) -> bool {
    workspace::output(workspace.command(program).arg("--version")).is_ok()
}
