//! A hostile OpenIGTLink peer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::igtl(bytes));
