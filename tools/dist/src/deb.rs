//! Debian's package format: an `ar` archive of a format number, a control archive and a data archive.
//!
//! Written here over the crates `ar` and `tar`: `cargo-deb` packs what the manifest of a crate lists, and here
//! the list of files depends on the board.
//!
//! Nothing goes below `/etc`, so there are no conffiles; nothing is started or made when it is
//! installed, so there are no scripts.

use super::archive::{self, File};
use anyhow::{Context, Result, bail, ensure};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Where packages of a distribution install.
pub(super) const PREFIX: &str = "usr";

const FORMAT: (&str, &str) = ("debian-binary", "2.0\n");
const CONTROL: &str = "control.tar.gz";
const DATA: &str = "data.tar.gz";

/// What the control file says.
#[derive(Clone, Debug)]
pub(super) struct Control<'a> {
    /// Of the package: lower-case letters, digits, `+`, `-`, `.`.
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// One line.
    pub(super) summary: &'a str,
    /// Paragraphs.
    pub(super) description: &'a [String],
}

/// All boards' packages install the same paths, so that one can be installed at a time; each can
/// replace another.
const VIRTUAL: &str = "uniultra";
/// Debian wants an address; `.invalid` says that mail does not arrive.
pub(super) const MAINTAINER: &str = "The UniUltra Edge authors <authors@uniultra.invalid>";

/// The package's bytes; `files` lie below [`PREFIX`].
pub(super) fn build(control: &Control<'_>, files: &[File], time_s: u64) -> Result<Vec<u8>> {
    let mut installed: Vec<File> = files.to_vec();
    for file in &mut installed {
        file.path = format!("{PREFIX}/{}", file.path);
    }
    installed.sort_by(|a, b| a.path.cmp(&b.path));
    let parts = [
        File::plain("control", text(control, &installed)?),
        File::plain("md5sums", md5sums(&installed)),
    ];
    let mut package = ar::Builder::new(Vec::new());
    let mut append = |name: &str, bytes: &[u8]| {
        let mut header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(time_s);
        package.append(&header, bytes).with_context(|| format!("cannot pack {name}"))
    };
    append(FORMAT.0, FORMAT.1.as_bytes())?;
    append(CONTROL, &archive::tar_gz("./", &parts, time_s)?)?;
    append(DATA, &archive::tar_gz("./", &installed, time_s)?)?;
    package.into_inner().context("cannot finish the package")
}

fn text(control: &Control<'_>, installed: &[File]) -> Result<String> {
    let Control { name, version, summary, description } = control;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let good = name.len() > 1
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    ensure!(good, "expected a package name of a-z, 0-9, `+`, `-`, `.`, found `{name}`");
    ensure!(!summary.contains('\n'), "expected one line, found `{summary}`");
    let mut text = format!(
        "Package: {name}\nVersion: {version}\nSection: science\nPriority: optional\n\
         Architecture: arm64\nMaintainer: {MAINTAINER}\nInstalled-Size: {}\n\
         Provides: {VIRTUAL}\nConflicts: {VIRTUAL}\nReplaces: {VIRTUAL}\nDescription: {summary}\n",
        installed_kib(installed)
    );
    for (index, paragraph) in description.iter().enumerate() {
        if index > 0 {
            text += " .\n";
        }
        for line in paragraph.lines() {
            writeln!(text, " {line}")?;
        }
    }
    Ok(text)
}

/// As Debian counts: every file in whole KiB, and one for a folder.
fn installed_kib(installed: &[File]) -> u64 {
    let files: u64 = installed.iter().map(|file| (file.bytes.len() as u64).div_ceil(1024)).sum();
    files + archive::folders(installed).len() as u64
}

