//! What no text of the project may say: paths of somebody's machine, which no tool knows, leftovers, and that a
//! crate may be unsafe.

use super::Finding;
use super::tree::Tree;
use uniultra_checkout::workspace::Workspace;

/// Folders that hold people's homes; a name must follow for it to be a finding.
const HOMES: [&str; 3] = ["/home", "/Users", r"C:\Users"];

/// Marks of unfinished work, in two parts so that this file does not hold them itself.
const LEFTOVERS: [&str; 4] =
    [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("HA", "CK"), concat!("XX", "X")];

/// The lint that finds `unsafe`. The workspace sets it; who takes it back has to be one of [`UNSAFE_PACKAGES`].
const UNSAFE_LINT: &str = "unsafe_code";

/// Packages that may hold `unsafe`: SIMD and the C interface need it, nothing else does.
const UNSAFE_PACKAGES: [&str; 2] = ["runtime/kernels/", "runtime/capi/"];

/// Paths of the machine that runs the check.
pub(super) struct Private(Vec<String>);

impl Private {
    /// This checkout and this user's home.
    pub(super) fn new(workspace: &Workspace) -> Self {
        let home = std::env::var("HOME").ok();
        let root = workspace.root.to_str().map(str::to_string);
        let paths = home.into_iter().chain(root).map(|path| path.trim_end_matches('/').to_string());
        // A home of `/` or `/x` is a container's and would match half of all paths.
        Self(paths.filter(|path| path.len() > 3).collect())
    }
}

pub(super) fn check(tree: &Tree, private: &Private) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        let is_safe =
            path.ends_with(".rs") && !UNSAFE_PACKAGES.iter().any(|folder| path.starts_with(folder));
        for (number, line) in (1..).zip(text.lines()) {
            let homes = HOMES.iter().find(|home| names_a_home(line, home));
            let own = private.0.iter().find(|own| starts_a_path(line, own));
            if homes.is_some() || own.is_some() {
                findings.push(Finding::line(path, number, "an absolute path of one machine"));
            }
            if let Some(word) = LEFTOVERS.iter().find(|word| has_word(line, word)) {
                findings.push(Finding::line(path, number, format!("a leftover {word}")));
            }
            if is_safe && takes_back(line) {
                let what = format!("`unsafe` is only for {}", UNSAFE_PACKAGES.join(" and "));
                findings.push(Finding::line(path, number, what));
            }
            if ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark)) {
                findings.push(Finding::line(path, number, "a merge conflict"));
            }
        }
    }
    findings
}

/// Every place where `part` begins in `line`, as (text before, text after).
fn places<'a>(line: &'a str, part: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    line.match_indices(part).map(move |(at, _)| (&line[..at], &line[at + part.len()..]))
}

fn wordlike(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `path` begins here: `https://host/home/x` and `a/home/x` do not count.
fn begins(before: &str) -> bool {
    !before.ends_with(|c: char| wordlike(c) || matches!(c, '.' | '-' | '/' | '~' | '}'))
}

fn names_a_home(line: &str, home: &str) -> bool {
    places(line, home).any(|(before, after)| {
        let name = after.strip_prefix(['/', '\\']);
        begins(before) && name.is_some_and(|name| name.starts_with(wordlike))
    })
}

fn starts_a_path(line: &str, path: &str) -> bool {
    places(line, path).any(|(before, after)| begins(before) && !after.starts_with(wordlike))
}

/// Whether an attribute makes the lint weaker than the workspace does.
fn takes_back(line: &str) -> bool {
    let levels = ["allow", "expect", "warn"];
    has_word(line, UNSAFE_LINT) && levels.iter().any(|level| line.contains(&format!("{level}(")))
}

fn has_word(line: &str, word: &str) -> bool {
    places(line, word)
        .any(|(before, after)| !before.ends_with(wordlike) && !after.starts_with(wordlike))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let private = Private(vec!["/srv/checkout".to_string()]);
        check(&Tree::from([("a.md", text)]), &private).iter().filter_map(|f| f.line).collect()
    }

    #[test]
    fn finds_paths_of_a_machine() {
        let homes = format!("see {0}/ann/x\n\"{0}/\"\n{1}\\bob\n", HOMES[0], HOMES[2]);
        assert_eq!(lines(&homes), [1, 3]);
        assert_eq!(lines("cd /srv/checkout\nin /srv/checkout/a\n/srv/checkouts\n"), [1, 2]);
        assert_eq!(lines(&format!("https://host{0}/ann a{0}/ann", HOMES[0])), [] as [usize; 0]);
    }

    #[test]
    fn finds_leftovers_as_whole_words() {
        for word in LEFTOVERS {
            assert_eq!(lines(&format!("fine\n// {word}: later\nA{word}B\n")), [2], "{word}");
        }
    }

    #[test]
    fn finds_crates_that_allow_unsafe() {
        let text = ["#![allow(clippy::all, ", UNSAFE_LINT, ")]\n#![forbid(", UNSAFE_LINT, ")]\n"];
        let text = text.concat();
        let found = |path: &str| {
            let findings = check(&Tree::from([(path, text.as_str())]), &Private(Vec::new()));
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let expected = ["tools/a.rs:1: `unsafe` is only for runtime/kernels/ and runtime/capi/"];
        assert_eq!(found("tools/a.rs"), expected);
        assert_eq!(found("runtime/kernels/src/lib.rs"), [] as [&str; 0]);
        assert_eq!(found("a.md"), [] as [&str; 0]);
    }

    #[test]
    fn finds_merge_conflicts() {
        let text = ["<<<<<<", "< ours\nx\n=======\ny\n>>>>>>", "> theirs\n"].concat();
        assert_eq!(lines(&text), [1, 5]);
    }
}
