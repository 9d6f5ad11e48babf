//! A hostile image file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_core::{DecodeOptions, Frame, MAX_SIDE_PX, MIN_SIDE_PX};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::decode(bytes) {
        let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
        assert!(sides.contains(&frame.width()) && sides.contains(&frame.height()));
        assert!(frame.gray(frame.width() - 1, frame.height() - 1).is_some());
        let stored = DecodeOptions::new().with_stored_orientation();
        let stored = Frame::decode_with(bytes, &stored);
        assert!(stored.is_ok_and(|stored| stored.orientation_applied.is_none()));
    }
});
