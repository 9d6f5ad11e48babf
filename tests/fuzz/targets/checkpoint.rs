//! A hostile checkpoint, safetensors or PyTorch file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::checkpoint(bytes));
