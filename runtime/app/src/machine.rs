//! The machine that this program runs on, for reports.

use uniultra_schema::Machine;

/// Asks the system.
pub(crate) fn here() -> Machine {
    Machine {
        cpu: uniultra_engine::cpu_name(),
        arch: std::env::consts::ARCH.to_string(),
        cpu_features: cpu_features(),
        threads_available: threads_available(),
    }
}

/// SIMD features of this processor that matter to the engine.
pub(crate) fn cpu_features() -> Vec<String> {
    uniultra_engine::cpu_features().into_iter().map(str::to_string).collect()
}

/// Threads that the system offers; `None` if it does not say.
pub(crate) fn threads_available() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}
