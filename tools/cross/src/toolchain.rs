//! What a build for ARM needs beside cargo: a standard library, a linker, and qemu to run the result.

use super::alone::alone;
use super::{TARGET, debian, folder, starts};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};

/// The C compiler that links.
pub(super) const LINKER: &str = "aarch64-linux-gnu-gcc";
/// Of the linker's package, too.
const STRIP: &str = "aarch64-linux-gnu-strip";
/// The linker's packages: with a C library for that processor.
const LINKER_PACKAGES: [&str; 2] = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"];
/// Where they put that library.
const SYSROOT: &str = "/usr/aarch64-linux-gnu";
const QEMU: &str = "qemu-aarch64";

/// A toolchain that is ready.
#[derive(Debug)]
pub struct Toolchain {
    /// The compiler where it is not rustup's.
    rustc: Option<PathBuf>,
    emulator: Emulator,
}

/// qemu's emulator of ARM programs.
#[derive(Clone, Debug)]
pub struct Emulator(PathBuf);

impl Toolchain {
    /// Finds each part, and fetches those that are missing, by package name.
    pub fn setup(workspace: &Workspace) -> Result<Self> {
        alone(workspace)?;
        let prefix = folder(workspace).join("toolchain");
        if !starts(workspace, Path::new(LINKER)) || !Path::new(SYSROOT).join("lib/libc.a").is_file()
        {
            debian::install(workspace, &LINKER_PACKAGES)?;
        }
        let rustc = match rustup(workspace) {
            true => None,
            false => Some(debian::rustc(workspace, &prefix.join("rust"))?),
        };
        let emulator = Emulator::setup(workspace)?;
        let compiler = rustc.as_ref().map_or("rustup's", |_| "Debian's");
        screen::line(&format!("toolchain for {TARGET}: {compiler} compiler, {LINKER}"));
        Ok(Self { rustc, emulator })
    }

    /// A cargo command for the target, with its output in `target`.
    pub(super) fn cargo(&self, workspace: &Workspace, target: &Path, args: &[&str]) -> Command {
        let mut command = workspace.cargo(args);
        command.args(["--target", TARGET]).arg("--target-dir").arg(target);
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
        command.env("CC_aarch64_unknown_linux_gnu", LINKER);
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        // What cargo tells its children of its own compiler is not this one.
        for name in ["RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
            if name != "RUSTUP_TOOLCHAIN" || self.rustc.is_some() {
                command.env_remove(name);
            }
        }
        command
    }

    /// Copies a binary without its symbols, complete or not at all.
    pub(super) fn strip(&self, workspace: &Workspace, from: &Path, to: &Path) -> Result<()> {
        let shown = || format!("cannot write {}", to.display());
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).with_context(shown)?;
        }
        let partial = to.with_extension("partial");
        let mut command = workspace.command(STRIP);
        workspace::output(command.args(["--strip-all", "-o"]).arg(&partial).arg(from))?;
        std::fs::rename(&partial, to).with_context(shown)
    }

    /// What runs the programs that are built.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }
}

impl Emulator {
    /// Finds it, and fetches it if it is missing.
    pub fn setup(workspace: &Workspace) -> Result<Self> {
        alone(workspace)?;
        let prefix = folder(workspace).join("toolchain");
        Ok(Self(match starts(workspace, Path::new(QEMU)) {
            true => PathBuf::from(QEMU),
            false => debian::qemu(workspace, &prefix.join("qemu"))?,
        }))
    }

    /// The words before a program that make it run as on `core`.
    pub fn words(&self, core: &str) -> [String; 5] {
        let qemu = self.0.display().to_string();
        [&qemu, "-cpu", core, "-L", SYSROOT].map(ToString::to_string)
    }
}

/// Whether rustup has the target's standard library, or can fetch it.
fn rustup(workspace: &Workspace) -> bool {
    let has = || {
        let list = ["target", "list", "--installed"];
        workspace::output(workspace.command("rustup").args(list))
            .is_ok_and(|text| text.lines().any(|line| line == TARGET))
    };
    if has() {
        return true;
    }
    let add = workspace::output(workspace.command("rustup").args(["target", "add", TARGET]));
    add.is_ok() && has()
}

/// Writes `text` to a file that can be run.
pub(super) fn script(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", path.display()))?;
    }
    Ok(())
}
