//! Profiles of packages outside the workspace: as the workspace's, or what they share is compiled again.

use super::Finding;
use toml::{Table, Value};

/// `[profile.dev]` of `manifest`, against the root's. It may say more, of packages that it alone has;
/// `ours` are packages of the workspace, which it has not.
pub(super) fn check(path: &str, manifest: &Table, root: &Table, ours: &[&str]) -> Vec<Finding> {
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
        if !ours.contains(&name.as_str()) && theirs.get(&name) != Some(&settings) {
            findings.push(differs(path, "profile.dev.package", &name));
        }
    }
    findings
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
[profile.dev.package.gate]
opt-level = 0
";

    fn found(theirs: &str) -> Vec<String> {
        let [root, theirs] = [ROOT, theirs].map(|text| toml::from_str(text).unwrap());
        let findings = check("tests/fuzz/Cargo.toml", &theirs, &root, &["gate"]);
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
        ];
        assert_eq!(found(""), expected);
        assert_eq!(found(&same.replace('2', "3").replace("false", "true")), expected);
    }
}
