//! Cargo manifests: lints inherited, every dependency explained once, every library with its rule of who may use
//! it. Cargo's own lint for inherited lints, `missing_lints_inheritance`, is for nightly Rust only; no tool asks for
//! reasons.

use super::Finding;
use super::profiles;
use super::tree::Tree;
use toml::{Table, Value};

const ROOT: &str = "Cargo.toml";

/// Who may depend on whom, for cargo-deny.
const RULES: &str = ".cargo/deny.toml";

/// One crate of the workspace.
pub(super) struct Package<'a> {
    /// Folder, from the root.
    pub(super) folder: &'a str,
    /// `package.name`.
    pub(super) name: &'a str,
    /// Whether it has a library that others may use.
    pub(super) is_library: bool,
    /// The parsed manifest.
    pub(super) manifest: &'a Table,
}

impl Package<'_> {
    /// Path of its manifest.
    pub(super) fn path(&self) -> String {
        format!("{}/{ROOT}", self.folder)
    }

    /// Names and declarations of its dependencies of the given kinds, for every target platform.
    pub(super) fn dependencies(&self, kinds: &[&str]) -> Vec<(&str, &Value)> {
        let platforms = self.manifest.get("target").and_then(Value::as_table);
        let platforms = platforms.into_iter().flat_map(Table::values).filter_map(Value::as_table);
        std::iter::once(self.manifest)
            .chain(platforms)
            .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
            .flatten()
            .map(|(name, declared)| (name.as_str(), declared))
            .collect()
    }
}

/// The three kinds of dependencies.
pub(super) const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut manifests = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_manifest(path)) {
        match toml::from_str::<Table>(text) {
            Ok(manifest) => manifests.push((path, manifest)),
            Err(error) => findings.push(Finding::file(path, error.message())),
        }
    }
    let Some((_, root)) = manifests.iter().find(|(path, _)| *path == ROOT) else {
        return findings;
    };
    let [members, excluded] = ["members", "exclude"].map(|key| strings(root, key));
    let mut packages = Vec::new();
    for (path, manifest) in manifests.iter().filter(|(path, _)| *path != ROOT) {
        let folder = path.strip_suffix("/Cargo.toml").unwrap_or(path);
        if excluded.contains(&folder) {
            continue;
        }
        if !members.contains(&folder) {
            findings.push(Finding::file(path, "is neither a member of the workspace nor excluded"));
        }
        let package = manifest.get("package").and_then(Value::as_table);
        let name = package.and_then(|package| package.get("name")?.as_str()).unwrap_or(folder);
        let is_library = tree.has(&format!("{folder}/src/lib.rs"));
        packages.push(Package { folder, name, is_library, manifest });
    }
    // The others name no version and so need no reason: `inherits` sees to that.
    let explaining = manifests.iter().map(|(path, _)| *path).filter(|path| {
        let folder = path.strip_suffix("/Cargo.toml");
        folder.is_none_or(|folder| excluded.contains(&folder))
    });
    for path in explaining {
        findings.extend(reasons(path, tree.text(path).unwrap_or_default()));
    }
    for (path, manifest) in &manifests {
        let folder = path.strip_suffix("/Cargo.toml");
        if let Some(folder) = folder.filter(|folder| excluded.contains(folder)) {
            let lock = tree.text(&format!("{folder}/Cargo.lock")).unwrap_or_default();
            findings.extend(profiles::check(path, manifest, root, lock));
            findings.extend(profiles::engine(folder, lock));
        }
    }
    findings.extend(packages.iter().flat_map(inherits));
    findings.extend(unruled(&packages, tree.text(RULES).unwrap_or_default()));
    findings
}

fn is_manifest(path: &str) -> bool {
    path == ROOT || path.ends_with("/Cargo.toml")
}

fn strings<'a>(root: &'a Table, key: &str) -> Vec<&'a str> {
    let listed = root.get("workspace").and_then(|workspace| workspace.get(key)?.as_array());
    listed.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every outside dependency that a manifest declares has a `#` with its reason: those of the
/// workspace, and those of packages outside it, of any kind and for any platform.
fn reasons(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut inside = false;
    // The entry being read: it may go on over several lines.
    let mut entry: Option<(usize, String)> = None;
    let lines = (1..).zip(text.lines()).chain(std::iter::once((0, "[end]")));
    for (number, line) in lines {
        let begins = line.starts_with('[')
            || line.is_empty()
            || line.starts_with('#')
            || line.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins {
            findings
                .extend(entry.take().and_then(|(number, text)| unexplained(path, number, &text)));
        }
        if line.starts_with('[') {
            inside = line.trim().ends_with("dependencies]");
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            entry = Some((number, line.to_string()));
        } else if let Some((_, text)) = &mut entry {
            text.push('\n');
            text.push_str(line);
        }
    }
    findings
}

fn unexplained(path: &str, number: usize, entry: &str) -> Option<Finding> {
    let (name, declared) = entry.split_once('=')?;
    let ours = declared.contains("path =");
    let explained = declared
        .lines()
        .any(|line| line.rsplit_once('#').is_some_and(|(_, reason)| reason.trim().len() > 3));
    let what = format!("`{}` needs a `# reason` on its line", name.trim());
    (!ours && !explained).then(|| Finding::line(path, number, what))
}

