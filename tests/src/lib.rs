//! Cross-crate tests: parity, conformance, end to end, properties, command line, regression.

pub mod golden;
pub mod packs;
pub mod reference;
