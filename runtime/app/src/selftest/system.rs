//! Facts about the system, for the report.

use crate::meminfo::MemInfo;
use serde::Serialize;
use std::fs;

/// Facts about the system; `null` if it does not say.
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
    /// Memory that the kernel manages, in MiB.
    memory_total_mib: Option<f32>,
    /// The part that was free or easily freed when the report was made, in MiB.
    memory_available_mib: Option<f32>,
}

impl SystemReport {
    pub(super) fn now() -> Self {
        let memory = MemInfo::now();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            cpu: uniultra_engine::cpu_name(),
            arch: std::env::consts::ARCH,
            cpu_features: uniultra_engine::cpu_features(),
            kernel: kernel.map(|text| text.trim().to_string()),
            memory_total_mib: memory.total_mib(),
            memory_available_mib: memory.available_mib(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_tells() {
        let facts = SystemReport::now();
        assert!(facts.kernel.is_some_and(|kernel| !kernel.is_empty()));
        assert!(facts.memory_total_mib.unwrap() > facts.memory_available_mib.unwrap());
    }
}
