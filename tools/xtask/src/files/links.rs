//! Relative links and images of Markdown files lead somewhere.

use super::Finding;
use super::tree::Tree;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts_ending(".md") {
        for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
            let target = match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => dest_url,
                _ => continue,
            };
            if let Some(what) = broken(tree, path, &target) {
                let line = 1 + text[..range.start].matches('\n').count();
                findings.push(Finding::line(path, line, format!("link `{target}`: {what}")));
            }
        }
    }
    findings
}

const OPTIONS: Options = Options::ENABLE_TABLES;

/// What is wrong with a link from `path`, if anything. Links out to the network are not followed.
fn broken(tree: &Tree, path: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let Some(file) = (if file.is_empty() { Some(path.to_string()) } else { joined(path, file) })
    else {
        return Some("leaves the repository");
    };
    if !tree.has(&file) {
        return Some("no such file");
    }
    let known = heading.is_empty()
        || tree.text(&file).is_none_or(|text| headings(text).iter().any(|h| h == heading));
    (!known).then_some("no such heading")
}

/// `link` seen from the folder of `path`; none where it leaves the root.
fn joined(path: &str, link: &str) -> Option<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors that a Markdown file's headings get: lower case, blanks to dashes, no punctuation.
fn headings(text: &str) -> Vec<String> {
    let mut headings = Vec::new();
    let mut open = false;
    for event in Parser::new_ext(text, OPTIONS) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                open = true;
                headings.push(String::new());
            }
            Event::End(TagEnd::Heading(_)) => open = false,
            Event::Text(words) | Event::Code(words) if open => {
                let kept = words.chars().filter_map(|c| match c {
                    ' ' => Some('-'),
                    '-' | '_' => Some(c),
                    c => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
                });
                if let Some(heading) = headings.last_mut() {
                    heading.extend(kept);
                }
            }
            _ => {}
        }
    }
    headings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_links_that_lead_somewhere() {
        let readme = "# Top\n[a](docs/a.md) [b](docs/a.md#the-b-and-c) [up](#top) [d](docs)\n\
                      ![p](docs/p.png) [net](https://example.org/x) `[no](link)`\n";
        let other = "## The `B` and C!\n[back](../README.md)\n";
        let tree = Tree::from([("README.md", readme), ("docs/a.md", other), ("docs/p.png", "")]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn finds_links_that_do_not() {
        let text = "[a](b.md)\n\n![c](../../d.png) [e](#f)\n";
        let found: Vec<_> =
            check(&Tree::from([("docs/a.md", text)])).iter().map(ToString::to_string).collect();
        let expected = [
            "docs/a.md:1: link `b.md`: no such file",
            "docs/a.md:3: link `../../d.png`: leaves the repository",
            "docs/a.md:3: link `#f`: no such heading",
        ];
        assert_eq!(found, expected);
    }
}
