//! `cargo xtask check`: the gate's steps, in the order in which they fail fastest.

use crate::{browser, files, msrv, programs, toolchain, train};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{python, screen};

/// Options of `cargo xtask check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only this step; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
    /// Run the slow steps, too: 64-bit ARM under emulation, and packages.
    #[arg(long, conflicts_with = "only")]
    full: bool,
    /// Leave out, loudly, each slow step that would not end within MINUTES of the start: where the whole gate
    /// has a time limit, a slow machine should not lose the other steps to it.
    #[arg(long, value_name = "MINUTES", requires = "full")]
    time_limit: Option<u64>,
}

/// Steps that only `--full` runs, or `--only`, and the minutes that they take on a slow machine, three times those
/// of a quick one.
const SLOW: [(&str, u64); 2] = [("cross", 28), ("dist", 5)];

/// One step of the gate. A step brings all that it needs, so that it can be rerun alone.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: [Step; 13] = [
    Step {
        name: "files",
        what: "layout, sizes, words, spelling, links, licences, dependency rules",
        run: files::run,
    },
    Step { name: "fmt", what: "formatting", run: fmt },
    Step { name: "msrv", what: "dependencies allow the oldest promised Rust", run: msrv::run },
    Step { name: "clippy", what: "lints, as errors", run: clippy },
    Step { name: "doc", what: "documentation, warnings as errors", run: doc },
    Step { name: "fuzz", what: "fuzz targets compile", run: fuzz },
    Step { name: "python", what: "ONNX checker and ONNX Runtime", run: install_python },
    Step { name: "test", what: "binaries, then every test", run: test },
    Step { name: "browser", what: "the live page in Chromium", run: browser::gate },
    Step { name: "race", what: "our runtime and ONNX Runtime side by side", run: race },
    Step {
        name: "train",
        what: "trainer: formatting, lints, tests with libtorch",
        run: train::check,
    },
    Step {
        name: "cross",
        what: "64-bit ARM: tests and packs as on three cores, a booted machine",
        run: cross,
    },
    Step { name: "dist", what: "packages for a board, installed and run", run: dist },
];

impl Args {
    fn has(&self, step: &str) -> bool {
        match self.only.as_slice() {
            [] => self.full || slow(step).is_none(),
            chosen => chosen.iter().any(|name| name == step),
        }
    }

    /// Whether it is too late for `step`.
    fn is_late(&self, step: &str, passed: Duration) -> bool {
        let (Some(limit), Some(takes)) = (self.time_limit, slow(step)) else { return false };
        passed + Duration::from_secs(60 * takes) > Duration::from_secs(60 * limit)
    }
}

/// Minutes that a slow step may take.
fn slow(step: &str) -> Option<u64> {
    SLOW.iter().find(|(name, _)| *name == step).map(|(_, minutes)| *minutes)
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// It was too late to start it.
    LeftOut,
}

/// Runs the chosen steps, all of them even if one fails, and prints the summary.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let gate = Instant::now();
    let mut results = Vec::new();
    for step in STEPS.iter().filter(|step| args.has(step.name)) {
        screen::line(&format!("\n== {}: {}", step.name, step.what));
        let started = Instant::now();
        let outcome = if args.is_late(step.name, gate.elapsed()) {
            screen::line("skipped: TOO LATE TO START IT, see --time-limit");
            Outcome::LeftOut
        } else if let Err(error) = (step.run)(workspace) {
            screen::line(&format!("FAIL {}: {error:#}", step.name));
            Outcome::Failed
        } else {
            Outcome::Passed
        };
        results.push((step.name, outcome, started.elapsed()));
    }
    screen::line(&summary(&results));
    let failed = results.iter().filter(|(_, outcome, _)| *outcome == Outcome::Failed);
    let failed: Vec<_> = failed.map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("the gate is closed: {} failed", failed.join(", "));
    }
    Ok(())
}

/// The closing table.
fn summary(results: &[(&str, Outcome, Duration)]) -> String {
    let mut text = String::from("\nstep     result   seconds");
    for (name, outcome, took) in results {
        let verdict = match outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAIL",
            Outcome::LeftOut => "LEFT OUT",
        };
        text += &format!("\n{name:<8} {verdict:<8} {:>7.1}", took.as_secs_f64());
        if *outcome != Outcome::Passed {
            text += &format!("   again: cargo xtask check --only {name}");
        }
    }
    let total: Duration = results.iter().map(|(.., took)| *took).sum();
    text + &format!("\n{:<8} {:<8} {:>7.1}", "all", "", total.as_secs_f64())
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

/// Without the libFuzzer runtime, which needs a C++ compiler. The tests replay the seeds. The workspace's own
/// target folder serves, so that the dependencies already checked are not checked again.
fn fuzz(workspace: &Workspace) -> Result<()> {
    let args =
        ["check", "--locked", "--no-default-features", "--features", "onnx", "--all-targets"];
    let mut command = workspace.cargo(&args);
    command.arg("--manifest-path").arg(FUZZ).arg("--target-dir").arg(&workspace.target);
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
    let mut command = workspace.cargo(&args);
    // Property tests draw the same cases every time here, so that a change is judged by what it
    // changes. `cargo test` alone draws new ones each run.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        command.env("PROPTEST_RNG_SEED", "1");
    }
    workspace::run(&mut command)
}

fn race(workspace: &Workspace) -> Result<()> {
    programs::RACE.gate(workspace, "--quick")
}

fn cross(workspace: &Workspace) -> Result<()> {
    programs::CROSS.gate(workspace, "--gate")
}

fn dist(workspace: &Workspace) -> Result<()> {
    programs::DIST.gate(workspace, "--gate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_steps_run_when_asked_for() {
        let args = |only: &[&str], full| Args {
            only: only.iter().map(|name| name.to_string()).collect(),
            full,
            time_limit: Some(85),
        };
        assert!(SLOW.iter().all(|(slow, _)| STEPS.iter().any(|step| step.name == *slow)));
        let chosen = |args: &Args| STEPS.iter().filter(|step| args.has(step.name)).count();
        assert_eq!(chosen(&args(&[], false)), STEPS.len() - SLOW.len());
        assert_eq!(chosen(&args(&[], true)), STEPS.len());
        assert_eq!(chosen(&args(&["dist", "fmt"], false)), 2);
        let passed = |minutes: u64| Duration::from_secs(60 * minutes);
        let late = |step, minutes| args(&[], true).is_late(step, passed(minutes));
        assert_eq!([late("cross", 57), late("cross", 58), late("test", 90)], [false, true, false]);
        assert_eq!([late("dist", 80), late("dist", 81)], [false, true]);
    }

    #[test]
    fn summary_names_the_failure_and_how_to_run_it_again() {
        let second = Duration::from_secs(1);
        let text = summary(&[
            ("files", Outcome::Passed, second),
            ("clippy", Outcome::Failed, second),
            ("cross", Outcome::LeftOut, Duration::ZERO),
        ]);
        let rows: Vec<Vec<_>> = text.lines().map(|row| row.split_whitespace().collect()).collect();
        let again = ["again:", "cargo", "xtask", "check", "--only", "clippy"];
        assert_eq!(rows[2], ["files", "ok", "1.0"]);
        assert_eq!(rows[3], [&["clippy", "FAIL", "1.0"][..], &again].concat());
        assert_eq!(rows[4][..4], ["cross", "LEFT", "OUT", "0.0"]);
        assert_eq!(rows[5], ["all", "2.0"]);
    }
}
