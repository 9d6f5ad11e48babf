//! libtorch for the CPU under the target folder, out of the wheel of the Python package torch. The
//! wheel's own libraries for CUDA are ten times larger and stay in it.

use super::verify;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{python, screen};

/// The version that the trainer's tch pairs with.
pub(super) const VERSION: &str = "2.11.0";

/// What to do where libtorch cannot be unpacked from a wheel.
pub(super) const HINT: &str =
    "set LIBTORCH to a folder that holds libtorch, such as `torch` in a Python environment";

const UNPACK: &str = "tools/xtask/src/train/unpack.py";
const CUDA_STUBS: &str = "tools/xtask/src/train/cuda_stubs.c";

/// NVIDIA's libraries that libtorch_cpu.so asks for.
const CUDA_LIBRARIES: [&str; 2] = ["libcudart.so.13", "libcupti.so.13"];

/// Whether there is a wheel for this platform; the build of this program stands for it.
const HAS_WHEEL: bool = cfg!(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
));

/// Where libtorch comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// The folder that the environment names.
    Named(PathBuf),
    /// The wheel.
    Wheel,
}

/// The environment's choice, if any, else the wheel. An empty variable chooses nothing.
fn source(named: Option<OsString>, has_wheel: bool) -> Result<Source> {
    match named.filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(Source::Named(folder.into())),
        None if has_wheel => Ok(Source::Wheel),
        None => bail!(
            "libtorch is fetched on x86_64 and aarch64 Linux with glibc only; elsewhere {HINT}"
        ),
    }
}

fn chosen() -> Result<Source> {
    source(std::env::var_os("LIBTORCH"), HAS_WHEEL)
}

/// Whether [`setup`] has a chance on this machine.
pub(super) fn can_be_had() -> bool {
    chosen().is_ok()
}

/// Makes libtorch ready; its folder. Does nothing where it is unpacked already.
pub(super) fn setup(workspace: &Workspace) -> Result<PathBuf> {
    match chosen()? {
        Source::Named(folder) => {
            // Absolute: the build of the binding runs in a folder of its own.
            let folder = std::path::absolute(folder).context("cannot tell the current folder")?;
            verify::named(&folder)?;
            screen::line(&format!("LIBTORCH is set: using {}", workspace.shown(&folder)));
            Ok(folder)
        }
        Source::Wheel => {
            let folder = workspace.target.join("libtorch");
            install(workspace, &folder)?;
            Ok(folder)
        }
    }
}

/// Brings `folder` up to date. Two calls at once take turns.
fn install(workspace: &Workspace, folder: &Path) -> Result<()> {
    let up_to_date = || {
        let known = verify::is_stamped(folder);
        if known {
            screen::line(&format!("{} is up to date", workspace.shown(folder)));
        }
        known
    };
    if up_to_date() {
        return Ok(());
    }
    create(&workspace.target)?;
    let lock = folder.with_extension("lock");
    let lock = fs::File::create(&lock)
        .with_context(|| format!("cannot create {}", workspace.shown(&lock)))?;
    lock.lock().context("cannot wait for another setup-train")?;
    if up_to_date() {
        return Ok(());
    }

    let scratch = folder.with_extension("new");
    let unpacked = scratch.join("torch");
    create(&scratch)?;
    remove(&unpacked)?;
    let python = python::system_python(workspace)?;
    let wheel = download(workspace, python, &scratch)?;
    workspace::run(workspace.command(python).arg(UNPACK).arg(&wheel).arg(&scratch))?;
    stand_in(workspace, &unpacked.join("lib"), &scratch)?;
    let version = unpacked.join("build-version");
    fs::write(&version, format!("{VERSION}\n"))
        .with_context(|| format!("cannot write {}", version.display()))?;
    verify::complete(workspace, &unpacked)
        .with_context(|| format!("{} is not the libtorch expected", workspace.shown(&unpacked)))?;
    verify::stamp(&unpacked)?;
    replace(folder, &unpacked, &scratch.join("old"))?;
    remove(&scratch)?;
    screen::line(&format!("{} holds libtorch {VERSION}", workspace.shown(folder)));
    Ok(())
}

/// The wheel, in `scratch`. One that an interrupted call left there is used, once pip has
/// compared its hash.
fn download(workspace: &Workspace, python: &str, scratch: &Path) -> Result<PathBuf> {
    screen::line("fetching libtorch inside the wheel of torch, about 500 MB, once");
    let fetch = || {
        let mut pip = workspace.command(python);
        pip.args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]);
        pip.args(["--only-binary", ":all:", "--dest"]).arg(scratch);
        workspace::run(pip.arg(format!("torch=={VERSION}")))
    };
    fetch().or_else(|_| fetch()).with_context(|| {
        format!("cannot fetch torch {VERSION}, tried twice; it needs pip and the network once")
    })?;
    let entries = fs::read_dir(scratch)
        .with_context(|| format!("cannot list {}", workspace.shown(scratch)))?;
    let mut wheels = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "whl"));
    wheels.next().with_context(|| format!("pip left no wheel in {}", workspace.shown(scratch)))
}

/// Puts libraries without content where the wheel's need CUDA.
fn stand_in(workspace: &Workspace, lib: &Path, scratch: &Path) -> Result<()> {
    let link = |name: &str, source: &str, more: &[String]| {
        let mut cc = workspace.command("cc");
        cc.args(["-shared", "-nostdlib", "-fPIC", "-s", "-o"]).arg(lib.join(name));
        cc.arg(format!("-Wl,-soname,{name}")).args(more).args(["-x", "c", source]);
        workspace::run(&mut cc)
    };
    // It only names the other libraries of the wheel; the trainer's build names the two that it has.
    link("libtorch.so", "/dev/null", &[])?;
    for name in CUDA_LIBRARIES {
        // References carry the library's name as a version; the loader warns where that is missing.
        let versions = scratch.join(name).with_extension("map");
        fs::write(&versions, format!("{name} {{ *; }};\n"))
            .with_context(|| format!("cannot write {}", workspace.shown(&versions)))?;
        link(name, CUDA_STUBS, &[format!("-Wl,--version-script={}", versions.display())])?;
    }
    Ok(())
}

/// Puts `new` in the place of `folder`, by renaming only: a running trainer keeps the libraries
/// that it has mapped. What was there goes to `old`.
fn replace(folder: &Path, new: &Path, old: &Path) -> Result<()> {
    remove(old)?;
    let had_one = folder.symlink_metadata().is_ok();
    if had_one {
        rename(folder, old)?;
    }
    rename(new, folder).inspect_err(|_| {
        if had_one {
            // The error that matters is the one being returned.
            let _ = fs::rename(old, folder);
        }
    })
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Removes a folder, or a link to one, if it is there.
fn remove(folder: &Path) -> Result<()> {
    let Ok(metadata) = folder.symlink_metadata() else { return Ok(()) };
    let outcome =
        if metadata.is_dir() { fs::remove_dir_all(folder) } else { fs::remove_file(folder) };
    outcome.with_context(|| format!("cannot remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_the_wheel() {
        let named = Some(OsString::from("torch"));
        for has_wheel in [true, false] {
            assert_eq!(source(named.clone(), has_wheel).unwrap(), Source::Named("torch".into()));
        }
        assert_eq!(source(None, true).unwrap(), Source::Wheel);
        assert_eq!(source(Some(OsString::new()), true).unwrap(), Source::Wheel);
    }

    #[test]
    fn without_either_the_error_says_what_to_set() {
        let error = source(None, false).unwrap_err().to_string();
        assert!(error.contains("set LIBTORCH"), "{error}");
    }
}
