//! A hostile `model.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::manifest(bytes));
