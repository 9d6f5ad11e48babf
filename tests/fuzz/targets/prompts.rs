//! Hostile points and boxes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::prompts(bytes));
