//! What the command line asks for.

use super::{
    CORES, Detail, Link, Toolchain, board, boot, build, bytes, count, detail, emulate, guard,
    is_possible, library, sizes, small_enough, with_symbols,
};
use anyhow::{Context, Result, ensure};
use clap::Parser;
use std::path::PathBuf;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

/// Files of the default model.
const MODEL_FILES: [&str; 3] = [
    "models/uniultra-mini-int8/image_encoder.onnx",
    "models/uniultra-mini-int8/mask_decoder.onnx",
    "models/uniultra-mini-int8/model.toml",
];

/// Build the device binary for 64-bit ARM Linux; the toolchain is set up on the first call.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask cross",
    bin_name = "cargo xtask cross",
    version,
    after_help = "Examples:
  cargo xtask cross                 one static file to copy to a board
  cargo xtask cross --board am62x   the same, after a look at boards/am62x.toml
  cargo xtask cross --sizes         and what costs what in it, by crate
  cargo xtask cross --emulate       and see it work as on Cortex-A53, A72 and A76
  cargo xtask cross --boot          and on a booted machine with 128 MiB that holds nothing else
  cargo xtask cross --boot --core cortex-a53
  cargo xtask cross --count         how many instructions an encode and a click take there
  cargo xtask cross --count --by-operation --core cortex-a53   and in which operations
  cargo xtask cross --library       and the C interface, in target/cross/capi
  cargo xtask cross --link dynamic  against the board's own glibc"
)]
pub struct Args {
    /// Only set the toolchain up, in target/cross/toolchain.
    #[arg(long, conflicts_with_all = ["link", "library", "emulate", "boot", "core", "count", "sizes"])]
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
    /// Build the C interface, too: both libraries, headers and the file for pkg-config, in target/cross/capi.
    #[arg(long, conflicts_with = "link")]
    library: bool,
    /// Run the unit tests, and the binary on the sample frame, as each core would, and hold the counts of an
    /// encode and a click against those in boards/instructions.json.
    #[arg(long)]
    emulate: bool,
    /// Boot Debian's kernel with the static binary, which tests itself, on each core.
    #[arg(long)]
    boot: bool,
    /// Count the instructions of one encode and one click on each core, into boards/instructions.json.
    #[arg(long)]
    count: bool,
    /// With --count: print classes of instructions and what modelled caches miss, and record nothing.
    #[arg(long, requires = "count")]
    by_class: bool,
    /// With --count: print operations and functions beside the fewest instructions for their products, and
    /// record nothing.
    #[arg(long, requires = "count", conflicts_with = "by_class")]
    by_operation: bool,
    /// With --count: hold our packs' counts against those in boards/instructions.json, as the gate does, and
    /// record nothing.
    #[arg(long, requires = "count", conflicts_with_all = ["core", "by_class", "by_operation"])]
    check: bool,
    /// Only as on this core; may be repeated.
    #[arg(long, value_name = "CORE", value_parser = CORES)]
    core: Vec<String>,
    /// As the gate runs it: built, run as each core would, booted on the smallest; skipped without apt-get.
    #[arg(long, exclusive = true)]
    gate: bool,
}

/// Sets up what is missing, builds, and emulates if asked to.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.gate {
        return gate(workspace);
    }
    if let Some(id) = &args.board {
        board::check(&workspace.root, id)?;
    }
    ensure!(!args.boot || args.link == Link::Static, "--boot: expected --link static");
    let detailed = args.by_class || args.by_operation;
    ensure!(
        !args.count || detailed || args.core.is_empty(),
        "--count: expected no --core without --by-class or --by-operation: it records every core"
    );
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
    let prefix = args.library.then(|| library::library(workspace, &toolchain)).transpose()?;
    if args.emulate {
        emulate::run(workspace, &toolchain, &binary, &cores)?;
        guard::run(workspace, &toolchain)?;
        if let Some(prefix) = &prefix {
            library::try_out(workspace, &toolchain, prefix, &binary, cores[0])?;
        }
    }
    if args.check {
        guard::run(workspace, &toolchain)?;
    } else if args.count && detailed {
        let asked = Detail { classes: true, places: args.by_operation, caches: args.by_class };
        detail::run(workspace, &toolchain, &cores, asked)?;
    } else if args.count {
        count::run(workspace, &toolchain, &cores)?;
    }
    if args.boot {
        boot::run(workspace, &toolchain, &binary, &cores)?;
    }
    // Last, so that a binary that is too large can still be looked at.
    small_enough(workspace, &binary)
}

/// The gate's step: everything under emulation, a boot on the smallest core.
fn gate(workspace: &Workspace) -> Result<()> {
    if !is_possible(workspace) {
        return Ok(());
    }
    let toolchain = Toolchain::setup(workspace)?;
    let binary = build(workspace, &toolchain, Link::Static)?;
    emulate::run(workspace, &toolchain, &binary, &CORES)?;
    guard::run(workspace, &toolchain)?;
    let prefix = library::library(workspace, &toolchain)?;
    library::try_out(workspace, &toolchain, &prefix, &binary, CORES[0])?;
    boot::run(workspace, &toolchain, &binary, &CORES[..1])?;
    small_enough(workspace, &binary)
}
