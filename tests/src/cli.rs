//! Runs the built binaries as a user would.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper fails its test by panicking with what it could not do"
)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// Exit code; None where a signal ended the process, which no test accepts.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Asserts the exit code, an error line that says all of `words`, and no trace of a panic.
    ///
    /// # Panics
    /// If any of that is not so.
    pub fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.starts_with("error: ") || code == 2, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "expected `{word}` in {}", self.stderr);
        }
    }

    /// Asserts success.
    ///
    /// # Panics
    /// If the run failed.
    pub fn succeeds(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// Runs `uniultra` or `uniultra-tools`.
///
/// # Panics
/// If the binary was not built: `cargo build --workspace --bins` does that.
#[must_use]
pub fn run<A: AsRef<OsStr>>(binary: &str, args: impl IntoIterator<Item = A>) -> Run {
    finish(command(binary).args(args))
}

/// The command that starts `uniultra` or `uniultra-tools`, without arguments.
///
/// # Panics
/// If the binary was not built.
#[must_use]
pub fn command(binary: &str) -> Command {
    Command::new(binary_path(binary))
}

/// Runs a copy of the binary that is alone with `files` in a folder of its own, the current one.
///
/// # Panics
/// If the binary was not built or a file cannot be copied.
#[must_use]
pub fn run_alone(binary: &str, files: &[&Path], args: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = binary_path(binary);
    for file in files.iter().copied().chain([path.as_path()]) {
        let name = file.file_name().expect("a file's path");
        std::fs::copy(file, folder.path().join(name)).expect("a copy");
    }
    let copy = folder.path().join(path.file_name().expect("a file's path"));
    finish(Command::new(copy).args(args).current_dir(folder.path()).env_clear())
}

/// Runs the binary through a shell: `"$@"` in the script is the binary with `args`.
///
/// # Panics
/// If the binary was not built.
#[must_use]
pub fn shell<A: AsRef<OsStr>>(
    script: &str,
    binary: &str,
    args: impl IntoIterator<Item = A>,
) -> Run {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(binary_path(binary)).args(args);
    finish(&mut command)
}

/// Runs a command to its end.
///
/// # Panics
/// If it does not start or prints something other than UTF-8.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Binaries lie beside the folder of the test executables.
fn binary_path(binary: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let path = profile.join(binary).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "{}: run `cargo build --workspace --bins` first", path.display());
    path
}

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The phantom frame of the README.
#[must_use]
pub fn sample_frame() -> PathBuf {
    root().join("tests/fixtures/sample/frame.png")
}
