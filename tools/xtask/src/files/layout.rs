//! What may lie where, and how large it may be: rules of this project, which no tool knows.

use super::Finding;
use super::tree::Tree;
use std::collections::BTreeSet;

/// What the top level holds, beside `LICENSE-*` and dot-files.
const TOP_LEVEL: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "README.md", "boards", "models", "runtime", "tests", "tools"];

/// Longest Rust file, in lines: longer ones hold more than one idea.
const MAX_RUST_LINES: usize = 400;

/// Largest file in `models/`, in bytes.
const MAX_MODEL_BYTES: u64 = 30 << 20;

/// Largest file anywhere else, in bytes.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    [top_level(tree), sizes(tree), lengths(tree)].concat()
}

fn top_level(tree: &Tree) -> Vec<Finding> {
    let found: BTreeSet<_> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    let wanted: BTreeSet<_> = TOP_LEVEL.into();
    let free = |name: &str| name.starts_with('.') || name.starts_with("LICENSE-");
    let surplus = found
        .difference(&wanted)
        .filter(|name| !free(name))
        .map(|name| Finding::file(name, "has no place at the top level"));
    let missing = wanted.difference(&found).map(|name| Finding::file(name, "is missing"));
    let licence = (!found.iter().any(|name| name.starts_with("LICENSE-")))
        .then(|| Finding::file("LICENSE-*", "is missing"));
    surplus.chain(missing).chain(licence).collect()
}

fn sizes(tree: &Tree) -> Vec<Finding> {
    let limit = |path: &str| if path.starts_with("models/") { MAX_MODEL_BYTES } else { MAX_BYTES };
    tree.sizes()
        .filter(|(path, bytes)| *bytes > limit(path))
        .map(|(path, bytes)| {
            let limit = limit(path);
            Finding::file(path, format!("expected at most {limit} bytes, found {bytes}"))
        })
        .collect()
}

fn lengths(tree: &Tree) -> Vec<Finding> {
    tree.texts_ending(".rs")
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_RUST_LINES)
        .map(|(path, lines)| {
            Finding::file(path, format!("expected at most {MAX_RUST_LINES} lines, found {lines}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Tree {
        Tree::from([
            (".gitignore", ""),
            ("Cargo.lock", ""),
            ("Cargo.toml", ""),
            ("LICENSE-MIT", ""),
            ("README.md", ""),
            ("boards/README.md", ""),
            ("models/README.md", ""),
            ("runtime/ARCHITECTURE.md", ""),
            ("tests/Cargo.toml", ""),
            ("tools/a/lib.rs", "//! A.\n"),
        ])
    }

    #[test]
    fn accepts_the_layout() {
        assert_eq!(check(&good().with_binary("models/m/encoder.onnx", MAX_MODEL_BYTES)), []);
    }

    #[test]
    fn finds_surplus_and_missing_entries() {
        let tree = Tree::from([("docs/a.md", ""), ("Cargo.toml", "")]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| finding.to_string()).collect();
        assert!(found.contains(&"docs: has no place at the top level".to_string()), "{found:?}");
        for missing in ["README.md", "runtime", "tools", "LICENSE-*"] {
            assert!(found.contains(&format!("{missing}: is missing")), "{found:?}");
        }
    }

    #[test]
    fn finds_large_files() {
        let tree = good()
            .with_binary("models/m/encoder.onnx", MAX_MODEL_BYTES + 1)
            .with_binary("tests/fixtures/frame.png", MAX_BYTES + 1);
        let paths: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["models/m/encoder.onnx", "tests/fixtures/frame.png"]);
    }

    #[test]
    fn finds_long_rust_files() {
        let short = "\n".repeat(MAX_RUST_LINES);
        let long = "\n".repeat(MAX_RUST_LINES + 1);
        let tree = Tree::from([("a.rs", short.as_str()), ("b.rs", &long), ("c.md", &long)]);
        let paths: Vec<_> = lengths(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["b.rs"]);
    }
}
