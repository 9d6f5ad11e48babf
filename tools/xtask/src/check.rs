//! `cargo xtask check`: the gate's steps, in the order in which they fail fastest.

use crate::workspace::{self, Workspace};
use crate::{cross, dist, files, msrv, python, race, screen, toolchain, train};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// Options of `cargo xtask check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only this step; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
    /// Run the slow steps, too: 64-bit ARM under emulation, and packages.
    #[arg(long, conflicts_with = "only")]
    full: bool,
}

/// Steps that only `--full` runs, or `--only`.
const SLOW: [&str; 2] = ["cross", "dist"];

/// One step of the gate. A step brings all that it needs, so that it can be rerun alone.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: [Step; 12] = [
    Step { name: "files", what: "layout, sizes, words, links, dependency rules", run: files::run },
    Step { name: "fmt", what: "formatting", run: fmt },
    Step { name: "msrv", what: "dependencies allow the oldest promised Rust", run: msrv::run },
    Step { name: "clippy", what: "lints, as errors", run: clippy },
    Step { name: "doc", what: "documentation, warnings as errors", run: doc },
    Step { name: "fuzz", what: "fuzz targets compile", run: fuzz },
    Step { name: "python", what: "ONNX checker and ONNX Runtime", run: install_python },
    Step { name: "test", what: "binaries, then every test", run: test },
    Step { name: "race", what: "our runtime and ONNX Runtime side by side", run: race::smoke },
    Step {
        name: "cross",
        what: "64-bit ARM: tests and packs as on three cores, a booted machine",
        run: cross::check,
    },
    Step { name: "dist", what: "packages for a board, installed and run", run: dist::check },
    Step {
        name: "train",
        what: "trainer: formatting, lints, tests with libtorch",
        run: train::check,
    },
];

impl Args {
    fn has(&self, step: &str) -> bool {
        match self.only.as_slice() {
            [] => self.full || !SLOW.contains(&step),
            chosen => chosen.iter().any(|name| name == step),
        }
    }
}

/// Runs the chosen steps, all of them even if one fails, and prints the summary.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let chosen = STEPS.iter().filter(|step| args.has(step.name));
    let mut results = Vec::new();
    for step in chosen {
        screen::line(&format!("\n== {}: {}", step.name, step.what));
        let started = Instant::now();
        let outcome = (step.run)(workspace);
        if let Err(error) = &outcome {
            screen::line(&format!("FAIL {}: {error:#}", step.name));
        }
        results.push((step.name, outcome.is_ok(), started.elapsed()));
    }
    screen::line(&summary(&results));
    let failed: Vec<_> = results.iter().filter(|(_, ok, _)| !ok).map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("the gate is closed: {} failed", failed.join(", "));
    }
    Ok(())
}

/// The closing table.
fn summary(results: &[(&str, bool, Duration)]) -> String {
    let mut text = String::from("\nstep     result  seconds");
    for (name, ok, took) in results {
        let verdict = if *ok { "ok" } else { "FAIL" };
        text += &format!("\n{name:<8} {verdict:<6} {:>8.1}", took.as_secs_f64());
        if !ok {
            text += &format!("   again: cargo xtask check --only {name}");
        }
    }
    let total: Duration = results.iter().map(|(.., took)| *took).sum();
    text + &format!("\n{:<8} {:<6} {:>8.1}", "all", "", total.as_secs_f64())
}

fn fmt(workspace: &Workspace) -> Result<()> {
    toolchain::component(workspace, "fmt", "rustfmt")?;
    workspace::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    let mut fuzz = workspace.cargo(&["fmt", "--check", "--manifest-path", FUZZ]);
    workspace::run(&mut fuzz)
}

fn clippy(workspace: &Workspace) -> Result<()> {
    toolchain::component(workspace, "clippy", "clippy")?;
    let args = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    workspace::run(&mut workspace.cargo(&args))
}

fn doc(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    workspace::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

const FUZZ: &str = "tests/fuzz/Cargo.toml";

/// Without the libFuzzer runtime, which needs nightly Rust and a C++ compiler. The workspace's own
/// target folder serves, so that the dependencies already checked are not checked again.
fn fuzz(workspace: &Workspace) -> Result<()> {
    let args = ["check", "--locked", "--no-default-features", "--all-targets", "--manifest-path"];
    let mut command = workspace.cargo(&args);
    command.arg(FUZZ).arg("--target-dir").arg(&workspace.target);
    workspace::run(&mut command).with_context(|| {
        format!("if its lock file is behind, copy Cargo.lock over it and run `cargo metadata --manifest-path {FUZZ}`")
    })
}

fn install_python(workspace: &Workspace) -> Result<()> {
    python::setup(workspace, &python::CONFORMANCE).map(|_| ())
}

/// The command-line tests run the built binaries, so these come first.
fn test(workspace: &Workspace) -> Result<()> {
    workspace::run(&mut workspace.cargo(&["build", "--locked", "--workspace", "--bins"]))?;
    let args = ["test", "--locked", "--workspace", "--no-fail-fast"];
    workspace::run(&mut workspace.cargo(&args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_steps_run_when_asked_for() {
        let args = |only: &[&str], full| Args {
            only: only.iter().map(|name| name.to_string()).collect(),
            full,
        };
        assert!(SLOW.iter().all(|slow| STEPS.iter().any(|step| step.name == *slow)));
        let chosen = |args: &Args| STEPS.iter().filter(|step| args.has(step.name)).count();
        assert_eq!(chosen(&args(&[], false)), STEPS.len() - SLOW.len());
        assert_eq!(chosen(&args(&[], true)), STEPS.len());
        assert_eq!(chosen(&args(&["dist", "fmt"], false)), 2);
    }

    #[test]
    fn summary_names_the_failure_and_how_to_run_it_again() {
        let second = Duration::from_secs(1);
        let text = summary(&[("files", true, second), ("clippy", false, second)]);
        let rows: Vec<Vec<_>> = text.lines().map(|row| row.split_whitespace().collect()).collect();
        let again = ["again:", "cargo", "xtask", "check", "--only", "clippy"];
        assert_eq!(rows[2], ["files", "ok", "1.0"]);
        assert_eq!(rows[3], [&["clippy", "FAIL", "1.0"][..], &again].concat());
        assert_eq!(rows[4], ["all", "2.0"]);
    }
}
