//! What a whole emulated machine needs: qemu's emulator of ARM systems, and a kernel.

use super::debian::{Apt, whole};
use super::toolchain::script;
use super::{folder, starts};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::Workspace;

const QEMU: &str = "qemu-system-aarch64";
const QEMU_PACKAGE: &str = "qemu-system-arm";
/// The name that always stands for Debian's newest small kernel, without drivers of boards.
const KERNEL_PACKAGE: &str = "linux-image-cloud-arm64:arm64";

/// Emulator and kernel, ready to start.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) qemu: PathBuf,
    /// A file that qemu can load.
    pub(super) kernel: PathBuf,
}

impl Machine {
    /// Finds what is there and fetches the rest by package name.
    pub(super) fn setup(workspace: &Workspace) -> Result<Self> {
        let prefix = folder(workspace).join("toolchain");
        let qemu = match starts(workspace, Path::new(QEMU)) {
            true => PathBuf::from(QEMU),
            false => qemu(workspace, &prefix.join("qemu-system"))?,
        };
        let kernel = kernel(workspace, &prefix.join("kernel"))?;
        Ok(Self { qemu, kernel })
    }
}

/// Unpacks the emulator and the libraries that it needs and the machine lacks.
fn qemu(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let emulator = folder.join("bin").join(QEMU);
    if !starts(workspace, &emulator) {
        whole(folder, |folder| {
            let apt = Apt::new(workspace, folder)?;
            apt.unpack(&apt.missing(QEMU_PACKAGE)?)?;
            wrap(folder)
        })?;
    }
    ensure!(starts(workspace, &emulator), "{} does not start", workspace.shown(&emulator));
    Ok(emulator)
}

/// `bin/qemu-system-aarch64`, which finds its libraries.
fn wrap(folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let mut libraries = Vec::new();
    for part in ["lib", "usr/lib"] {
        for entry in fs::read_dir(folder.join(part)).into_iter().flatten() {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("-linux-gnu") {
                libraries.push(path.display().to_string());
            }
        }
    }
    fs::create_dir_all(folder.join("bin"))?;
    let text = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH=\"{}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\nexec \"{}\" \"$@\"\n",
        libraries.join(":"),
        folder.join("usr/bin").join(QEMU).display()
    );
    script(&folder.join("bin").join(QEMU), &text)
}

/// Unpacks Debian's kernel, and makes of it what qemu can load.
fn kernel(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let image = folder.join("Image");
    if !image.is_file() {
        whole(folder, |folder| {
            let apt = Apt::new(workspace, folder)?;
            let depends = apt.ask(&["apt-cache", "depends", KERNEL_PACKAGE])?;
            let package = newest(&depends)
                .with_context(|| format!("expected a kernel behind {KERNEL_PACKAGE}"))?;
            apt.unpack(&[package])?;
            let boot = folder.join("boot");
            let file = fs::read_dir(&boot)
                .with_context(|| format!("cannot read {}", boot.display()))?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .find(|path| {
                    path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz"))
                })
                .context("expected boot/vmlinuz in the kernel's package, found none")?;
            let bytes = fs::read(&file)?;
            let bytes = loadable(&bytes).with_context(|| format!("{}", file.display()))?;
            // Drivers as modules are not used, and are three quarters of the package.
            fs::remove_dir_all(folder.join("lib")).or_else(absent)?;
            fs::remove_dir_all(folder.join("usr")).or_else(absent)?;
            let partial = folder.join("Image.partial");
            fs::write(&partial, bytes)?;
            Ok(fs::rename(&partial, folder.join("Image"))?)
        })?;
    }
    Ok(image)
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The kernel's own package, of what `apt-cache depends` says of the name that stands for it.
fn newest(depends: &str) -> Option<String> {
    let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let name = names.find(|name| name.starts_with("linux-image-"))?;
    Some(if name.contains(':') { name.to_string() } else { format!("{name}:arm64") })
}

/// The part of a kernel file that qemu can load: a plain image, or one under gzip. An EFI program that
/// unpacks itself ("zboot", Linux's `drivers/firmware/efi/libstub/zboot-header.S`) holds such a one.
fn loadable(file: &[u8]) -> Result<&[u8]> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    if file.starts_with(GZIP) || file.get(56..60) == Some(b"ARMd") {
        return Ok(file);
    }
    if file.get(4..8) != Some(b"zimg") {
        bail!(
            "expected a kernel image for ARM, plain, under gzip or as EFI zboot, found another file"
        );
    }
    let number = |at: usize| -> Option<usize> {
        let (bytes, _) = file.get(at..)?.split_first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let payload = number(8)
        .zip(number(12))
        .and_then(|(start, size)| file.get(start..)?.get(..size))
        .context("expected a whole EFI zboot image, found a part of one")?;
    if !payload.starts_with(GZIP) {
        let kind = file.get(24..56).unwrap_or_default();
        let kind = String::from_utf8_lossy(kind);
        bail!("expected gzip in the EFI zboot image, found {}", kind.trim_end_matches('\0'));
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_kernel_behind_its_name() {
        let depends =
            "linux-image-cloud-arm64:arm64\n  Depends: linux-image-6.1.0-9-cloud-arm64:arm64\n";
        assert_eq!(newest(depends).unwrap(), "linux-image-6.1.0-9-cloud-arm64:arm64");
        assert_eq!(newest("x\n  Depends: linux-image-6\n").unwrap(), "linux-image-6:arm64");
        assert_eq!(newest("x\n  Depends: libc6\n"), None);
    }

    /// A zboot image whose payload begins at byte 64.
    fn zboot(kind: &[u8], payload: &[u8], size: u32) -> Vec<u8> {
        let mut file = b"MZ\0\0zimg".to_vec();
        file.extend(64_u32.to_le_bytes());
        file.extend(size.to_le_bytes());
        file.resize(24, 0);
        file.extend(kind);
        file.resize(64, 0);
        file.extend(payload);
        file
    }

    #[test]
    fn takes_kernels_apart_as_far_as_qemu_needs() {
        let mut plain = vec![0; 64];
        plain[56..60].copy_from_slice(b"ARMd");
        assert_eq!(loadable(&plain).unwrap(), plain);
        assert_eq!(loadable(b"\x1f\x8b\x08").unwrap(), b"\x1f\x8b\x08");
        let packed = zboot(b"gzip", b"\x1f\x8b\x08rest", 5);
        assert_eq!(loadable(&packed).unwrap(), b"\x1f\x8b\x08re");
    }

    #[test]
    fn says_what_it_cannot_load() {
        let said = |file: &[u8]| loadable(file).unwrap_err().to_string();
        assert!(said(b"\x7fELF").contains("found another file"));
        assert!(said(&zboot(b"gzip", b"\x1f\x8b", 9)).contains("found a part of one"));
        assert!(said(&zboot(b"zstd", b"\x28\xb5\x2f\xfd", 4)).ends_with("found zstd"));
    }
}
