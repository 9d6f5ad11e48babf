//! What a binary says of itself: 64-bit ARM, linked statically, and with which libraries.

use anyhow::{Context, Result, ensure};

/// `e_machine` of 64-bit ARM.
const AARCH64: u16 = 183;
/// `p_type` of the dynamic loader's name, which a static program lacks.
const PT_INTERP: u32 = 3;

/// Refuses anything but a static ELF program for 64-bit ARM.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    ensure!(bytes.starts_with(b"\x7fELF"), "expected an ELF program, found another kind of file");
    ensure!(
        bytes.get(4..6) == Some(&[2, 1]),
        "expected a 64-bit little-endian program, found another"
    );
    let machine = u16_at(bytes, 18)?;
    ensure!(
        machine == AARCH64,
        "expected a program for 64-bit ARM (ELF machine {AARCH64}), found machine {machine}"
    );
    let table = usize::try_from(u64_at(bytes, 32)?)?;
    let (size, count) = (usize::from(u16_at(bytes, 54)?), usize::from(u16_at(bytes, 56)?));
    for index in 0..count {
        let place = index.checked_mul(size).and_then(|offset| table.checked_add(offset));
        let kind = u32_at(bytes, place.context("program headers outside the file")?)?;
        ensure!(kind != PT_INTERP, "expected a static program, found one that needs a loader");
    }
    Ok(())
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let part = at.checked_add(N).and_then(|end| bytes.get(at..end));
    let part = part.with_context(|| format!("expected an ELF program, found its end at {at}"))?;
    Ok(part.try_into()?)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64> {
    Ok(u64::from_le_bytes(array(bytes, at)?))
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
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
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
    stub(AARCH64, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_static_programs_for_arm_pass() {
        assert!(check(&good_stub()).is_ok());
        let refused = |bytes: &[u8]| check(bytes).unwrap_err().to_string();
        assert!(refused(b"#!/bin/sh\n").contains("another kind of file"));
        assert!(refused(&stub(62, 1)).contains("found machine 62"));
        assert!(refused(&stub(AARCH64, PT_INTERP)).contains("needs a loader"));
        // Cut anywhere in its headers, it is refused and nothing panics.
        for end in 0..68 {
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
