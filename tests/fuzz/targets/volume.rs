//! A hostile NIfTI or MetaImage file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::volume(bytes));
