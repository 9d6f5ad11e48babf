//! `--board ID`: whether what is built is what the board needs.

use super::TARGET;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use uniultra_manifest::BoardFile;

/// `boards/ID.toml` under `root`, a good profile whose target is the one that is built for.
pub fn check(root: &Path, id: &str) -> Result<PathBuf> {
    let folder = root.join("boards");
    let known = known(&folder)?;
    if !known.iter().any(|name| name == id) {
        bail!("--board: expected one of {}, found `{id}`", known.join(", "));
    }
    let path = folder.join(id).with_extension("toml");
    let board = BoardFile::open(&path).with_context(|| path.display().to_string())?.board;
    let target = board.target;
    ensure!(
        target.triple() == TARGET,
        "--board {id}: expected a board for {TARGET}, found one for {target}"
    );
    Ok(path)
}

/// Ids of the profiles there are, in order.
fn known(folder: &Path) -> Result<Vec<String>> {
    let entries = folder.read_dir().with_context(|| folder.display().to_string())?;
    let mut ids = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_profile = path.extension().is_some_and(|extension| extension == "toml");
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_profile) {
            ids.push(stem.to_string());
        }
    }
    ids.sort();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_of_another_target_or_none_is_refused() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        check(root, "raspberry-pi-4").unwrap();
        let problem = |id| check(root, id).unwrap_err().to_string();
        assert!(problem("host").contains("found one for x86_64"), "{}", problem("host"));
        for id in ["absent", "../boards/am62x", "README"] {
            let problem = problem(id);
            assert!(problem.contains("am62x, host") && problem.contains(id), "{problem}");
        }
    }
}
