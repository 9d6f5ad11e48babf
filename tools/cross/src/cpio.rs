//! The initial file system of a booted machine: a `cpio` archive in the "newc" form, as the Linux kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst` defines it. Equal entries give equal bytes.

use anyhow::{Context, Result};
use std::io::Write;

/// Mode bits of stat(2).
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTERS: u32 = 0o020_600;

/// Number of the system's console, of Linux's list of devices.
const CONSOLE: [u32; 2] = [5, 1];

/// An archive that holds the console's device and one program, `/name`.
pub(super) fn initramfs(name: &str, program: &[u8]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.entry("dev", FOLDER, [0; 2], &[])?;
    archive.entry("dev/console", CHARACTERS, CONSOLE, &[])?;
    archive.entry(name, PROGRAM, [0; 2], program)?;
    archive.entry("TRAILER!!!", 0, [0; 2], &[])?;
    Ok(archive.bytes)
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// One file of root's, last changed at the beginning of time.
    fn entry(&mut self, name: &str, mode: u32, device: [u32; 2], data: &[u8]) -> Result<()> {
        self.entries += 1;
        let size =
            u32::try_from(data.len()).context("a file of 4 GiB does not fit a cpio archive")?;
        let name_size = u32::try_from(name.len() + 1).context("a name that long does not fit")?;
        let [major, minor] = device;
        // ino, mode, uid, gid, nlink, mtime, filesize, dev, rdev, namesize, check
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            write!(self.bytes, "{field:08x}")?;
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        let whole = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(whole, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, modes, devices and data, read as the kernel reads them.
    fn entries(mut bytes: &[u8]) -> Vec<(String, u32, [u32; 2], Vec<u8>)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(&bytes[..6], b"070701");
            let field = |at: usize| {
                let digits = std::str::from_utf8(&bytes[6 + 8 * at..][..8]).unwrap();
                u32::from_str_radix(digits, 16).unwrap()
            };
            let (name_size, size) = (field(11) as usize, field(6) as usize);
            let name = std::str::from_utf8(&bytes[110..][..name_size - 1]).unwrap();
            assert_eq!(bytes[110 + name_size - 1], 0);
            let data = (110 + name_size).next_multiple_of(4);
            found.push((
                name.to_string(),
                field(1),
                [field(9), field(10)],
                bytes[data..][..size].to_vec(),
            ));
            bytes = &bytes[(data + size).next_multiple_of(4)..];
        }
        found
    }

    #[test]
    fn holds_the_console_and_the_program() {
        // A size that needs padding.
        let bytes = initramfs("uniultra", b"\x7fELF!").unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let found = entries(&bytes);
        let names: Vec<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["dev", "dev/console", "uniultra", "TRAILER!!!"]);
        assert_eq!((found[1].1, found[1].2), (0o020_600, [5, 1]));
        assert_eq!((found[2].1, found[2].3.as_slice()), (0o100_755, &b"\x7fELF!"[..]));
        assert_eq!(bytes, initramfs("uniultra", b"\x7fELF!").unwrap());
    }
}
