//! Scratch Python environments under the target folder: for the ONNX conformance test, for the peers of the
//! race, and for programs that check the gate's files.

use crate::screen;
use crate::workspace::{self, Workspace};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// An environment with pinned packages.
#[derive(Debug)]
pub struct Environment {
    /// Its folder, in the target folder.
    folder: &'static str,
    /// The list of its packages, from the root.
    requirements: &'static str,
    /// Whether packages bring what they ask for; without, the list is complete.
    with_dependencies: bool,
}

/// The ONNX checker and ONNX Runtime, for the gate.
pub const CONFORMANCE: Environment = Environment {
    folder: "venv",
    requirements: "tests/python/requirements.txt",
    with_dependencies: true,
};

/// The engines that the race is against.
pub const PEERS: Environment = Environment {
    folder: "peers-venv",
    requirements: "tests/peers/requirements.txt",
    with_dependencies: false,
};

/// Programs that check files, for the gate.
pub const CHECKERS: Environment = Environment {
    folder: "checkers-venv",
    requirements: "tools/xtask/requirements.txt",
    with_dependencies: false,
};

/// The oldest Python with `tomllib`, which the conformance script reads manifests with, and with
/// `match`.
const OLDEST: (u32, u32) = (3, 11);

/// Makes the environment hold its packages; its interpreter. Does nothing where a stamp says that
/// these very packages are installed already.
pub fn setup(workspace: &Workspace, environment: &Environment) -> Result<PathBuf> {
    let Environment { folder, requirements, with_dependencies } = environment;
    let folder = workspace.target.join(folder);
    let interpreter = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("installed-requirements.txt");
    let wanted = std::fs::read_to_string(workspace.root.join(requirements))
        .with_context(|| format!("cannot read {requirements}"))?;
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
        pip.args(["--only-binary", ":all:", "--requirement", requirements]);
        if !with_dependencies {
            pip.arg("--no-deps");
        }
        workspace::run(&mut pip)
    };
    install().or_else(|_| install()).with_context(|| {
        format!("cannot install {requirements}, tried twice; it needs pip and the network once")
    })?;
    std::fs::write(&stamp, wanted)
        .with_context(|| format!("cannot write {}", workspace.shown(&stamp)))?;
    Ok(interpreter)
}

/// The first interpreter on the path that is new enough.
pub fn system_python(workspace: &Workspace) -> Result<&'static str> {
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
