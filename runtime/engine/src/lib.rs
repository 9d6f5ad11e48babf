//! Runs a model pack on tract: load and verify, optimise once, then encode and decode.
//!
//! This is the only crate that names tract. A pack's graphs are vetted before tract sees them
//! ([`EngineError::Graph`]), because a graph is input like any other and may be hostile.

mod affinity;
mod breakdown;
mod cpu;
mod error;
mod load;
mod memory;
mod network;
mod ops;
mod patterns;
mod probe;
mod process;
mod profile;
mod split;
mod threads;
mod vet;
mod widen;

pub use affinity::allowed_cpus;
pub use breakdown::{Breakdown, caught};
pub use cpu::{cpu_features, cpu_name, engine_name};
pub use error::EngineError;
pub use memory::{peak_rss_mib, rss_mib};
pub use network::{Embedding, EngineOptions, TractNetwork};
pub use probe::{Probe, ProbeTensor};
pub use process::guard_process;
pub use profile::{OpRun, PlanRun};
pub use threads::MAX_THREADS;
pub use vet::vet_onnx;

use uniultra_core::SegmentError;
use uniultra_manifest::Pack;

/// Frame in, masks out: `Segmenter::open(pack)?.encode(&frame)?.predict(&prompts)?`.
pub type Segmenter = uniultra_core::Segmenter<TractNetwork>;

/// A segmenter of a pack that need not be in a folder; see [`Pack::from_bytes`].
///
/// # Errors
/// [`SegmentError::Open`] with the engine's reason.
pub fn open_pack(
    pack: &Pack,
    options: &EngineOptions,
) -> Result<Segmenter, SegmentError<EngineError>> {
    let network = TractNetwork::from_pack(pack, options).map_err(SegmentError::Open)?;
    Ok(Segmenter::new(network, pack.manifest().clone()))
}
