//! What the system says of itself, for the report.

use serde::Serialize;
use std::fs;

/// Facts of the system; `null` where it does not tell.
#[derive(Debug, Serialize)]
pub(super) struct SystemReport {
    /// The processor, or the board, by name.
    cpu: String,
    /// Architecture that this program was built for.
    arch: &'static str,
    /// SIMD features that matter to the engine.
    cpu_features: Vec<&'static str>,
    /// Release of the kernel.
    kernel: Option<String>,
    /// Memory that the kernel has to give, in MiB.
    memory_total_mib: Option<f32>,
    /// Of that, what was free or easily freed when the report was made.
    memory_available_mib: Option<f32>,
}

impl SystemReport {
    pub(super) fn now() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").ok();
        let mib = |name| memory.as_deref().and_then(|text| mib(text, name));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            cpu: uniultra_engine::cpu_name(),
            arch: std::env::consts::ARCH,
            cpu_features: uniultra_engine::cpu_features(),
            kernel: kernel.map(|text| text.trim().to_string()),
            memory_total_mib: mib("MemTotal:"),
            memory_available_mib: mib("MemAvailable:"),
        }
    }
}

/// A line of `/proc/meminfo`, proc(5).
fn mib(meminfo: &str, name: &str) -> Option<f32> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_lines() {
        let text = "MemTotal:         102400 kB\nMemFree: 1 kB\nMemAvailable:    51200 kB\n";
        assert_eq!(mib(text, "MemTotal:"), Some(100.0));
        assert_eq!(mib(text, "MemAvailable:"), Some(50.0));
        assert_eq!(mib(text, "SwapTotal:"), None);
        assert_eq!(mib("MemTotal: much\n", "MemTotal:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_tells() {
        let facts = SystemReport::now();
        assert!(facts.kernel.is_some_and(|kernel| !kernel.is_empty()));
        assert!(facts.memory_total_mib.unwrap() > facts.memory_available_mib.unwrap());
    }
}
