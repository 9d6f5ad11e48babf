//! The targets of boards, and the processor features that a profile may require.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Target triples that the runtime is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum Target {
    /// 64-bit ARM Linux.
    #[serde(rename = "aarch64-unknown-linux-gnu")]
    Aarch64Linux,
    /// 64-bit x86 Linux.
    #[serde(rename = "x86_64-unknown-linux-gnu")]
    X86_64Linux,
}

impl Target {
    /// The triple, by its name in Rust.
    #[must_use]
    pub fn triple(self) -> &'static str {
        match self {
            Self::Aarch64Linux => "aarch64-unknown-linux-gnu",
            Self::X86_64Linux => "x86_64-unknown-linux-gnu",
        }
    }

    /// The architecture, by its name in Rust (`std::env::consts::ARCH`).
    #[must_use]
    pub fn arch(self) -> &'static str {
        match self {
            Self::Aarch64Linux => "aarch64",
            Self::X86_64Linux => "x86_64",
        }
    }

    /// The SIMD features that a profile may require, by their names in Rust: those that the engine
    /// detects.
    #[must_use]
    pub fn cpu_features(self) -> &'static [&'static str] {
        match self {
            Self::Aarch64Linux => &["neon", "fp16", "dotprod", "i8mm", "bf16", "sve", "sve2"],
            Self::X86_64Linux => &[
                "sse4.2",
                "avx",
                "avx2",
                "fma",
                "f16c",
                "avx512f",
                "avx512bw",
                "avx512vnni",
                "avx512bf16",
            ],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

/// The features of [`Target::cpu_features`] that a kind of Arm core has, from its technical
/// reference manual; `None` if the kind is not listed.
pub(super) fn features_of_core(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        // Armv8.0-A
        "cortex-a53" | "cortex-a57" | "cortex-a72" | "cortex-a73" => Some(&["neon"]),
        // Armv8.2-A with FEAT_FP16 and FEAT_DotProd
        "cortex-a55" | "cortex-a76" | "cortex-a78" | "cortex-a78ae" => {
            Some(&["neon", "fp16", "dotprod"])
        }
        _ => None,
    }
}
