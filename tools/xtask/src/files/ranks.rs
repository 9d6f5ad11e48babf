//! The dependency rules of runtime/ARCHITECTURE.md.

use super::Finding;
use super::manifests::{KINDS, Package};
use std::collections::BTreeMap;

/// Crates of `runtime/` by folder. Each may depend only on those of a lower rank.
const RUNTIME_RANKS: [(&str, u8); 9] = [
    ("runtime/manifest", 0),
    ("runtime/kernels", 0),
    ("runtime/core", 1),
    ("runtime/default-model", 1),
    ("runtime/sink", 2),
    ("runtime/engine", 2),
    ("runtime/uniultra", 3),
    ("runtime/app", 4),
    ("runtime/capi", 4),
];

/// The only crate that names the inference engine.
const ENGINE: &str = "runtime/engine";

/// The C interface shows what the library's one door shows, and nothing from behind it.
const DOOR: (&str, &str) = ("runtime/capi", "runtime/uniultra");

/// Error type of binaries; a library's errors are enums that its callers can match.
const ANYHOW: &str = "anyhow";

/// Libraries of the gate's own programs. Their callers match no error: they say it and end.
const CHORES: [&str; 2] = ["tools/checkout", "tools/cross"];

pub(super) fn check(packages: &[Package<'_>]) -> Vec<Finding> {
    let folders: BTreeMap<_, _> = packages.iter().map(|p| (p.name, p.folder)).collect();
    packages.iter().flat_map(|package| check_one(package, &folders)).collect()
}

fn rank(folder: &str) -> Option<u8> {
    RUNTIME_RANKS.iter().find(|(known, _)| *known == folder).map(|(_, rank)| *rank)
}

fn check_one(package: &Package<'_>, folders: &BTreeMap<&str, &str>) -> Vec<Finding> {
    let Package { folder, is_library, .. } = package;
    let mut problems = Vec::new();
    let own = rank(folder);
    if folder.starts_with("runtime/") && own.is_none() {
        problems.push("has no rank in the gate's RUNTIME_RANKS".to_string());
    }
    for (name, _) in package.dependencies(&KINDS) {
        if name.starts_with("tract") && *folder != ENGINE {
            problems.push(format!("only {ENGINE} may name `{name}`"));
        }
        let Some(&other) = folders.get(name) else { continue };
        if other == "tests" {
            problems.push("nothing depends on the tests".to_string());
        } else if folder.starts_with("runtime/") && !other.starts_with("runtime/") {
            problems.push(format!("the runtime does not depend on {other}"));
        } else if let (Some(own), Some(other_rank)) = (own, rank(other))
            && own <= other_rank
        {
            problems.push(format!("{other} is not below it in the order of crates"));
        } else if *folder == DOOR.0 && other != DOOR.1 {
            problems.push(format!("{other} is behind its one door, {}", DOOR.1));
        }
    }
    let uses_anyhow =
        package.dependencies(&["dependencies"]).iter().any(|(name, _)| *name == ANYHOW);
    if *is_library && uses_anyhow && !CHORES.contains(folder) {
        problems.push("a library's errors are an enum of its own, not `anyhow`".to_string());
    }
    problems.into_iter().map(|what| Finding::file(&package.path(), what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

    /// Findings for crates given as (folder, name, dependencies); all are libraries.
    fn found(crates: &[(&str, &str, &[&str])]) -> Vec<String> {
        let manifests: Vec<Table> = crates
            .iter()
            .map(|(.., dependencies)| {
                let lines = dependencies.iter().map(|d| format!("{d}.workspace = true\n"));
                toml::from_str(&format!("[dependencies]\n{}", lines.collect::<String>())).unwrap()
            })
            .collect();
        let packages: Vec<_> = crates
            .iter()
            .zip(&manifests)
            .map(|((folder, name, _), manifest)| Package {
                folder,
                name,
                is_library: true,
                manifest,
            })
            .collect();
        check(&packages).iter().map(ToString::to_string).collect()
    }

    const MANIFEST: (&str, &str, &[&str]) = ("runtime/manifest", "manifest", &["toml"]);

    #[test]
    fn accepts_the_one_direction() {
        let crates: [(&str, &str, &[&str]); 7] = [
            MANIFEST,
            ("runtime/core", "core", &["manifest"]),
            ("runtime/engine", "engine", &["core", "manifest", "tract-onnx"]),
            ("runtime/uniultra", "door", &["engine", "core"]),
            ("runtime/capi", "capi", &["door"]),
            ("tools/export", "export", &["manifest", "core"]),
            ("tools/cross", "cross", &["manifest", "anyhow"]),
        ];
        assert_eq!(found(&crates), [] as [&str; 0]);
    }

    #[test]
    fn finds_wrong_directions() {
        let crates: [(&str, &str, &[&str]); 6] = [
            ("runtime/manifest", "manifest", &["core"]),
            ("runtime/core", "core", &["export", "tract-core"]),
            ("runtime/capi", "capi", &["core"]),
            ("runtime/new", "new", &[]),
            ("tools/export", "export", &["tests", "anyhow"]),
            ("tests", "tests", &["core"]),
        ];
        let expected = [
            "runtime/manifest/Cargo.toml: runtime/core is not below it in the order of crates",
            "runtime/core/Cargo.toml: the runtime does not depend on tools/export",
            "runtime/core/Cargo.toml: only runtime/engine may name `tract-core`",
            "runtime/capi/Cargo.toml: runtime/core is behind its one door, runtime/uniultra",
            "runtime/new/Cargo.toml: has no rank in the gate's RUNTIME_RANKS",
            "tools/export/Cargo.toml: nothing depends on the tests",
            "tools/export/Cargo.toml: a library's errors are an enum of its own, not `anyhow`",
        ];
        assert_eq!(found(&crates), expected);
    }
}
