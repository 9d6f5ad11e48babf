//! `cargo xtask demo`: frame to mask with the shipped model, or checkpoint to pack to mask, or the live page, with
//! the binaries a user would run.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{SAMPLE, SAMPLE_POINT, screen};

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Serve the live page instead: a moving cyst to tap on, at the address that is printed.
    #[arg(long, conflicts_with_all = ["checkpoint", "frame", "point", "out"])]
    live: bool,
    /// SAM 2 or UniUltra checkpoint, .safetensors or .pt; the shipped model if absent.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Frame to segment; the phantom of tests/fixtures/sample if absent.
    #[arg(long, value_name = "FILE", requires = "point")]
    frame: Option<PathBuf>,
    /// Point on the target, in pixels of the frame; needed with --frame.
    #[arg(long, value_name = "X,Y")]
    point: Option<String>,
    /// Layout of the CH-Adapters' edge branch; `reference` for weights trained by the published code.
    #[arg(long, value_name = "LAYOUT", requires = "checkpoint")]
    edge_layout: Option<String>,
    /// Where the results go, and the checkpoint's pack; target/demo if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds what is needed, exports a pack if there is a checkpoint, segments the frame and says
/// where the results are.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.live {
        return live(workspace);
    }
    // Paths on the command line are the caller's; the children run in the workspace's root.
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let out = args.out.as_ref().map_or_else(|| workspace.target.join("demo"), |dir| here.join(dir));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    let frame =
        args.frame.as_ref().map_or_else(|| workspace.root.join(SAMPLE), |file| here.join(file));
    let checkpoint = args.checkpoint.as_ref().map(|file| here.join(file));
    // Said now, not after the minutes that a first build takes.
    for file in checkpoint.iter().chain([&frame]) {
        ensure!(file.is_file(), "{}: no such file", file.display());
    }
    let point = args.point.as_deref().unwrap_or(SAMPLE_POINT);

    // Not --release: one frame shows no difference, and tract compiles much faster without optimisation.
    let mut build = workspace.cargo(&["build", "--locked", "-p", "uniultra-app"]);
    if checkpoint.is_some() {
        build.args(["-p", "uniultra-tools"]);
    }
    workspace::run(&mut build)?;

    let mut segment = workspace.command(workspace.binary("debug", "uniultra"));
    segment.arg("segment").arg(&frame).args(["--point", point]);
    if let Some(checkpoint) = &checkpoint {
        let pack = out.join("pack");
        export(workspace, checkpoint, args.edge_layout.as_deref(), &pack)?;
        segment.arg("--model").arg(&pack);
    }
    let [mask, overlay, report] =
        ["mask.png", "overlay.png", "report.json"].map(|name| out.join(name));
    segment.arg("--out-mask").arg(&mask).arg("--overlay").arg(&overlay).arg("--json").arg(&report);
    workspace::run(&mut segment)?;

    for file in [&mask, &overlay, &report] {
        screen::line(&format!("wrote {}", workspace.shown(file)));
    }
    Ok(())
}

fn live(workspace: &Workspace) -> Result<()> {
    workspace::run(&mut workspace.cargo(&["build", "--locked", "-p", "uniultra-app"]))?;
    let mut live = workspace.command(workspace.binary("debug", "uniultra"));
    workspace::run(live.args(["live", "--threads", "2"]))
}

fn export(
    workspace: &Workspace,
    checkpoint: &Path,
    edge_layout: Option<&str>,
    pack: &Path,
) -> Result<()> {
    let mut export = workspace.command(workspace.binary("debug", "uniultra-tools"));
    export.arg("export").arg("--checkpoint").arg(checkpoint);
    export.arg("--out").arg(pack).args(["--image-size", "1024", "--force"]);
    if let Some(layout) = edge_layout {
        export.args(["--edge-layout", layout]);
    }
    workspace::run(&mut export)
}
