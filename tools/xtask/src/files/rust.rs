//! Tokens that Rust sources may not hold. Tokens, not text: comments and strings may say them.

use super::Finding;
use super::tree::Tree;
use proc_macro2::{TokenStream, TokenTree};

/// Macros that mark unfinished work or print behind the logger's back.
const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Packages that may hold `unsafe`: SIMD and the C interface need it, nothing else does.
const UNSAFE_PACKAGES: [&str; 2] = ["runtime/kernels/", "runtime/capi/"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts_ending(".rs") {
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                let may_be_unsafe = UNSAFE_PACKAGES.iter().any(|folder| path.starts_with(folder));
                scan(path, may_be_unsafe, tokens, &mut findings);
            }
            Err(error) => {
                let line = error.span().start().line;
                findings.push(Finding::line(path, line, format!("does not parse: {error}")));
            }
        }
    }
    findings
}

fn scan(path: &str, may_be_unsafe: bool, tokens: TokenStream, findings: &mut Vec<Finding>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => scan(path, may_be_unsafe, group.stream(), findings),
            TokenTree::Ident(word) => {
                let line = word.span().start().line;
                let called =
                    matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
                if called && let Some(name) = MACROS.iter().find(|name| word == **name) {
                    findings.push(Finding::line(
                        path,
                        line,
                        format!("`{name}!` has no place here"),
                    ));
                }
                if word == "unsafe" && !may_be_unsafe {
                    let what = format!("`unsafe` is only for {}", UNSAFE_PACKAGES.join(" and "));
                    findings.push(Finding::line(path, line, what));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::from([(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finds_forbidden_macros_and_unsafe() {
        let text = "fn f() {\n    todo!();\n    if true { dbg!(1) }\n}\nunsafe fn g() {}\n";
        let expected = [
            "a.rs:2: `todo!` has no place here",
            "a.rs:3: `dbg!` has no place here",
            "a.rs:5: `unsafe` is only for runtime/kernels/ and runtime/capi/",
        ];
        assert_eq!(found("a.rs", text), expected);
    }

    #[test]
    fn leaves_comments_strings_and_other_words_alone() {
        let text = "//! unsafe, todo!()\n#![forbid(unsafe_code)]\nconst A: &str = \"dbg!(unsafe)\";\nfn todo() {}\n";
        assert_eq!(found("a.rs", text), [] as [&str; 0]);
    }

    #[test]
    fn kernels_may_hold_unsafe() {
        assert_eq!(found("runtime/kernels/src/lib.rs", "unsafe fn f() {}"), [] as [&str; 0]);
    }
}
