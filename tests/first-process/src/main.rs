//! The first process of a test machine that holds nothing but this program and the one under test.
//!
//! `cargo xtask cross --boot` starts it. It mounts what the kernel tells through files, runs the program
//! that its arguments name, says how that ended, and powers the machine off. The program under test stays
//! free of code that only a test machine runs.

use anyhow::{Context, Result};
use std::io::Write;
use std::process::Command;

/// Begins the line that says on the console how the program ended.
const ENDED: &str = "first-process: ended with";

#[cfg(target_os = "linux")]
mod machine {
    use anyhow::{Context, Result, ensure};
    use rustix::mount::{MountFlags, mount};
    use rustix::system::{RebootCommand, reboot};
    use std::fs;

    const MOUNTS: [(&str, &str); 2] = [("proc", "/proc"), ("sysfs", "/sys")];

    /// Only emergencies of the kernel go to the console, so that they do not cut the program's report.
    const CONSOLE_LOG_LEVEL: (&str, &str) = ("/proc/sys/kernel/printk", "1");

    /// Mounts `/proc` and `/sys`, and quiets the console.
    ///
    /// # Errors
    /// Unless this is the first process, and where the kernel refuses.
    pub(super) fn set_up() -> Result<()> {
        let process = std::process::id();
        ensure!(
            process == 1,
            "expected to be process 1 of a test machine, found process {process}"
        );
        for (kind, folder) in MOUNTS {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {folder}"))?;
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            mount(kind, folder, kind, flags, None)
                .with_context(|| format!("cannot mount {folder}"))?;
        }
        let (file, level) = CONSOLE_LOG_LEVEL;
        fs::write(file, level).with_context(|| format!("cannot write {file}"))
    }

    /// Waits until the console has everything, then powers the machine off. Where that fails, the kernel
    /// stops when this process ends.
    pub(super) fn power_off() {
        for console in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
            // A console that is not a terminal has nothing to wait for.
            let _ = rustix::termios::tcdrain(console);
        }
        let _ = reboot(RebootCommand::PowerOff);
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    pub(super) fn set_up() -> anyhow::Result<()> {
        anyhow::bail!("expected Linux, found another system")
    }

    pub(super) fn power_off() {}
}

/// Runs the program and says how it ended.
fn run_program() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("expected a program and its arguments, found none")?;
    let status = Command::new(&program)
        .args(words)
        .status()
        .with_context(|| format!("cannot start {}", program.to_string_lossy()))?;
    writeln!(std::io::stdout(), "{ENDED} {status}").context("cannot write to the console")
}

fn main() -> Result<()> {
    // Not the first process: nothing is mounted, and this machine stays on.
    machine::set_up()?;
    if let Err(error) = run_program() {
        // Nobody reads the exit code of a machine that is off.
        let _ = writeln!(std::io::stderr(), "first-process: {error:#}");
    }
    machine::power_off();
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_process_mounts_and_powers_off() {
        let error = machine::set_up().unwrap_err().to_string();
        assert!(error.starts_with("expected to be process 1"), "{error}");
        let error = main().unwrap_err().to_string();
        assert!(error.contains("found process"), "{error}");
    }
}
