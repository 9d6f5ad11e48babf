//! Checks the crate's sources: every public item has an example, and no signature names another
//! crate's types.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Tests at the end of a file do not belong to the interface.
            let end = text.find("#[cfg(test)]").unwrap_or(text.len());
            found.push((path, text[..end].to_string()));
        }
    }
    found
}

/// The library example in runtime/README.md equals the first example of the documentation, which is
/// a doc test.
#[test]
fn the_readme_s_example_is_one_that_runs() {
    let readme = fs::read_to_string(root().join("runtime/README.md")).unwrap();
    let (_, rest) = readme.split_once("```rust\n").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let docs = fs::read_to_string(root().join("runtime/uniultra/src/lib.rs")).unwrap();
    let (_, rest) = docs.split_once("//! ```\n").unwrap();
    let (run, _) = rest.split_once("//! ```\n").unwrap();
    let visible: String = run
        .lines()
        .map(|line| line.strip_prefix("//!").unwrap().strip_prefix(' ').unwrap_or_default())
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(shown, visible);
}

#[test]
fn every_public_item_has_an_example() {
    let mut items = 0;
    for (path, text) in sources(&root().join("runtime/uniultra/src")) {
        let root_of_crate = path.ends_with("lib.rs");
        let mut docs = String::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with("///") {
                docs.push_str(line);
                docs.push('\n');
            } else if line.starts_with("pub ") && !root_of_crate {
                items += 1;
                assert!(docs.contains("/// ```\n"), "{}: no example: {line}", path.display());
                docs.clear();
            } else if !line.starts_with("#[") {
                docs.clear();
            }
        }
    }
    assert!(items > 40, "only {items} public items were seen");
}

/// Crates whose types an application sees through this one.
const SEEN: [&str; 4] = ["runtime/manifest", "runtime/core", "runtime/sink", "runtime/uniultra"];

#[test]
fn no_signature_names_the_engine_s_types_or_bounded_lists() {
    let mut signatures = 0;
    for (path, text) in SEEN.iter().flat_map(|seen| sources(&root().join(seen).join("src"))) {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("pub ") {
            rest = &rest[at..];
            let end = rest.find(['{', ';', '=']).unwrap_or(rest.len());
            let signature = &rest[..end];
            for foreign in ["heapless", "tract_", "TVec", "rayon"] {
                assert!(!signature.contains(foreign), "{}: {signature}", path.display());
            }
            signatures += 1;
            rest = &rest[end..];
        }
    }
    assert!(signatures > 150, "only {signatures} signatures were seen");
}
