//! A hostile ONNX file in a pack.
#![no_main]

// The engine turns its own assertions into errors; libFuzzer's panic hook would end the process before it can, so
// the hook goes. A panic that gets out still ends the run.
libfuzzer_sys::fuzz_target!(
    init: { let _ = std::panic::take_hook(); },
    |bytes: &[u8]| uniultra_hostile::onnx_load(bytes)
);
