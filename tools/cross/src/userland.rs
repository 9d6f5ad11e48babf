//! What programs for ARM find below `/` under emulation: Debian's packages for arm64, unpacked in a folder.

use super::debian::{Apt, whole};
use super::folder;
use anyhow::{Context, Result};
use std::path::PathBuf;
use uniultra_checkout::workspace::Workspace;

/// A folder with these packages and all that they need; unpacked once.
pub fn userland(workspace: &Workspace, packages: &[&str]) -> Result<PathBuf> {
    let folder = std::path::absolute(folder(workspace).join("toolchain/arm64"))?;
    let stamp = folder.join("unpacked.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(folder);
    }
    whole(&folder, |folder| {
        let apt = Apt::new(workspace, folder)?;
        let for_arm: Vec<_> = packages.iter().map(|name| format!("{name}:arm64")).collect();
        let names: Vec<_> = for_arm.iter().map(String::as_str).collect();
        apt.unpack(&apt.for_arm(&names)?)
    })?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}
