//! The list of what others wrote that is in the binary, with the licence texts found in their folders.
//!
//! Written here because `cargo-about` knows crates alone: the toolchain's libraries are in the binary, too.

use super::crates::{Crate, Crates};
use super::libraries::Library;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Beginnings of the names of files that hold licences and notices.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Largest file that is taken for a licence, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// Where Debian keeps the text of glibc's licence.
const LGPL: &str = "/usr/share/common-licenses/LGPL-2.1";

/// The document, and what whoever ships it should know.
#[derive(Clone, Debug)]
pub(super) struct Licences {
    pub(super) text: String,
    pub(super) warnings: Vec<String>,
}

/// One text, and whose it is.
#[derive(Debug, Default)]
struct Text {
    text: String,
    of: Vec<String>,
}

/// Where the text of the Apache licence is in every package.
const APACHE: &str = "LICENSE-APACHE beside this file";

pub(super) fn list(crates: &Crates, libraries: &[Library]) -> Result<Licences> {
    let mut texts = Texts::default();
    let mut warnings = Vec::new();
    match std::fs::read_to_string(LGPL) {
        Ok(text) => texts.add(&text, "glibc (LGPL-2.1)".to_string()),
        Err(_) => {
            warnings.push(format!("no {LGPL} here, which glibc's licence asks to ship: add it"));
            texts.add("(not found where this was packed)", "glibc".to_string())
        }
    };
    let mut rows = Vec::new();
    for library in libraries {
        let Library { name, version, licence, repository, text, .. } = library;
        let version = version.as_deref().unwrap_or("(version not named)");
        rows.push(row(name, version, licence, Some(repository), text));
    }
    let mut numbers = BTreeMap::new();
    for (id, found) in crates.third_party() {
        let mut own = Vec::new();
        for file in files(found)? {
            let bytes =
                std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let file_name = file.file_name().unwrap_or_default().to_string_lossy();
            let of = format!("{} {} ({file_name})", id.name, id.version);
            own.push(texts.add(&String::from_utf8_lossy(&bytes), of).to_string());
        }
        numbers.insert(id, own.join(", "));
    }
    let mut without = Vec::new();
    for (id, found) in crates.third_party() {
        let licence = found.licence.as_deref().unwrap_or("see its text");
        // A crate without the text may have been published beside one with it.
        let beside = || {
            let same = crates.third_party().filter(|(_, other)| same_source(found, other));
            let with = same.filter_map(|(id, _)| Some((id, numbers.get(id)?)));
            let mut with = with.filter(|(_, numbers)| !numbers.is_empty());
            with.next().map(|(id, numbers)| format!("{numbers} (of {}, same source)", id.name))
        };
        let own = numbers.get(id).filter(|numbers| !numbers.is_empty()).cloned();
        let apache = || licence.contains("Apache-2.0").then(|| APACHE.to_string());
        let text = own.or_else(beside).or_else(apache).unwrap_or_else(|| {
            without.push(id.name.as_str());
            "none in its folder".to_string()
        });
        rows.push(row(&id.name, &id.version, licence, found.repository.as_deref(), &text));
    }
    if !without.is_empty() {
        warnings.push(format!("no licence text in the folders of {}", without.join(", ")));
    }
    Ok(Licences { text: document(&rows, &texts), warnings })
}

fn same_source(one: &Crate, other: &Crate) -> bool {
    let source = |found: &Crate| {
        let url = found.repository.as_deref()?.trim_end_matches('/');
        Some(url.trim_end_matches(".git").to_string())
    };
    source(one).is_some_and(|one| source(other) == Some(one))
}

fn row(name: &str, version: &str, licence: &str, at: Option<&str>, text: &str) -> String {
    let at = at.map_or_else(String::new, |at| format!("    source: {at}\n"));
    format!("{name} {version}\n    licence: {licence}\n{at}    text: {text}\n")
}

