//! The initial file system of a booted machine: a `cpio` archive in the "newc" form, as Linux unpacks it.
//! Equal entries give equal bytes.

use anyhow::{Context, Result};
use cpio::newc::{Builder, trailer};
use std::io::Write;

/// Mode bits of stat(2).
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTERS: u32 = 0o020_600;

/// Number of the system's console, of Linux's list of devices.
const CONSOLE: [u32; 2] = [5, 1];

/// An archive that holds the console's device and the programs given, `/name` each.
pub(super) fn archive(programs: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let [major, minor] = CONSOLE;
    let console = Builder::new("dev/console").mode(CHARACTERS);
    let mut entries: Vec<(Builder, &[u8])> = vec![
        (Builder::new("dev").mode(FOLDER), &[]),
        (console.rdev_major(major).rdev_minor(minor), &[]),
    ];
    entries.extend(programs.iter().map(|&(name, bytes)| (Builder::new(name).mode(PROGRAM), bytes)));
    let mut archive = Vec::new();
    for (number, (entry, data)) in (1..).zip(entries) {
        let size =
            u32::try_from(data.len()).context("a file of 4 GiB does not fit a cpio archive")?;
        let mut writer = entry.ino(number).write(archive, size);
        writer.write_all(data)?;
        archive = writer.finish()?;
    }
    trailer(archive).context("cannot finish an archive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;
    use std::io::Read;

    #[test]
    fn holds_the_console_and_the_programs() {
        // A size that needs padding.
        let programs: [(&str, &[u8]); 2] = [("uniultra", b"\x7fELF!"), ("init", b"\x7fELF")];
        let bytes = archive(&programs).unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        loop {
            let mut reader = Reader::new(rest).unwrap();
            let entry = reader.entry().clone();
            if entry.is_trailer() {
                break;
            }
            let mut data = Vec::new();
            reader.read_to_end(&mut data).unwrap();
            found.push((entry, data));
            rest = reader.finish().unwrap();
        }
        let names: Vec<_> = found.iter().map(|(entry, _)| entry.name()).collect();
        assert_eq!(names, ["dev", "dev/console", "uniultra", "init"]);
        assert_eq!([found[0].0.mode(), found[0].0.nlink()], [0o040_755, 1]);
        let console = &found[1].0;
        assert_eq!(console.mode(), 0o020_600);
        assert_eq!([console.rdev_major(), console.rdev_minor()], [5, 1]);
        assert_eq!((found[2].0.mode(), found[2].1.as_slice()), (0o100_755, &b"\x7fELF!"[..]));
        assert_eq!((found[3].0.mode(), found[3].1.as_slice()), (0o100_755, &b"\x7fELF"[..]));
        assert_eq!(bytes, archive(&programs).unwrap());
    }
}
