//! Which function of a program a block of code is in, and which operation of the networks a function is of.

use anyhow::{Context, Result};
use object::{Object, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Where this project's operations are written: the module after it names the operation.
const KERNELS: &str = "uniultra_kernels::";

/// Other code, by the crate that it was written in.
const OTHERS: [(&str, &str); 3] =
    [("uniultra_", "engine"), ("tract_", "tract"), ("rten_", "engine")];

/// The functions of a program that still has its symbols.
#[derive(Debug)]
pub(super) struct Functions {
    entry: u64,
    /// Names by address, with sizes.
    by_address: BTreeMap<u64, (u64, String)>,
}

impl Functions {
    pub(super) fn read(program: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
        let file = object::File::parse(bytes.as_slice())
            .with_context(|| format!("{}: expected an ELF file", program.display()))?;
        let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
        let by_address = functions
            .map(|symbol| {
                let name = readable(symbol.name().unwrap_or_default());
                (symbol.address(), (symbol.size(), name))
            })
            .collect();
        Ok(Self { entry: file.entry(), by_address })
    }

    /// The function at an address less that of the entry.
    pub(super) fn at(&self, offset: i64) -> &str {
        let address = self.entry.wrapping_add_signed(offset);
        let before = self.by_address.range(..=address).next_back();
        // Assembly has names without sizes.
        let inside = before.filter(|(start, (size, _))| *size == 0 || address < *start + size);
        inside.map_or("unnamed", |(_, (_, name))| name)
    }
}

/// The name without hashes; that of C or assembly as it is.
fn readable(symbol: &str) -> String {
    rustc_demangle::try_demangle(symbol)
        .map_or_else(|_| symbol.to_string(), |name| format!("{name:#}"))
}

/// The operation that a function is of: a module of the kernels, a crate, or what the C library does.
pub(super) fn operation(function: &str) -> String {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    if let Some((_, rest)) = function.split_once(KERNELS) {
        let module = word(rest);
        // Shared by several operations, which its own modules name.
        if module == "neon" {
            let inner = word(rest.trim_start_matches("neon::"));
            return if inner.is_empty() { module } else { inner };
        }
        return module;
    }
    let other = OTHERS.iter().find(|(prefix, _)| function.contains(prefix));
    match other {
        Some((_, name)) => (*name).to_string(),
        None if function.contains("::") => "standard library".to_string(),
        None => "C library".to_string(),
    }
}

/// Operations of the networks whose products a module of the kernels computes.
pub(super) fn module(op: &str) -> Option<&'static str> {
    Some(match op.strip_prefix("uniultra.")? {
        "Attention" => "attention",
        // Masks are made inside the layer before them.
        "Linear" | "LinearInteger" | "Masks" => "linear",
        "Planes" => "planes",
        "EdgeMap" => "edges",
        "Patches" => "patches",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_function_around_it() {
        let names = [(100, (20, "a".to_string())), (120, (0, "b".to_string()))];
        let functions = Functions { entry: 110, by_address: names.into() };
        let found = [-11, -10, 9, 10, 500].map(|offset| functions.at(offset));
        assert_eq!(found, ["unnamed", "a", "a", "b", "b"]);
        let names = [(100, (20, "a".to_string()))];
        let functions = Functions { entry: 110, by_address: names.into() };
        assert_eq!(functions.at(10), "unnamed");
    }

    #[test]
    fn functions_are_of_operations() {
        let pairs = [
            ("<uniultra_kernels::linear::sdot::Tile as rten_simd::SimdOp>::eval", "linear"),
            ("uniultra_kernels::neon::gelu::gelu_4", "gelu"),
            ("uniultra_engine::plan::run", "engine"),
            ("<tract_core::ops::konst::Const as Op>::eval", "tract"),
            ("core::ptr::drop_in_place", "standard library"),
            ("memcpy", "C library"),
        ];
        for (function, expected) in pairs {
            assert_eq!(operation(function), expected, "{function}");
        }
        assert_eq!(module("uniultra.LinearInteger"), Some("linear"));
        assert_eq!((module("uniultra.Gelu"), module("Add")), (None, None));
    }
}
