//! The self-test as the first process of a Linux system that holds nothing else.

use crate::failure::AppError;
use anyhow::Context;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use std::fs;

/// What the kernel tells through files, and where programs look for it.
const MOUNTS: [(&str, &str); 2] = [("proc", "/proc"), ("sysfs", "/sys")];

/// From now on only emergencies of the kernel go to the console, where the report will be.
const CONSOLE_LOG_LEVEL: (&str, &str) = ("/proc/sys/kernel/printk", "1");

/// Makes `/proc` and `/sys`, and quiets the console.
///
/// # Errors
/// Unless this is the first process, and where the kernel refuses.
pub(super) fn begin() -> anyhow::Result<()> {
    let process = std::process::id();
    if process != 1 {
        let message = format!("--as-init: expected to be process 1, found process {process}");
        return Err(AppError::Usage(message).into());
    }
    for (kind, folder) in MOUNTS {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {folder}"))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(kind, folder, kind, flags, None).with_context(|| format!("cannot mount {folder}"))?;
    }
    let (file, level) = CONSOLE_LOG_LEVEL;
    fs::write(file, level).with_context(|| format!("cannot write {file}"))
}

/// Waits until the console has everything, then powers the machine off; where that fails, the kernel
/// stops when this process ends.
pub(super) fn power_off() {
    for console in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        // A console that is no terminal has nothing to wait for.
        let _ = rustix::termios::tcdrain(console);
    }
    let _ = reboot(RebootCommand::PowerOff);
}
