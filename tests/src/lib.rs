//! Cross-crate tests: parity, conformance, end to end, properties, command line, regression.

pub mod cli;
pub mod compare;
pub mod golden;
pub mod npy;
pub mod onnx_runtime;
pub mod packs;
pub mod reference;
pub mod sample;
pub mod torch_archive;
