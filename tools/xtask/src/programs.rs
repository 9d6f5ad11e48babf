//! Commands that are packages of their own: cargo builds them when they are asked for, so that the gate
//! itself is small and starts at once.

use anyhow::Result;
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use uniultra_checkout::workspace::{self, Workspace};

/// What such a command is given, `--help` included.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `--help` lists its options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    args: Vec<OsString>,
}

/// A package whose program is a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program(&'static str);

pub(crate) const RACE: Program = Program("uniultra-race");
pub(crate) const CROSS: Program = Program("uniultra-cross");
pub(crate) const DIST: Program = Program("uniultra-dist");

impl Program {
    /// Becomes the program, in the caller's folder.
    pub(crate) fn hand_over(self, workspace: &Workspace, args: &Args) -> Result<ExitCode> {
        workspace::hand_over(self.command(workspace).args(&args.args))
    }

    /// Runs it as the gate does.
    pub(crate) fn gate(self, workspace: &Workspace, option: &str) -> Result<()> {
        workspace::run(self.command(workspace).arg(option))
    }

    fn command(self, workspace: &Workspace) -> Command {
        // Not in the root: paths on the command line are the caller's.
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["run", "--quiet", "--locked", "--manifest-path"]);
        command.arg(workspace.root.join("Cargo.toml")).args(["--package", self.0, "--"]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::PathBuf;

    #[derive(Debug, Parser)]
    enum Cli {
        #[command(disable_help_flag = true)]
        Race(Args),
    }

    #[test]
    fn all_options_are_the_program_s() {
        let words = ["xtask", "race", "--size", "512", "--help", "-h", "--", "x"];
        let Cli::Race(found) = Cli::try_parse_from(words).unwrap();
        assert_eq!(found.args, ["--size", "512", "--help", "-h", "--", "x"]);
        let Cli::Race(none) = Cli::try_parse_from(["xtask", "race"]).unwrap();
        assert!(none.args.is_empty());
    }

    #[test]
    fn cargo_is_told_the_package_and_where_it_is() {
        let workspace = Workspace { root: PathBuf::from("w"), target: PathBuf::from("t") };
        let command = RACE.command(&workspace);
        let words = "run --quiet --locked --manifest-path w/Cargo.toml --package uniultra-race --";
        assert!(workspace::typed(&command).ends_with(words), "{command:?}");
        assert!(command.get_current_dir().is_none());
    }
}
