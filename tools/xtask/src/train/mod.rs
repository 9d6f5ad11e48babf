//! The trainer, `tools/train`: outside the workspace, since it alone needs libtorch. It is built
//! into the workspace's target folder, so that what both depend on is compiled once.

mod libtorch;
mod verify;

use crate::toolchain;
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};

/// Its manifest, from the root.
pub(crate) const MANIFEST: &str = "tools/train/Cargo.toml";

const BINARY: &str = "uniultra-train";

/// What the trainer is started with, where the caller's environment does not say otherwise.
///
/// Threads that spin while they wait take the cores from those that work: four times slower where
/// something else runs too. And glibc gives the memory of large tensors back to the system after each
/// use; the kernel then clears it anew, which took a fifth of a step's time.
const SURROUNDINGS: [(&str, &str); 4] = [
    ("OMP_WAIT_POLICY", "passive"),
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Options of `cargo xtask train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the trainer gets; `-- --help` lists its own options.
    #[arg(last = true, value_name = "ARGS")]
    trainer: Vec<OsString>,
}

/// Makes libtorch ready.
pub(crate) fn setup(workspace: &Workspace) -> Result<()> {
    libtorch::setup(workspace).map(|_| ())
}

/// Builds the trainer and runs it in the caller's folder; its exit code.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let libtorch = libtorch::setup(workspace)?;
    needs_cpp(workspace)?;
    workspace::run(&mut cargo(workspace, &libtorch, &["build", "--locked", "--release"], &[]))?;
    let mut trainer = Command::new(workspace.release_binary(BINARY));
    trainer.args(&args.trainer);
    for (name, value) in SURROUNDINGS {
        if std::env::var_os(name).is_none() {
            trainer.env(name, value);
        }
    }
    screen::line(&format!("$ {}", workspace::typed(&trainer)));
    workspace::hand_over(&mut trainer)
}

/// The gate's step. Without libtorch it fails in continuous integration, and only says so elsewhere.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    toolchain::component(workspace, "fmt", "rustfmt")?;
    workspace::run(&mut workspace.cargo(&["fmt", "--check", "--manifest-path", MANIFEST]))?;
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    if !in_ci && !libtorch::can_be_had() {
        screen::line(&format!(
            "skipped: LINTS AND TESTS OF THE TRAINER DID NOT RUN: {}",
            libtorch::HINT
        ));
        return Ok(());
    }
    let libtorch = libtorch::setup(workspace)?;
    toolchain::component(workspace, "clippy", "clippy")?;
    needs_cpp(workspace)?;
    let lints = ["--all-targets", "--", "-D", "warnings"];
    workspace::run(&mut cargo(workspace, &libtorch, &["clippy", "--locked"], &lints))?;
    // Its parity test runs one of them; built as the step `test` builds it.
    workspace::run(&mut workspace.cargo(&["build", "--locked", "--workspace", "--examples"]))?;
    workspace::run(&mut cargo(workspace, &libtorch, &["test", "--locked", "--no-fail-fast"], &[]))
}

/// `cargo <command> <where> <rest>` for the trainer.
fn cargo(workspace: &Workspace, libtorch: &Path, command: &[&str], rest: &[&str]) -> Command {
    let mut cargo = workspace.cargo(command);
    cargo.args(["--manifest-path", MANIFEST, "--target-dir"]).arg(&workspace.target);
    cargo.args(rest).env("LIBTORCH", libtorch);
    cargo
}

/// Said now, not in the middle of a build: the binding to libtorch is compiled as C++.
fn needs_cpp(workspace: &Workspace) -> Result<()> {
    let chosen = std::env::var_os("CXX").is_some();
    if !chosen && workspace::output(workspace.command("c++").arg("--version")).is_err() {
        bail!("the trainer needs a C++ compiler, found no `c++`; install g++ or set CXX");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::PathBuf;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn everything_after_the_dashes_is_the_trainers() {
        let cli = Cli::try_parse_from(["train", "--", "adapt", "--help", "--", "x"]).unwrap();
        assert_eq!(cli.args.trainer, ["adapt", "--help", "--", "x"]);
        assert!(Cli::try_parse_from(["train", "adapt"]).is_err());
    }

    #[test]
    fn cargo_is_told_the_manifest_the_target_and_libtorch() {
        let workspace = Workspace { root: PathBuf::from("w"), target: PathBuf::from("t") };
        let lints = cargo(&workspace, Path::new("l"), &["clippy"], &["--", "-D", "warnings"]);
        let words = format!("clippy --manifest-path {MANIFEST} --target-dir t -- -D warnings");
        assert!(workspace::typed(&lints).ends_with(&words), "{lints:?}");
        let set: Vec<_> = lints.get_envs().collect();
        assert_eq!(set, [("LIBTORCH".as_ref(), Some("l".as_ref()))]);
    }
}
