//! Runs a model pack on tract: load and verify, optimise once, then encode and decode.
//!
//! This is the only crate that names tract. A pack's graphs are vetted before tract sees them
//! ([`EngineError::Graph`]), because a graph is input like any other and may be hostile.

mod cpu;
mod error;
mod load;
mod network;
mod threads;
mod vet;

pub use cpu::{cpu_features, engine_name};
pub use error::EngineError;
pub use network::{Embedding, EngineOptions, TractNetwork};
pub use threads::MAX_THREADS;
pub use vet::vet_onnx;

/// Frame in, masks out: `Segmenter::open(pack)?.encode(&frame)?.predict(&prompts)?`.
pub type Segmenter = uniultra_core::Segmenter<TractNetwork>;
