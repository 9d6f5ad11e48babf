//! The peers' userland for ARM: Debian's Python, and the engines' wheels beside it.

use super::super::files::PEERS;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{python, screen};

/// Python, and what the wheels are linked with.
const PACKAGES: [&str; 4] = ["python3-minimal", "libpython3-stdlib", "libgomp1", "libstdc++6"];

/// What the lanes import; the rest of the list is for conversions, which this machine does.
const WHEELS: [&str; 4] = ["MNN", "numpy", "onnxruntime", "openvino"];

/// Versions of glibc that wheels may ask for: none newer than the oldest Debian with this Python has.
const GLIBC: std::ops::RangeInclusive<u32> = 17..=36;

/// Where things lie.
#[derive(Debug)]
pub(super) struct System {
    /// What stands for `/`.
    pub(super) root: PathBuf,
    pub(super) python: PathBuf,
    /// Folder of the wheels.
    pub(super) wheels: PathBuf,
}

/// Unpacks what is missing for the peers.
pub(super) fn setup(workspace: &Workspace) -> Result<System> {
    let list = workspace.root.join(PEERS).join("requirements.txt");
    let list = std::fs::read_to_string(list).context("cannot read the peers' requirements")?;
    with_wheels(workspace, "opt/peers", &pinned(&list, &WHEELS)?)
}

/// Unpacks what is missing for the well-known networks: ncnn alone, of the version that others timed.
pub(super) fn for_classics(workspace: &Workspace) -> Result<System> {
    let list = workspace.root.join(PEERS).join("classics/requirements.txt");
    let list = std::fs::read_to_string(list).context("cannot read the classics' requirements")?;
    with_wheels(workspace, "opt/classics", &pinned(&list, &["ncnn"])?)
}

fn with_wheels(workspace: &Workspace, folder: &str, wanted: &[String]) -> Result<System> {
    let root = uniultra_cross::userland(workspace, &PACKAGES)?;
    let (python, version) = interpreter(&root)?;
    let wheels = root.join(folder);
    let stamp = wheels.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted.join("\n")) {
        return Ok(System { root, python, wheels });
    }
    screen::line(&format!("wheels for ARM: {}", wanted.join(", ")));
    let _ = std::fs::remove_dir_all(&wheels);
    let mut pip = workspace.command(python::system_python(workspace)?);
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--implementation", "cp", "--python-version", &version]);
    for minor in GLIBC {
        pip.args(["--platform", &format!("manylinux_2_{minor}_aarch64")]);
    }
    pip.args(["--platform", "manylinux2014_aarch64", "--target"]).arg(&wheels).args(wanted);
    workspace::output(&mut pip)
        .context("cannot fetch the engines' wheels; it needs the network once")?;
    std::fs::write(&stamp, wanted.join("\n"))
        .with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(System { root, python, wheels })
}

/// The userland's interpreter, and its version as `3.N`.
fn interpreter(root: &Path) -> Result<(PathBuf, String)> {
    let folder = root.join("usr/bin");
    let listed =
        std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let version = |name: &str| {
        let version = name.strip_prefix("python")?;
        version.starts_with("3.").then(|| version.to_string())
    };
    let Some(version) = names.find_map(|name| version(&name)) else {
        bail!("expected usr/bin/python3.N in {}, found none", root.display());
    };
    Ok((folder.join(format!("python{version}")), version))
}

/// `NAME==VERSION` of each wheel.
fn pinned(list: &str, wheels: &[&str]) -> Result<Vec<String>> {
    let line = |name: &&str| {
        let start = format!("{name}==");
        let found = list.lines().find(|line| line.starts_with(&start));
        found
            .map(str::to_string)
            .with_context(|| format!("expected `{start}` in {PEERS}/requirements.txt"))
    };
    wheels.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_of_the_pinned_versions() {
        let list = "# MNN==1\nMNN==3.6\nnumpy==2\nonnx==1\nonnxruntime==1.3\nopenvino==2026\n";
        let expected = ["MNN==3.6", "numpy==2", "onnxruntime==1.3", "openvino==2026"];
        assert_eq!(pinned(list, &WHEELS).unwrap(), expected);
        assert!(pinned("MNN==1\n", &WHEELS).unwrap_err().to_string().contains("numpy=="));
    }
}
