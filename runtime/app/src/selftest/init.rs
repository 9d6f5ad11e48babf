//! The self-test as the first process of a Linux system that runs nothing else.

use crate::failure::AppError;
use anyhow::Context;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use std::fs;

/// The kernel's file systems, and the folders where programs expect them.
const MOUNTS: [(&str, &str); 2] = [("proc", "/proc"), ("sysfs", "/sys")];

/// The log level at which only emergencies of the kernel go to the console, where the report will
/// be.
const CONSOLE_LOG_LEVEL: (&str, &str) = ("/proc/sys/kernel/printk", "1");

/// Mounts `/proc` and `/sys`, and quiets the console.
///
/// # Errors
/// If this is not the first process, or if the kernel refuses.
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

/// Waits until the console has printed everything, then powers the machine off. If that fails, the
/// kernel stops when this process ends.
pub(super) fn power_off() {
    for console in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        // A console that is not a terminal needs no waiting.
        let _ = rustix::termios::tcdrain(console);
    }
    let _ = reboot(RebootCommand::PowerOff);
}