fn document(rows: &[String], texts: &Texts) -> String {
    let mut text = String::from(
        "What others wrote that is in the program `uniultra`\n\
         ===================================================\n\n\
         First the libraries of the toolchain, then the Rust crates, then the texts of their licences,\n\
         each once. Crates that only build the program (macros, build scripts) are in the SBOM.\n\n\
         glibc is linked statically. Its licence, the LGPL, lets you link the program with another version\n\
         of it: the program's own source is open, and `cargo xtask cross` builds it, with `--link dynamic`\n\
         against the glibc of the system where it runs.\n\n",
    );
    for row in rows {
        text += row;
        text.push('\n');
    }
    for (number, Text { text: licence, of }) in (1..).zip(&texts.0) {
        let rule = "-".repeat(78);
        // Writing to a string does not fail.
        let _ = write!(text, "{rule}\nText {number}, of {}\n{rule}\n\n{licence}\n", of.join(", "));
    }
    text
}

/// Texts in the order of their first mention.
#[derive(Debug, Default)]
struct Texts(Vec<Text>, BTreeMap<String, usize>);

impl Texts {
    /// Its number, from 1. Line ends and blanks at the ends of lines make no other text.
    fn add(&mut self, text: &str, of: String) -> usize {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = format!("{}\n", lines.join("\n").trim_matches('\n'));
        let next = self.0.len();
        let index = *self.1.entry(text.clone()).or_insert(next);
        if index == next {
            self.0.push(Text { text, of: Vec::new() });
        }
        if let Some(entry) = self.0.get_mut(index) {
            entry.of.push(of);
        }
        index + 1
    }
}

/// Licence files of a crate, sorted by name.
fn files(found: &Crate) -> Result<Vec<PathBuf>> {
    let folder = &found.folder;
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let size = entry.metadata().map_or(0, |data| if data.is_file() { data.len() } else { 0 });
        let code = [".RS", ".TOML"].iter().any(|end| name.ends_with(end));
        if (1..=MAX_BYTES).contains(&size) && !code && NAMES.iter().any(|n| name.starts_with(n)) {
            files.push(entry.path());
        }
    }
    let named = found.licence_file.iter().filter(|file| Path::is_file(file));
    files.extend(named.cloned());
    files.sort();
    files.dedup();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::{crates, elf, libraries};
    use super::*;

    #[test]
    fn each_text_is_there_once_with_all_whose_it_is() {
        let mut texts = Texts::default();
        assert_eq!(texts.add("MIT\r\nfree  \r\n", "a".into()), 1);
        assert_eq!(texts.add("Apache\n", "b".into()), 2);
        assert_eq!(texts.add("\nMIT\nfree\n\n", "c".into()), 1);
        assert_eq!((texts.0.len(), texts.0[0].of.join(" ").as_str()), (2, "a c"));
        assert_eq!(texts.0[0].text, "MIT\nfree\n");
    }

    #[test]
    fn the_list_names_crates_licences_and_texts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["uniultra-app", "log", "cc"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        for (name, text) in [("LICENSE-MIT", "the text of log"), ("license.rs", "code")] {
            std::fs::write(folder.path().join("log").join(name), text).unwrap();
        }
        let crates = crates::example(folder.path());
        let libraries = libraries::linked(&elf::good_stub());
        let Licences { text, .. } = list(&crates, &libraries).unwrap();
        for words in [
            "log 0.4.1\n    licence: MIT OR Apache-2.0\n    source: https://example.org/log\n    text: 2\n",
            "glibc 2.36\n    licence: LGPL-2.1-or-later\n",
            ", of log 0.4.1 (LICENSE-MIT)\n",
            "\nthe text of log\n",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        assert!(!text.contains("cc 1.0.0") && !text.contains("code\n"), "{text}");
        // Without a text of its own: that of the project where this project has the same licence, else a warning.
        std::fs::remove_file(folder.path().join("log/LICENSE-MIT")).unwrap();
        let Licences { text, warnings } = list(&crates, &libraries).unwrap();
        assert!(text.contains("/log\n    text: LICENSE-APACHE beside"), "{text}");
        assert!(!warnings.iter().any(|warning| warning.contains("log")), "{warnings:?}");
        let mut crates = crates;
        crates.all.values_mut().for_each(|found| found.licence = Some("MIT".to_string()));
        let warnings = list(&crates, &libraries).unwrap().warnings.join("; ");
        assert!(warnings.contains("no licence text in the folders of log"), "{warnings}");
    }
}
