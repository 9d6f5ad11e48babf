//! Any bytes as an ONNX file to be quantized: an error or a file that can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_quantize::rewrite_uncalibrated;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(rewritten) = rewrite_uncalibrated(bytes) {
        // Its layers are 8-bit already, or were none: once more changes no layer, and must not
        // fail.
        assert!(rewrite_uncalibrated(&rewritten).is_ok());
    }
});
