//! A hostile ONNX file to be quantized.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uniultra_hostile::quantize_graph(bytes));
