//! The report of `uniultra info`.

use crate::{BoardFit, Report};
use serde::{Deserialize, Serialize};
use uniultra_manifest::Manifest;

/// Facts about the program, the processor and a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct InfoReport {
    /// Engine and version.
    pub engine: String,
    /// The target that the program was built for.
    pub target: BuildTarget,
    /// SIMD features of this processor that matter to the engine.
    pub cpu_features: Vec<String>,
    /// Number of threads that the system offers; `null` if it does not say.
    pub threads_available: Option<usize>,
    /// The pack's `model.toml`, after its files were checked against it; `null` if the program has no model
    /// inside and none was named.
    #[cfg_attr(
        feature = "json-schema",
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    pub manifest: Option<Manifest>,
    /// The board's profile, and whether this machine and the model fit it; `null` without `--board`.
    pub board: Option<BoardFit>,
}

/// The target that a program was built for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct BuildTarget {
    /// Architecture of the processor.
    pub arch: String,
    /// Operating system.
    pub os: String,
    /// C library or ABI; `null` if the target has only one.
    pub env: Option<String>,
    /// Width of a pointer, in bits.
    pub pointer_bits: u32,
}

impl Report for InfoReport {
    const SCHEMA: &'static str = "uniultra-info";
    const SCHEMA_VERSION: u32 = 2;
}
