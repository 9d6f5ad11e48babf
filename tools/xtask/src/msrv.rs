//! No locked dependency may ask for a newer Rust than the workspace promises. Cargo itself compares with the Rust
//! that runs, which is newer.

use crate::train;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use uniultra_checkout::workspace::{self, Workspace};

/// The workspace, and the trainer, whose lock file is its own.
const MANIFESTS: [&str; 2] = ["Cargo.toml", train::MANIFEST];

/// Reads the resolved graphs from `cargo metadata`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut too_new = Vec::new();
    for manifest in MANIFESTS {
        let args = ["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest];
        let text = workspace::output(&mut workspace.cargo(&args))?;
        let metadata: Value =
            serde_json::from_str(&text).context("`cargo metadata` is not JSON")?;
        too_new.extend(newer(&metadata)?);
    }
    too_new.sort();
    too_new.dedup();
    if !too_new.is_empty() {
        bail!("these need a newer Rust than rust-version: {}", too_new.join(", "));
    }
    Ok(())
}

/// Packages from elsewhere whose `rust-version` exceeds that of every package of this project.
fn newer(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    let ours = |package: &&Value| package["source"].is_null();
    let promised = packages
        .iter()
        .filter(ours)
        .filter_map(|package| version(&package["rust_version"]))
        .min()
        .context("no package of this project has a rust-version")?;
    let too_new = packages.iter().filter(|package| {
        !ours(package) && version(&package["rust_version"]).is_some_and(|asks| asks > promised)
    });
    let text = |value: &Value| value.as_str().unwrap_or("?").to_string();
    let named = too_new.map(|package| {
        let [name, version, rust] =
            ["name", "version", "rust_version"].map(|key| text(&package[key]));
        format!("{name} {version} (Rust {rust})")
    });
    Ok(named.collect())
}

/// `"1.91"` or `"1.91.0"` as numbers; a missing patch level is 0.
fn version(value: &Value) -> Option<[u32; 3]> {
    let mut numbers = value.as_str()?.split('.').map(|part| part.parse().ok());
    Some([numbers.next()??, numbers.next().unwrap_or(Some(0))?, numbers.next().unwrap_or(Some(0))?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_only_dependencies_newer_than_the_promise() {
        let package = |name: &str, source: Value, rust: Value| json!({ "name": name, "version": "1.0.0", "source": source, "rust_version": rust });
        let metadata = json!({ "packages": [
            package("ours", Value::Null, json!("1.91")),
            package("old", json!("registry"), json!("1.9.5")),
            package("same", json!("registry"), json!("1.91.0")),
            package("silent", json!("registry"), Value::Null),
            package("new", json!("registry"), json!("1.92")),
        ]});
        assert_eq!(newer(&metadata).unwrap(), ["new 1.0.0 (Rust 1.92)"]);
    }
}