fn md5sums(installed: &[File]) -> String {
    // dpkg has no sums of links.
    let files = installed.iter().filter(|file| file.link_to.is_none());
    files.map(|file| format!("{}  {}\n", md5_hex(&file.bytes), file.path)).collect()
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a package, as they would be installed, each with the hash that the package has of it.
pub(super) fn unpack(package: &[u8]) -> Result<Vec<File>> {
    let mut archive = ar::Archive::new(package);
    let (mut sums, mut files) = (None, None);
    while let Some(entry) = archive.next_entry() {
        let mut entry = entry.context("expected a .deb")?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes)?;
        match entry.header().identifier() {
            name if name == FORMAT.0.as_bytes() => {
                ensure!(bytes == FORMAT.1.as_bytes(), "expected format 2.0, found another");
            }
            name if name == CONTROL.as_bytes() => sums = Some(archive::read_tar_gz(&bytes)?),
            name if name == DATA.as_bytes() => files = Some(archive::read_tar_gz(&bytes)?),
            other => bail!("expected no member {}", String::from_utf8_lossy(other)),
        }
    }
    let control = sums.with_context(|| format!("expected {CONTROL}, found none"))?;
    let mut files = files.with_context(|| format!("expected {DATA}, found none"))?;
    for file in &mut files {
        file.path = file.path.trim_start_matches("./").to_string();
    }
    let sums = control.iter().find(|file| file.path.ends_with("md5sums")).context("no md5sums")?;
    ensure!(sums.bytes == md5sums(&files).as_bytes(), "the files differ from their md5sums");
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn example() -> Vec<u8> {
        let description = ["First\nparagraph.".to_string(), "Second.".to_string()];
        let control = Control {
            name: "uniultra-some-board",
            version: "0.1.0",
            summary: "segments frames",
            description: &description,
        };
        let files = [
            File::program("bin/uniultra", vec![1; 1025]),
            File::plain("share/doc/uniultra-some-board/copyright", "all of it"),
            File::link("bin/uniultra-edge", "uniultra"),
        ];
        build(&control, &files, 1_000_000_000).unwrap()
    }

    #[test]
    fn twice_the_same_bytes_and_what_went_in() {
        let package = example();
        assert_eq!(package, example());
        let files = unpack(&package).unwrap();
        assert_eq!(files[0].path, "usr/bin/uniultra");
        assert_eq!((files[0].mode, files[0].bytes.len()), (0o755, 1025));
        assert_eq!(files[1].link_to.as_deref(), Some("uniultra"));
        let mut damaged = package.clone();
        let at = damaged.windows(5).position(|part| part == b"2.0\n`").unwrap_or(68);
        damaged[at] = b'9';
        assert!(unpack(&damaged).is_err());
    }

    #[test]
    fn control_has_the_fields_that_debian_requires() {
        let package = example();
        let mut archive = ar::Archive::new(&package[..]);
        let mut bytes = Vec::new();
        archive.next_entry().unwrap().unwrap();
        std::io::Read::read_to_end(&mut archive.next_entry().unwrap().unwrap(), &mut bytes)
            .unwrap();
        let files = archive::read_tar_gz(&bytes).unwrap();
        let control = String::from_utf8(files[0].bytes.clone()).unwrap();
        for line in [
            "Package: uniultra-some-board",
            "Version: 0.1.0",
            "Section: science",
            "Priority: optional",
            "Architecture: arm64",
            "Maintainer: The UniUltra Edge authors <authors@uniultra.invalid>",
            // 2 KiB, 1 KiB, and usr, usr/bin, usr/share, usr/share/doc and the package's own there.
            "Installed-Size: 8",
            "Description: segments frames",
            " .",
        ] {
            assert!(control.lines().any(|found| found == line), "{line} in\n{control}");
        }
        assert!(control.ends_with(" First\n paragraph.\n .\n Second.\n"), "{control}");
    }

    #[test]
    fn names_that_dpkg_refuses_are_refused() {
        for name in ["u", "Board", "a_b", "-a", ""] {
            let control = Control { name, version: "1", summary: "", description: &[] };
            let error = build(&control, &[], 0).unwrap_err().to_string();
            assert!(error.contains(&format!("found `{name}`")), "{error}");
        }
    }

    #[test]
    fn dpkg_reads_it() {
        if Command::new("dpkg-deb").arg("--version").output().is_err() {
            uniultra_checkout::screen::line("skipped: no dpkg-deb");
            return;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), example()).unwrap();
        let ask = |option: &str| {
            let output = Command::new("dpkg-deb").arg(option).arg(file.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(ask("--info").contains("Architecture: arm64"));
        let contents = ask("--contents");
        let program = contents.lines().find(|line| line.ends_with("./usr/bin/uniultra")).unwrap();
        assert!(program.starts_with("-rwxr-xr-x root/root"), "{program}");
    }
}
