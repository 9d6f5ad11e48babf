//! A hostile DICOM file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::dicom(bytes));
