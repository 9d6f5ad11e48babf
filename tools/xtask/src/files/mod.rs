//! Checks on the files themselves, without compiling them. What others' programs check is theirs, see
//! `checkers`; what only this project asks for is here. Each check reads a [`Tree`] and gives findings; none of
//! them writes.

mod checkers;
mod layout;
mod manifests;
mod profiles;
mod tree;
mod words;

use anyhow::{Result, bail};
use std::fmt;
use tree::Tree;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: Option<usize>,
    what: String,
}

impl Finding {
    fn file(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_string(), line: None, what: what.into() }
    }

    fn line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_string(), line: Some(line), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        match line {
            Some(line) => write!(f, "{path}:{line}: {what}"),
            None => write!(f, "{path}: {what}"),
        }
    }
}

/// Checks every file that git tracks or would add.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::read_checkout(workspace)?;
    let mut findings = [
        layout::check(&tree),
        words::check(&tree, &words::Private::new(workspace)),
        manifests::check(&tree),
    ]
    .concat();
    findings.sort();
    for finding in &findings {
        screen::line(&finding.to_string());
    }
    let checked = checkers::run(workspace);
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    screen::line(&format!("{} files, nothing found", tree.paths().count()));
    checked
}
