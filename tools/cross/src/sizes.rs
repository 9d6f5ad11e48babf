//! What costs what in a binary, by crate: its symbols' sizes, and the rest by section.
//!
//! Written here because `cargo-bloat` counts code alone, and a quarter of the binary is the model.

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Crates that are listed one by one; what is smaller is summed up.
const LISTED: usize = 30;

/// Bytes of one crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    code: u64,
    data: u64,
}

impl Cost {
    fn all(self) -> u64 {
        self.code + self.data
    }
}

/// A table for people, of a binary that still has its symbols; `model_bytes` of it are the model's files.
pub(super) fn listing(binary: &Path, model_bytes: u64) -> Result<String> {
    let bytes =
        std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let file = object::File::parse(bytes.as_slice())
        .with_context(|| format!("{}: expected an ELF file", binary.display()))?;
    let mut crates: BTreeMap<String, Cost> = BTreeMap::new();
    let mut covered: BTreeMap<String, u64> = BTreeMap::new();
    // Several names may stand for the same code.
    let mut seen = BTreeSet::new();
    for symbol in file.symbols() {
        let Some(section) = symbol.section_index().and_then(|n| file.section_by_index(n).ok())
        else {
            continue;
        };
        let listed = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data);
        if !listed
            || symbol.size() == 0
            || !stored(section.kind())
            || !seen.insert(symbol.address())
        {
            continue;
        }
        let cost = crates.entry(owner(symbol.name().unwrap_or_default())).or_default();
        match section.kind() {
            SectionKind::Text => cost.code += symbol.size(),
            _ => cost.data += symbol.size(),
        }
        *covered.entry(section.name().unwrap_or_default().to_string()).or_default() +=
            symbol.size();
    }
    let sections = file.sections().filter(|section| stored(section.kind()));
    let rest = sections
        .map(|section| {
            let name = section.name().unwrap_or_default().to_string();
            let named = covered.get(&name).copied().unwrap_or(0);
            (section.size().saturating_sub(named), name)
        })
        .collect();
    Ok(table(crates, rest, model_bytes))
}

/// Whether a section has bytes in the stripped file.
fn stored(kind: SectionKind) -> bool {
    use SectionKind::{
        Data, Elf, Note, ReadOnlyData, ReadOnlyDataWithRel, ReadOnlyString, Text, Tls,
    };
    matches!(
        kind,
        Text | Data | ReadOnlyData | ReadOnlyDataWithRel | ReadOnlyString | Tls | Note | Elf(_)
    )
}

fn table(crates: BTreeMap<String, Cost>, mut rest: Vec<(u64, String)>, model_bytes: u64) -> String {
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(name, cost)| (std::cmp::Reverse(cost.all()), name.clone()));
    let small = crates.split_off(LISTED.min(crates.len()));
    if !small.is_empty() {
        let sum = small.iter().fold(Cost::default(), |sum, (_, cost)| Cost {
            code: sum.code + cost.code,
            data: sum.data + cost.data,
        });
        crates.push((format!("{} smaller ones", small.len()), sum));
    }
    let kb = |bytes: u64| bytes as f64 / 1e3;
    let mut text = format!("{:<28} {:>10} {:>10}\n", "crate", "code kB", "data kB");
    for (name, cost) in &crates {
        let _ = writeln!(text, "{name:<28} {:>10.1} {:>10.1}", kb(cost.code), kb(cost.data));
    }
    rest.sort_by_key(|(bytes, name)| (std::cmp::Reverse(*bytes), name.clone()));
    let _ = writeln!(text, "{:<28} {:>10} {:>10.1}", "the model", "", kb(model_bytes));
    for (bytes, name) in rest {
        // Constants have no names; the model's files are among them.
        let bytes = if name == ".rodata" { bytes.saturating_sub(model_bytes) } else { bytes };
        if bytes >= 1000 {
            let _ =
                writeln!(text, "{:<28} {:>10} {:>10.1}", format!("{name}, unnamed"), "", kb(bytes));
        }
    }
    text
}

/// The crate that a symbol is of; of generic code, the crate that it was written in, except that what
/// takes a value down counts for the value's.
fn owner(symbol: &str) -> String {
    let Ok(demangled) = rustc_demangle::try_demangle(symbol) else {
        return "C library, assembly".to_string();
    };
    let path = format!("{demangled:#}");
    let path = match path.find("drop_in_place") {
        Some(at) => {
            let inner = path.get(at..).and_then(|rest| rest.split_once('<'));
            inner.map_or(path.as_str(), |(_, inner)| inner)
        }
        None => &path,
    };
    path.split(" as ")
        .flat_map(|part| part.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))))
        .find_map(|word| word.split_once("::").map(|(name, _)| name.to_string()))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "core".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_belong_to_crates() {
        // Legacy names, each part behind its length, and those of version 0.
        let legacy = |parts: &[&str]| {
            let hash = "h0123456789abcdef";
            let parts = parts.iter().chain([&hash]);
            let text: String = parts.map(|part| format!("{}{part}", part.len())).collect();
            format!("_ZN{text}E")
        };
        assert_eq!(owner(&legacy(&["tract_core", "ops", "conv"])), "tract_core");
        let implementation = "_$LT$tract_core..ops..Foo$u20$as$u20$core..fmt..Debug$GT$";
        assert_eq!(owner(&legacy(&[implementation, "fmt"])), "tract_core");
        let dropped = "drop_in_place$LT$tract_core..ops..Foo$GT$";
        assert_eq!(owner(&legacy(&["core", "ptr", dropped])), "tract_core");
        let slice = "_$LT$$u5b$T$u5d$$u20$as$u20$alloc..vec..Spec$GT$";
        assert_eq!(owner(&legacy(&[slice, "to_vec"])), "alloc");
        assert_eq!(owner("_RNvNtCs1234_7mycrate3foo3bar"), "mycrate");
        assert_eq!(owner("memcpy"), "C library, assembly");
    }

    #[test]
    fn the_largest_come_first_and_the_smallest_together() {
        let crates = (1..=LISTED as u64 + 2)
            .map(|n| (format!("crate{n:02}"), Cost { code: n * 1000, data: 500 }))
            .collect();
        let text =
            table(crates, vec![(7_000, ".eh_frame".into()), (9_000, ".rodata".into())], 2_000);
        let rows: Vec<Vec<_>> = text.lines().map(|row| row.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["crate32", "32.0", "0.5"]);
        assert_eq!(rows[LISTED + 1], ["2", "smaller", "ones", "3.0", "1.0"]);
        assert_eq!(rows[LISTED + 2], ["the", "model", "2.0"]);
        assert_eq!(rows[LISTED + 3], [".rodata,", "unnamed", "7.0"]);
        assert_eq!(rows[LISTED + 4], [".eh_frame,", "unnamed", "7.0"]);
    }
}