/// Lints and versions come from the workspace.
fn inherits(package: &Package<'_>) -> Vec<Finding> {
    let from_workspace = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")?.as_bool()) == Some(true)
    };
    let path = package.path();
    let lints = (!from_workspace(package.manifest.get("lints")))
        .then(|| Finding::file(&path, "expected `[lints] workspace = true`"));
    let dependencies = package
        .dependencies(&KINDS)
        .into_iter()
        .filter(|(_, declared)| !from_workspace(Some(declared)))
        .map(|(name, _)| Finding::file(&path, format!("expected `{name}.workspace = true`")));
    lints.into_iter().chain(dependencies).collect()
}

/// Libraries of which the rules do not say who may depend on them: cargo-deny would let everybody.
fn unruled(packages: &[Package<'_>], rules: &str) -> Vec<Finding> {
    let rules: Table = match toml::from_str(rules) {
        Ok(rules) => rules,
        Err(error) => return vec![Finding::file(RULES, error.message())],
    };
    let ruled = rules.get("bans").and_then(|bans| bans.get("deny")?.as_array());
    let ruled: Vec<_> = ruled
        .into_iter()
        .flatten()
        .filter(|rule| rule.get("wrappers").is_some())
        .filter_map(|rule| rule.get("crate")?.as_str())
        .collect();
    let libraries = packages.iter().filter(|package| package.is_library);
    let unruled = libraries.filter(|package| !ruled.contains(&package.name));
    let what = |name| format!("expected {RULES} to say in `wrappers` who may depend on `{name}`");
    unruled.map(|package| Finding::file(&package.path(), what(package.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD_ROOT: &str = "\
[workspace]
members = [\"runtime/core\"]
exclude = [\"tests/fuzz\"]

[workspace.dependencies]
# ours
uniultra-core = { path = \"runtime/core\" }
log = \"0.4\" # logging
image = { version = \"1\", features = [
  \"png\", # frames
] }
";

    const GOOD_FUZZ: &str = "\
[package]
name = \"fuzz\"
[dependencies]
tempfile = \"3\" # folders
uniultra-core = { path = \"../../runtime/core\" }
[target.'cfg(unix)'.dev-dependencies]
libc = \"0.2\" # signals
[[bin]]
name = \"target\"
";

    fn found(root: &str, core: &str) -> Vec<String> {
        found_with_fuzz(root, core, GOOD_FUZZ)
    }

    fn found_with_fuzz(root: &str, core: &str, fuzz: &str) -> Vec<String> {
        let tree = Tree::from([
            ("Cargo.toml", root),
            ("runtime/core/Cargo.toml", core),
            ("tests/fuzz/Cargo.toml", fuzz),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    const GOOD_CORE: &str = "\
[package]
name = \"uniultra-core\"
[lints]
workspace = true
[dependencies]
log.workspace = true
";

    #[test]
    fn accepts_good_manifests() {
        assert_eq!(found(GOOD_ROOT, GOOD_CORE), [] as [&str; 0]);
    }

    #[test]
    fn finds_dependencies_without_a_reason() {
        let root = GOOD_ROOT.replace(" # logging", "").replace(" # frames", "");
        let expected = [
            "Cargo.toml:8: `log` needs a `# reason` on its line",
            "Cargo.toml:9: `image` needs a `# reason` on its line",
        ];
        assert_eq!(found(&root, GOOD_CORE), expected);
    }

    #[test]
    fn finds_dependencies_without_a_reason_outside_the_workspace() {
        let fuzz = GOOD_FUZZ.replace(" # folders", "").replace(" # signals", "");
        let expected = [
            "tests/fuzz/Cargo.toml:4: `tempfile` needs a `# reason` on its line",
            "tests/fuzz/Cargo.toml:7: `libc` needs a `# reason` on its line",
        ];
        assert_eq!(found_with_fuzz(GOOD_ROOT, GOOD_CORE, &fuzz), expected);
    }

    #[test]
    fn finds_what_is_not_inherited() {
        let core = "[package]\nname = \"uniultra-core\"\n[target.'cfg(unix)'.dependencies]\nlog = \"0.4\"\n";
        let expected = [
            "runtime/core/Cargo.toml: expected `[lints] workspace = true`",
            "runtime/core/Cargo.toml: expected `log.workspace = true`",
        ];
        assert_eq!(found(GOOD_ROOT, core), expected);
    }

    #[test]
    fn finds_libraries_that_anybody_may_use() {
        let rules = "[bans]\ndeny = [{ crate = \"uniultra-core\", wrappers = [\"x\"] }]\n";
        let with = |rules: &str| {
            let tree = Tree::from([
                ("Cargo.toml", GOOD_ROOT),
                ("runtime/core/Cargo.toml", GOOD_CORE),
                ("runtime/core/src/lib.rs", ""),
                (RULES, rules),
            ]);
            check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(with(rules), [] as [&str; 0]);
        let expected =
            ["runtime/core/Cargo.toml: expected .cargo/deny.toml to say in `wrappers` who may \
                         depend on `uniultra-core`"];
        assert_eq!(with(""), expected);
        // Without `wrappers`, cargo-deny would refuse the crate itself.
        assert_eq!(with("[bans]\ndeny = [{ crate = \"uniultra-core\" }]\n"), expected);
        assert!(with("[bans")[0].starts_with(RULES));
    }

    #[test]
    fn finds_crates_outside_the_workspace() {
        let root = GOOD_ROOT.replace("\"runtime/core\"]", "]");
        let expected =
            ["runtime/core/Cargo.toml: is neither a member of the workspace nor excluded"];
        assert_eq!(found(&root, GOOD_CORE), expected);
    }
}
