//! The machine's memory, from the kernel.

use std::fs;

/// `/proc/meminfo`, proc(5).
#[derive(Debug, Default)]
pub(crate) struct MemInfo(String);

impl MemInfo {
    /// The current content; empty if the system does not say.
    pub(crate) fn now() -> Self {
        Self(fs::read_to_string("/proc/meminfo").unwrap_or_default())
    }

    /// Memory that the kernel manages, in MiB.
    pub(crate) fn total_mib(&self) -> Option<f32> {
        self.mib("MemTotal:")
    }

    /// The part that is free or easily freed, in MiB.
    pub(crate) fn available_mib(&self) -> Option<f32> {
        self.mib("MemAvailable:")
    }

    fn mib(&self, name: &str) -> Option<f32> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_lines() {
        let text = "MemTotal:         102400 kB\nMemFree: 1 kB\nMemAvailable:    51200 kB\n";
        let memory = MemInfo(text.to_string());
        assert_eq!((memory.total_mib(), memory.available_mib()), (Some(100.0), Some(50.0)));
        assert_eq!(memory.mib("SwapTotal:"), None);
        assert_eq!(MemInfo("MemTotal: much\n".to_string()).total_mib(), None);
    }
}
