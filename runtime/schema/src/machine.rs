//! The machine that a program runs on.

use serde::{Deserialize, Serialize};

/// The processor, as far as it matters to speed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// Name of the processor or the board.
    pub cpu: String,
    /// Architecture that the program was built for.
    pub arch: String,
    /// SIMD features of this processor that matter to the engine.
    pub cpu_features: Vec<String>,
    /// Threads that the system offers; `null` if it does not say.
    pub threads_available: Option<usize>,
}

/// The system around a self-test; `null` where it does not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct System {
    /// The processor.
    #[serde(flatten)]
    pub machine: Machine,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Memory that the kernel manages, in MiB.
    pub memory_total_mib: Option<f32>,
    /// The part that was free or easily freed when the report was made, in MiB.
    pub memory_available_mib: Option<f32>,
}
