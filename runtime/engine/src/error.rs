//! Why a model cannot be loaded or run.

use uniultra_manifest::ManifestError;

/// An engine's failure. Every message names the file or tensor at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The pack is refused: manifest, file size or hash.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An ONNX file holds something that no UniUltra pack holds.
    #[error("{file}: {problem}")]
    Graph {
        /// File name in the pack.
        file: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// tract could not turn the graph into a plan.
    #[error("{file}: cannot be prepared: {reason}")]
    Prepare {
        /// File name in the pack.
        file: String,
        /// tract's reason.
        reason: String,
    },
    /// tract failed while running a plan.
    #[error("{network} failed: {reason}")]
    Run {
        /// Which network.
        network: &'static str,
        /// tract's reason.
        reason: String,
    },
    /// tract failed while running a graph that was opened up, or a tensor in it is not f32.
    #[error("{file}: cannot be looked into: {reason}")]
    Probe {
        /// Name of the file.
        file: String,
        /// tract's reason.
        reason: String,
    },
    /// Memory ran out.
    #[error("{what}: out of memory: {reason}")]
    OutOfMemory {
        /// File name in the pack, or which network.
        what: String,
        /// What was asked for.
        reason: String,
    },
    /// An assertion of the engine failed: a fault of the engine, or a graph that nobody foresaw.
    #[error("{what}: the engine broke down: {reason}")]
    Panic {
        /// File name in the pack, or which network.
        what: String,
        /// What the engine says.
        reason: String,
    },
    /// The number of threads is out of range, or the pool could not be started.
    #[error("threads: expected 1 to {max}, found {found}{reason}")]
    Threads {
        /// Most threads allowed.
        max: usize,
        /// Threads asked for.
        found: usize,
        /// The operating system's reason, if it refused.
        reason: String,
    },
    /// Threads cannot be bound to the CPUs asked for.
    #[error("pins: {0}")]
    Pins(String),
}
