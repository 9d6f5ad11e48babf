//! Checks that others' programs do: spelling, links of Markdown files, licences of dependencies, and who may
//! depend on whom, which `.cargo/deny.toml` says.

use anyhow::{Result, bail};
use std::path::Path;
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{python, screen};

/// A program in the environment, and its arguments.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("typos", &["--format", "brief"]),
    // Anchors in the same file and in another; files that a link or an image leads to.
    ("rumdl", &["check", "--no-config", "--no-cache", "--enable", "MD051,MD057", "."]),
    (
        "cargo-deny",
        &[
            "--locked",
            "--config",
            ".cargo/deny.toml",
            "check",
            "--hide-inclusion-graph",
            // The list of who may use a crate is not that of who does.
            "--allow",
            "unused-wrapper",
            "bans",
            "licenses",
        ],
    ),
];

/// Runs all of them. Where they cannot be installed, continuous integration fails; elsewhere it is only said.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    let python = match python::setup(workspace, &python::CHECKERS) {
        Ok(python) => python,
        Err(error) if !in_ci => {
            screen::line(&format!("skipped: NO CHECK OF SPELLING, LINKS, DEPENDENCIES: {error:#}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let folder = python.parent().unwrap_or(Path::new(""));
    let mut failed = Vec::new();
    for (program, args) in PROGRAMS {
        if let Err(error) = workspace::run(workspace.command(folder.join(program)).args(args)) {
            screen::line(&format!("{error:#}"));
            failed.push(program);
        }
    }
    if !failed.is_empty() {
        bail!("{} found something", failed.join(", "));
    }
    Ok(())
}
