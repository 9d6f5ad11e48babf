//! What a binary says of itself: 64-bit ARM, linked statically, and with which libraries.

use anyhow::{Context, Result, ensure};
use object::Endianness;
use object::elf::{EM_AARCH64, ET_DYN, PT_INTERP};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};

/// Refuses anything but a static ELF program for 64-bit ARM.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let file = ElfFile64::<Endianness>::parse(bytes).context("expected a 64-bit ELF program")?;
    let endian = file.endian();
    let machine = file.elf_header().e_machine(endian);
    ensure!(
        machine == EM_AARCH64,
        "expected a program for 64-bit ARM (ELF machine {EM_AARCH64}), found machine {machine}"
    );
    // The name of the dynamic loader, which a static program lacks.
    let mut headers = file.elf_program_headers().iter();
    let dynamic = headers.any(|header| header.p_type(endian) == PT_INTERP);
    ensure!(!dynamic, "expected a static program, found one that needs a loader");
    Ok(())
}

/// Refuses anything but a shared library for 64-bit ARM that programs ask for by the name `soname`.
pub(super) fn check_shared(bytes: &[u8], soname: &str) -> Result<()> {
    let file = ElfFile64::<Endianness>::parse(bytes).context("expected a 64-bit ELF library")?;
    let (header, endian) = (file.elf_header(), file.endian());
    let found = (header.e_machine(endian), header.e_type(endian));
    ensure!(
        found == (EM_AARCH64, ET_DYN),
        "expected a shared library for 64-bit ARM (ELF machine {EM_AARCH64}, type {ET_DYN}), found machine {}, \
         type {}",
        found.0,
        found.1
    );
    let name = format!("{soname}\0");
    ensure!(
        find(bytes, name.as_bytes()).is_some(),
        "expected a library with the name {soname}, found another"
    );
    Ok(())
}

/// Version of the Rust compiler, whose standard library is inside, where the binary names it.
pub(super) fn rust_version(bytes: &[u8]) -> Option<String> {
    word_after(bytes, b"rustc version ")
}

/// Version of the GNU C library inside, where the binary names it.
pub(super) fn glibc_version(bytes: &[u8]) -> Option<String> {
    let at = find(bytes, b"GNU C Library (")?;
    let banner = bytes.get(at..at.saturating_add(256).min(bytes.len()))?;
    let version =
        word_after(banner, b"release version ").or_else(|| word_after(banner, b" version "));
    version.map(|version| version.trim_end_matches('.').to_string())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// Printable text between `pattern` and the next blank.
fn word_after(bytes: &[u8], pattern: &[u8]) -> Option<String> {
    let rest = bytes.get(find(bytes, pattern)? + pattern.len()..)?;
    let word: Vec<u8> = rest.iter().copied().take(40).take_while(u8::is_ascii_graphic).collect();
    String::from_utf8(word).ok().filter(|word| !word.is_empty())
}

/// A program header table of one entry, and no more than that.
#[cfg(test)]
pub(super) fn stub(machine: u16, header: u32) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[20] = 1;
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes.extend(header.to_le_bytes());
    bytes.extend([0; 52]);
    bytes.extend(b"rustc version 1.96.0 (x)\0GNU C Library (D) stable release version 2.36.\n");
    bytes
}

/// [`stub`] of a program that can be packed.
#[cfg(test)]
pub(super) fn good_stub() -> Vec<u8> {
    stub(EM_AARCH64, 1)
}

/// [`stub`] of a shared library.
#[cfg(test)]
pub(super) fn shared_stub(soname: &str) -> Vec<u8> {
    let mut bytes = stub(EM_AARCH64, 1);
    bytes[16..18].copy_from_slice(&ET_DYN.to_le_bytes());
    bytes.extend(format!("\0{soname}\0").as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_static_programs_for_arm_pass() {
        assert!(check(&good_stub()).is_ok());
        let refused = |bytes: &[u8]| check(bytes).unwrap_err().to_string();
        assert!(refused(b"#!/bin/sh\n").starts_with("expected a 64-bit ELF"));
        assert!(refused(&stub(62, 1)).contains("found machine 62"));
        assert!(refused(&stub(EM_AARCH64, PT_INTERP)).contains("needs a loader"));
        // Cut anywhere in its headers, it is refused and nothing panics.
        for end in 0..120 {
            assert!(check(&good_stub()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn reads_the_libraries_versions() {
        let bytes = good_stub();
        assert_eq!(rust_version(&bytes).as_deref(), Some("1.96.0"));
        assert_eq!(glibc_version(&bytes).as_deref(), Some("2.36"));
        assert_eq!((rust_version(b"x"), glibc_version(b"x")), (None, None));
    }
}
