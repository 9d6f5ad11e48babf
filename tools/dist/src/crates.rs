//! The crates in the device binary, as cargo resolves them for the target.
//!
//! From the lines of `cargo tree`: what `cargo metadata` and its crate resolve has the features of the whole
//! workspace, not those of one program.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_cross::TARGET;

/// The package of the binary.
const BINARY: &str = "uniultra-app";
/// The package of the C interface, which has the same crates inside.
const LIBRARY: &str = "uniultra-capi";

/// Name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: String,
    pub(super) version: String,
}

/// One crate.
#[derive(Clone, Debug)]
pub(super) struct Crate {
    /// Whether it is code in the binary; others made that code: build scripts and macros.
    pub(super) linked: bool,
    /// Whether it belongs to this project.
    pub(super) ours: bool,
    /// SPDX expression.
    pub(super) licence: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) description: Option<String>,
    /// SHA-256 of its archive, as `Cargo.lock` has it.
    pub(super) sha256: Option<String>,
    /// Where its files are.
    pub(super) folder: PathBuf,
    /// A licence file that the crate names itself.
    pub(super) licence_file: Option<PathBuf>,
    /// What it is built with, without what only tests need.
    pub(super) depends_on: BTreeSet<Id>,
}

/// All of them, by name and version, the binary's own package among them.
#[derive(Clone, Debug)]
pub(super) struct Crates {
    pub(super) root: Id,
    pub(super) all: BTreeMap<Id, Crate>,
}

impl Crates {
    /// Asks cargo, with the features that `cargo xtask cross` builds with.
    pub(super) fn resolve(workspace: &Workspace) -> Result<Self> {
        let tree = |edges: &str| {
            let mut command = workspace.cargo(&["tree", "--locked", "-p", BINARY, "-p", LIBRARY]);
            command.args(["--target", TARGET, "--edges", edges]);
            workspace::output(command.args(["--prefix", "depth", "--format", "{p}"]))
        };
        let linked = edges(&tree("normal,no-proc-macro")?)?;
        let built = edges(&tree("normal,build")?)?;
        let mut metadata = workspace.cargo(&["metadata", "--locked", "--format-version", "1"]);
        let metadata = workspace::output(metadata.args(["--filter-platform", TARGET]))?;
        let metadata: Metadata = serde_json::from_str(&metadata).context("cargo's metadata")?;
        let lock = std::fs::read_to_string(workspace.root.join("Cargo.lock"))
            .context("cannot read Cargo.lock")?;
        join(&linked, built, metadata, &checksums(&lock)?)
    }

    /// Crates of others whose code is in the binary.
    pub(super) fn third_party(&self) -> impl Iterator<Item = (&Id, &Crate)> {
        self.all.iter().filter(|(_, found)| found.linked && !found.ours)
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// What is read of one package of `cargo metadata`.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    license: Option<String>,
    license_file: Option<PathBuf>,
    repository: Option<String>,
    description: Option<String>,
    manifest_path: PathBuf,
}

/// Who depends on whom, from the lines of `cargo tree --prefix depth`: `2name v1.2.3 (*)`.
fn edges(tree: &str) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let mut found: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let entry = || {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            let depth: usize = line[..line.len() - rest.len()].parse().ok()?;
            let mut words = rest.split(' ');
            let name = words.next()?.to_string();
            let version = words.next()?.strip_prefix('v')?.to_string();
            (depth <= above.len()).then_some((depth, Id { name, version }))
        };
        let (depth, id) =
            entry().with_context(|| format!("expected a line of `cargo tree`, found `{line}`"))?;
        above.truncate(depth);
        if let Some(parent) = above.last() {
            found.entry(parent.clone()).or_default().insert(id.clone());
        }
        found.entry(id.clone()).or_default();
        above.push(id);
    }
    Ok(found)
}

/// SHA-256 by name and version; the project's own crates have none.
fn checksums(lock: &str) -> Result<BTreeMap<Id, String>> {
    let lock: toml::Table = toml::from_str(lock).context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock")?;
    let word = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_string());
    let entry = |package: &toml::Value| {
        let id = Id { name: word(package, "name")?, version: word(package, "version")? };
        Some((id, word(package, "checksum")?))
    };
    Ok(packages.iter().filter_map(entry).collect())
}

