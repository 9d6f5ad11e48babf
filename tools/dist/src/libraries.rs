//! What a static binary holds beside crates: the toolchain's own libraries.

use super::elf;

/// One library.
#[derive(Clone, Debug)]
pub(super) struct Library {
    pub(super) name: &'static str,
    /// As the binary names it; not every build does.
    pub(super) version: Option<String>,
    pub(super) description: &'static str,
    /// SPDX expression.
    pub(super) licence: &'static str,
    pub(super) repository: &'static str,
    /// Where its licence's text is, if not among the crates'.
    pub(super) text: &'static str,
}

/// Those of a build by `cargo xtask cross`.
pub(super) fn linked(binary: &[u8]) -> [Library; 3] {
    [
        Library {
            name: "glibc",
            version: elf::glibc_version(binary),
            description: "the GNU C Library, linked statically",
            licence: "LGPL-2.1-or-later",
            repository: "https://sourceware.org/git/glibc.git",
            text: "1, or /usr/share/common-licenses/LGPL-2.1 on Debian",
        },
        Library {
            name: "libgcc",
            version: None,
            description: "run-time support and unwinding of GCC",
            licence: "GPL-3.0-or-later WITH GCC-exception-3.1",
            repository: "https://gcc.gnu.org/git/gcc.git",
            text: "none needed: the exception lets a compiled program be under any licence",
        },
        Library {
            name: "rust-std",
            version: elf::rust_version(binary),
            description: "the standard library of Rust",
            licence: "MIT OR Apache-2.0",
            repository: "https://github.com/rust-lang/rust",
            text: "LICENSE-APACHE beside this file",
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_the_binary_says() {
        let versions = linked(&elf::good_stub()).map(|library| library.version);
        assert_eq!(versions, [Some("2.36".to_string()), None, Some("1.96.0".to_string())]);
        assert!(linked(b"").iter().all(|library| library.version.is_none()));
    }
}
