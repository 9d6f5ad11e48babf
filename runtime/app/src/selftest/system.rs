//! Facts about the system, for the report.

use crate::machine;
use crate::meminfo::MemInfo;
use std::fs;
use uniultra_schema::System;

/// Asks the system.
pub(super) fn system() -> System {
    let memory = MemInfo::now();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    System {
        machine: machine::here(),
        kernel: kernel.map(|text| text.trim().to_string()),
        memory_total_mib: memory.total_mib(),
        memory_available_mib: memory.available_mib(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_tells() {
        let facts = system();
        assert!(facts.kernel.is_some_and(|kernel| !kernel.is_empty()));
        assert!(facts.memory_total_mib.unwrap() > facts.memory_available_mib.unwrap());
    }
}
