//! A hostile `.npy` mask prompt.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::mask_prompt(bytes));
