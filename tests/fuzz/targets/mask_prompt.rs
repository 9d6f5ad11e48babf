//! A hostile `.npy` mask prompt. The first byte chooses the mask.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_sink::read_mask_prompt;

fuzz_target!(|bytes: &[u8]| {
    let Some((&index, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("mask.npy");
    std::fs::write(&path, content).expect("a scratch file");
    let index = (index < u8::MAX).then_some(usize::from(index));
    if let Ok(prompt) = read_mask_prompt(&path, index) {
        assert_eq!(prompt.logits().len(), prompt.side() * prompt.side());
        assert!(prompt.logits().iter().all(|value| value.is_finite()));
    }
});
