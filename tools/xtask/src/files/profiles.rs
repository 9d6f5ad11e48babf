//! What keeps the builds of packages outside the workspace short: profiles as the workspace's, or what they
//! share is compiled again, and no engine in the trainer, whose other features of crates would have it
//! compiled again.

use super::Finding;
use toml::{Table, Value};

/// `[profile.dev]` of `manifest`, against the root's. It may say more, of packages that it alone has,
/// and less, of those that are not in its `lock` file.
pub(super) fn check(path: &str, manifest: &Table, root: &Table, lock: &str) -> Vec<Finding> {
    let Some(expected) = dev(root) else { return Vec::new() };
    let found = dev(manifest);
    let mut findings = Vec::new();
    for (key, value) in expected.iter().filter(|(key, _)| *key != "package") {
        if found.and_then(|found| found.get(key)) != Some(value) {
            findings.push(differs(path, "profile.dev", key));
        }
    }
    let packages = |dev: &'_ Table| dev.get("package").and_then(Value::as_table).cloned();
    let theirs = found.and_then(packages).unwrap_or_default();
    for (name, settings) in packages(expected).unwrap_or_default() {
        if (name == "*" || has(lock, &name)) && theirs.get(&name) != Some(&settings) {
            findings.push(differs(path, "profile.dev.package", &name));
        }
    }
    findings
}

/// The trainer's lock file has no engine in it.
pub(super) fn engine(folder: &str, lock: &str) -> Option<Finding> {
    let found = folder == "tools/train" && has(lock, ENGINE);
    let what = format!("holds `{ENGINE}`; its tests run the engine as a program of the workspace");
    found.then(|| Finding::file(&format!("{folder}/Cargo.lock"), what))
}

const ENGINE: &str = "tract-core";

/// Whether a lock file names a package.
fn has(lock: &str, name: &str) -> bool {
    lock.lines().any(|line| line.strip_prefix("name = ") == Some(&format!("\"{name}\"")))
}

fn dev(manifest: &Table) -> Option<&Table> {
    manifest.get("profile")?.get("dev")?.as_table()
}

fn differs(path: &str, table: &str, key: &str) -> Finding {
    Finding::file(path, format!("expected `{key}` of `{table}` as in Cargo.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "\
[profile.dev]
opt-level = 2
[profile.dev.package.\"*\"]
debug = false
[profile.dev.package.slow]
opt-level = 0
[profile.dev.package.gate]
opt-level = 0
";

    const LOCK: &str = "[[package]]\nname = \"slow\"\n[[package]]\nname = \"gate-keeper\"\n";

    fn found(theirs: &str) -> Vec<String> {
        let [root, theirs] = [ROOT, theirs].map(|text| toml::from_str(text).unwrap());
        let findings = check("tests/fuzz/Cargo.toml", &theirs, &root, LOCK);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn more_is_allowed_and_what_differs_is_named() {
        let gate = ROOT.find("[profile.dev.package.gate]").unwrap();
        let same = &ROOT[..gate];
        assert_eq!(found(same), [] as [&str; 0]);
        assert_eq!(
            found(&format!("{same}[profile.dev.package.torch-sys]\nopt-level = 0\n")),
            [] as [&str; 0]
        );
        let expected = [
            "tests/fuzz/Cargo.toml: expected `opt-level` of `profile.dev` as in Cargo.toml",
            "tests/fuzz/Cargo.toml: expected `*` of `profile.dev.package` as in Cargo.toml",
            "tests/fuzz/Cargo.toml: expected `slow` of `profile.dev.package` as in Cargo.toml",
        ];
        assert_eq!(found(""), expected);
        let other = same.replace('2', "3").replace("false", "true").replace("= 0", "= 1");
        assert_eq!(found(&other), expected);
    }

    #[test]
    fn the_trainer_has_no_engine() {
        let lock = "[[package]]\nname = \"tract-core\"\n";
        let finding = engine("tools/train", lock).map(|finding| finding.to_string());
        let start = "tools/train/Cargo.lock: holds `tract-core`";
        assert!(finding.is_some_and(|text| text.starts_with(start)));
        assert!(engine("tests/fuzz", lock).is_none() && engine("tools/train", LOCK).is_none());
    }
}
