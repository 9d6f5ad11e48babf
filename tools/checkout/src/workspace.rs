//! Where things are, and how child processes are started.

use crate::screen;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The checkout.
#[derive(Debug)]
pub struct Workspace {
    /// Folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Workspace {
    /// Looks upwards from this package, which `cargo run` names, or else from the current folder.
    pub fn find() -> Result<Self> {
        let start = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(std::env::current_dir, |folder| Ok(PathBuf::from(folder)))
            .context("cannot tell the current folder")?;
        let root = start
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .with_context(|| format!("no workspace at or above {}", start.display()))?
            .to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self { root, target })
    }

    /// A cargo command of the toolchain that runs this program, in the workspace's root.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command =
            self.command(std::env::var_os("CARGO").as_deref().unwrap_or("cargo".as_ref()));
        command.args(args);
        command
    }

    /// A command in the workspace's root.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// A binary that `cargo build --release` makes.
    pub fn release_binary(&self, name: &str) -> PathBuf {
        self.binary("release", name)
    }

    /// A binary, or `examples/` and an example, in a profile's folder.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        let file = Path::new(profile).join(name).with_extension(std::env::consts::EXE_EXTENSION);
        self.target.join(file)
    }

    /// `path` relative to the root where it lies inside, for messages.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// The command as one would type it.
pub fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Shows the command and runs it with this terminal; anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    screen::line(&format!("$ {}", typed(command)));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", command.get_program().to_string_lossy()))?;
    if !status.success() {
        bail!("`{}` failed ({status})", typed(command));
    }
    Ok(())
}

/// Becomes the command, so that signals reach it and its exit code is this program's.
#[cfg(unix)]
pub fn hand_over(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    // It returns only where it failed.
    let error = command.exec();
    Err(error)
        .with_context(|| format!("cannot start `{}`", command.get_program().to_string_lossy()))
}

/// Runs the command; its exit code, as far as there is one.
#[cfg(not(unix))]
pub fn hand_over(command: &mut Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", command.get_program().to_string_lossy()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs the command silently; its stdout, or an error with its stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", command.get_program().to_string_lossy()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", typed(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something other than UTF-8", typed(command)))
}
