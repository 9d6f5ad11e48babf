//! Whether a folder holds a whole libtorch. The stamp in it says what was unpacked, in figures that
//! are taken again at every call: a file lost later is noticed.

use super::libtorch::{HINT, VERSION};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::env::consts;
use std::fs;
use std::path::Path;
use uniultra_checkout::workspace::{self, Workspace};

/// What must be there, and its least size in bytes.
const WANTED: [(&str, u64); 10] = [
    ("build-version", 1),
    ("include/ATen/ATen.h", 1),
    ("include/c10/core/Device.h", 1),
    ("include/torch/csrc/api/include/torch/torch.h", 1),
    ("lib/libc10.so", 1),
    ("lib/libcudart.so.13", 1),
    ("lib/libcupti.so.13", 1),
    ("lib/libgomp.so.1", 1),
    ("lib/libtorch.so", 1),
    ("lib/libtorch_cpu.so", 100_000_000),
];

const STAMP: &str = "unpacked.txt";

/// Whether a folder that the user named looks like a libtorch.
pub(super) fn named(folder: &Path) -> Result<()> {
    let library = format!("lib/{}torch_cpu{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);
    let found = ["build-version", library.as_str()].iter().any(|file| folder.join(file).is_file());
    ensure!(
        found,
        "LIBTORCH is {}: expected `build-version` or `{library}` there, found neither; {HINT}, or \
         unset it",
        folder.display()
    );
    Ok(())
}

/// Whether all that was unpacked from the wheel is there and fits this machine.
pub(super) fn complete(workspace: &Workspace, folder: &Path) -> Result<()> {
    sizes(folder)?;
    let library = folder.join("lib/libtorch_cpu.so");
    let links = workspace::output(workspace.command("ldd").arg("-r").arg(&library))?;
    let missing: Vec<_> = links.lines().filter(|line| is_missing(line)).map(str::trim).collect();
    if !missing.is_empty() {
        bail!("{} does not load here: {}", library.display(), missing.join("; "));
    }
    Ok(())
}

fn sizes(folder: &Path) -> Result<()> {
    for (file, least) in WANTED {
        let bytes = folder.join(file).metadata().map_or(0, |metadata| metadata.len());
        ensure!(bytes >= least, "{file}: expected at least {least} bytes, found {bytes}");
    }
    Ok(())
}

/// Lines of `ldd -r` for what the loader lacks: libraries, their versions, functions.
fn is_missing(line: &str) -> bool {
    line.contains("not found") || line.contains("undefined symbol")
}

/// Says in the folder what it holds.
pub(super) fn stamp(folder: &Path) -> Result<()> {
    let file = folder.join(STAMP);
    fs::write(&file, description(folder)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Whether the folder holds this version, and all of what was unpacked.
pub(super) fn is_stamped(folder: &Path) -> bool {
    let Ok(stamp) = fs::read_to_string(folder.join(STAMP)) else { return false };
    description(folder).is_ok_and(|now| now == stamp)
}

/// The version, the number and size of the headers, and the size of each library.
fn description(folder: &Path) -> Result<String> {
    let headers = files(&folder.join("include"))?;
    let bytes: u64 = headers.values().sum();
    let mut text = format!("libtorch {VERSION} for {} {}\n", consts::ARCH, consts::OS);
    text += &format!("include: {} files, {bytes} bytes\n", headers.len());
    for (library, bytes) in files(&folder.join("lib"))? {
        text += &format!("lib/{library}: {bytes} bytes\n");
    }
    Ok(text)
}

/// Every file in or below a folder, by its path from there, and its size in bytes.
fn files(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", next.display()))?.path();
            let metadata =
                path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
            if metadata.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path);
                found.insert(name.display().to_string(), metadata.len());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes away with the test.
    struct Scratch(tempfile::TempDir);

    impl Scratch {
        fn new() -> Self {
            let scratch = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(scratch.path().join("include/torch")).unwrap();
            fs::create_dir_all(scratch.path().join("lib")).unwrap();
            scratch
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn write(&self, file: &str, bytes: usize) {
            fs::write(self.path().join(file), vec![0; bytes]).unwrap();
        }
    }

    #[test]
    fn a_stamp_holds_until_a_file_changes() {
        let scratch = Scratch::new();
        scratch.write("include/torch/torch.h", 3);
        scratch.write("lib/libc10.so", 5);
        assert!(!is_stamped(scratch.path()));
        stamp(scratch.path()).unwrap();
        assert!(is_stamped(scratch.path()));
        let text = fs::read_to_string(scratch.path().join(STAMP)).unwrap();
        assert!(text.starts_with(&format!("libtorch {VERSION} for ")), "{text}");
        assert!(text.ends_with("\ninclude: 1 files, 3 bytes\nlib/libc10.so: 5 bytes\n"), "{text}");

        scratch.write("lib/libc10.so", 4);
        assert!(!is_stamped(scratch.path()));
        scratch.write("lib/libc10.so", 5);
        assert!(is_stamped(scratch.path()));
        fs::remove_file(scratch.path().join("include/torch/torch.h")).unwrap();
        assert!(!is_stamped(scratch.path()));
    }

    #[test]
    fn a_missing_or_short_file_is_named() {
        let scratch = Scratch::new();
        let error = sizes(scratch.path()).unwrap_err().to_string();
        assert_eq!(error, "build-version: expected at least 1 bytes, found 0");
    }

    #[test]
    fn a_named_folder_needs_one_of_two_files() {
        let scratch = Scratch::new();
        let error = named(scratch.path()).unwrap_err().to_string();
        assert!(error.contains("found neither") && error.contains(HINT), "{error}");
        scratch.write("build-version", 6);
        named(scratch.path()).unwrap();
    }

    #[test]
    fn finds_what_the_loader_lacks() {
        let lines = [
            "\tlibcudart.so.13 => not found",
            "./libc10.so: /lib/libm.so.6: version `GLIBC_2.38' not found (required by ./libc10.so)",
            "undefined symbol: cudaGetDeviceCount, version libcudart.so.13\t(./libtorch_cpu.so)",
        ];
        assert!(lines.iter().all(|line| is_missing(line)));
        assert!(!is_missing("\tlibm.so.6 => /lib/libm.so.6 (0x00007f0000000000)"));
    }
}
