//! A hostile checkpoint, safetensors or PyTorch archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_checkpoint::Checkpoint;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        assert!(checkpoint.tensors().all(|(_, tensor)| finite(tensor.data())));
        let _ = checkpoint.recognise();
    }
});