fn join(
    linked: &BTreeMap<Id, BTreeSet<Id>>,
    built: BTreeMap<Id, BTreeSet<Id>>,
    metadata: Metadata,
    checksums: &BTreeMap<Id, String>,
) -> Result<Crates> {
    let packages = metadata.packages.into_iter();
    let mut packages: BTreeMap<Id, Package> = packages
        .map(|package| {
            (Id { name: package.name.clone(), version: package.version.clone() }, package)
        })
        .collect();
    let root = built.keys().find(|id| id.name == BINARY);
    let root = root.with_context(|| format!("expected {BINARY} in cargo's tree"))?.clone();
    let mut all = BTreeMap::new();
    for (id, depends_on) in built {
        let package = packages
            .remove(&id)
            .with_context(|| format!("cargo's metadata lacks {} {}", id.name, id.version))?;
        let folder = package.manifest_path.parent().map(PathBuf::from).unwrap_or_default();
        let found = Crate {
            linked: linked.contains_key(&id),
            ours: package.source.is_none(),
            // The slash is what cargo had before SPDX's expressions.
            licence: package.license.map(|text| text.replace(" / ", "/").replace('/', " OR ")),
            licence_file: package.license_file.map(|file| folder.join(file)),
            repository: package.repository,
            description: package.description.map(|text| one_line(&text)),
            sha256: checksums.get(&id).cloned(),
            folder,
            depends_on,
        };
        all.insert(id, found);
    }
    Ok(Crates { root, all })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The binary, a crate of others in it, and one that only built that.
#[cfg(test)]
pub(super) fn example(folder: &std::path::Path) -> Crates {
    let linked = edges("0uniultra-app v0.1.0 (/x)\n1log v0.4.1\n").unwrap_or_default();
    let tree = "0uniultra-app v0.1.0 (/x)\n1log v0.4.1\n2cc v1.0.0\n";
    let built = edges(tree).unwrap_or_default();
    let package = |name: &str, version: &str, source: Option<&str>, license: &str| Package {
        name: name.to_string(),
        version: version.to_string(),
        source: source.map(str::to_string),
        license: Some(license.to_string()),
        license_file: None,
        repository: source.map(|_| format!("https://example.org/{name}")),
        description: Some(format!("what {name}\n does")),
        manifest_path: folder.join(name).join("Cargo.toml"),
    };
    let registry = Some("registry+https://example.org");
    let packages = vec![
        package(BINARY, "0.1.0", None, "MIT OR Apache-2.0"),
        package("log", "0.4.1", registry, "MIT/Apache-2.0"),
        package("cc", "1.0.0", registry, "MIT"),
    ];
    let hash = "ab".repeat(32);
    let lock = format!("[[package]]\nname = \"log\"\nversion = \"0.4.1\"\nchecksum = \"{hash}\"\n");
    let sums = checksums(&lock).unwrap_or_default();
    join(&linked, built, Metadata { packages }, &sums).unwrap_or_else(|e| unreachable!("{e:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str, version: &str) -> Id {
        Id { name: name.to_string(), version: version.to_string() }
    }

    #[test]
    fn reads_cargo_s_tree() {
        let tree =
            "0a v1.0.0 (/x/a)\n1b v2.0.0\n2c v3.0.0 (proc-macro)\n1d v4.0.0\n2b v2.0.0 (*)\n";
        let found = edges(tree).unwrap();
        assert_eq!(found[&id("a", "1.0.0")], [id("b", "2.0.0"), id("d", "4.0.0")].into());
        assert_eq!(found[&id("b", "2.0.0")], [id("c", "3.0.0")].into());
        assert_eq!(found[&id("d", "4.0.0")], [id("b", "2.0.0")].into());
        for bad in ["a v1.0.0", "1a v1.0.0", "0a", "0a 1.0.0"] {
            assert!(edges(bad).unwrap_err().to_string().contains(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_linked_is_told_from_what_builds() {
        let crates = example(std::path::Path::new("/x"));
        let third: Vec<_> = crates.third_party().map(|(id, _)| id.name.as_str()).collect();
        assert_eq!((third, crates.root.name.as_str()), (vec!["log"], BINARY));
        let log = &crates.all[&id("log", "0.4.1")];
        assert_eq!(log.licence.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(log.description.as_deref(), Some("what log does"));
        assert_eq!(log.sha256.as_deref().map(str::len), Some(64));
        let cc = &crates.all[&id("cc", "1.0.0")];
        assert!(!cc.linked && cc.sha256.is_none());
    }

    #[test]
    fn the_device_binary_of_this_checkout_resolves() {
        let workspace = Workspace::find().unwrap();
        let crates = Crates::resolve(&workspace).unwrap();
        let has = |name: &str| crates.all.iter().find(|(id, _)| id.name == name).map(|(_, c)| c);
        assert!(has("uniultra-engine").is_some_and(|found| found.ours && found.linked));
        assert!(has("tract-core").is_some_and(|found| found.linked && found.sha256.is_some()));
        assert!(has("serde_derive").is_some_and(|found| !found.linked));
        assert!(has("safetensors").is_none(), "a host tool's dependency is in the device's list");
        for (id, found) in crates.third_party() {
            assert!(found.sha256.is_some() && found.folder.is_dir(), "{id:?}");
            assert!(found.licence.is_some() || found.licence_file.is_some(), "{id:?}");
        }
    }
}
