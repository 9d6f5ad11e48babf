//! The Python side of the ONNX conformance test: a scratch environment under the target folder.

use crate::screen;
use crate::workspace::{self, Workspace};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The pinned packages.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// The oldest Python with `tomllib`, which the conformance script reads manifests with.
const OLDEST: (u32, u32) = (3, 11);

/// Makes `target/venv` hold the pinned packages; its interpreter. Does nothing where a stamp says
/// that these very packages are installed already.
pub(crate) fn setup(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("venv");
    let interpreter = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("installed-requirements.txt");
    let wanted = std::fs::read_to_string(workspace.root.join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let starts = || workspace::output(workspace.command(&interpreter).arg("--version")).is_ok();
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && starts() {
        screen::line(&format!("{} is up to date", workspace.shown(&folder)));
        return Ok(interpreter);
    }
    let system = system_python(workspace)?;
    // Without pip inside: some systems ship Python without the `ensurepip` that this would need.
    let mut create = workspace.command(system);
    create.args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder);
    workspace::run(&mut create)?;
    let install = || {
        let mut pip = workspace.command(system);
        pip.args(["-m", "pip", "--python"]).arg(&interpreter);
        pip.args(["--disable-pip-version-check", "install", "--quiet"]);
        // A source build would need compilers that the gate does not ask for.
        pip.args(["--only-binary", ":all:", "--requirement", REQUIREMENTS]);
        workspace::run(&mut pip)
    };
    install().or_else(|_| install()).with_context(|| {
        format!("cannot install {REQUIREMENTS}, tried twice; it needs pip and the network once")
    })?;
    std::fs::write(&stamp, wanted)
        .with_context(|| format!("cannot write {}", workspace.shown(&stamp)))?;
    Ok(interpreter)
}

/// The first interpreter on the path that is new enough.
pub(crate) fn system_python(workspace: &Workspace) -> Result<&'static str> {
    let mut seen = Vec::new();
    for name in ["python3", "python"] {
        let print = "import sys; print(*sys.version_info[:2])";
        let Ok(text) = workspace::output(workspace.command(name).args(["-c", print])) else {
            continue;
        };
        if version(&text).is_some_and(|found| found >= OLDEST) {
            return Ok(name);
        }
        seen.push(format!("{name} is {}", text.trim().replace(' ', ".")));
    }
    let (major, minor) = OLDEST;
    let found = if seen.is_empty() { "none on the path".to_string() } else { seen.join(", ") };
    bail!("expected Python {major}.{minor} or newer, found {found}")
}

/// `"3 11"` as numbers.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("3 11\n").unwrap() >= OLDEST);
        assert!(version("3 9").unwrap() < OLDEST);
        assert!(version("4 0").unwrap() >= OLDEST);
        assert_eq!(version("no python"), None);
    }
}
