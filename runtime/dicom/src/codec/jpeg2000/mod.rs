//! JPEG 2000 with 8 bits.

mod bounds;

use crate::error::Mismatch;
use crate::pixels::{Photometric, PixelFormat, Samples};
use hayro_jpeg2000::{DecodeSettings, Image};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Samples, Mismatch> {
    if matches!(format.photometric, Photometric::YbrFull422) {
        return Err(Mismatch::new(
            "JPEG 2000",
            "RGB, YBR_FULL, YBR_RCT or YBR_ICT",
            "YBR_FULL_422",
        ));
    }
    // Fragments have an even length, so a stream may be followed by a byte of padding.
    let bytes = match bytes {
        [stream @ .., 0xFF, 0xD9, 0] => bytes.get(..stream.len() + 2).unwrap_or(bytes),
        _ => bytes,
    };
    bounds::check(bytes, format)?;
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    // The decoder is safe Rust and indexes its tables freely, so a damaged stream can make it panic.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        Image::new(bytes, &settings).and_then(|image| image.decode())
    }));
    let expected = format.pixels() * format.samples();
    match decoded {
        Ok(Ok(values)) if values.len() == expected => Ok(Samples::Bytes(values)),
        Ok(Ok(values)) => {
            Err(Mismatch::new("JPEG 2000", format!("{expected} samples"), values.len()))
        }
        Ok(Err(error)) => Err(Mismatch::new("JPEG 2000", "a whole code stream", error)),
        Err(_) => Err(Mismatch::new(
            "JPEG 2000",
            "a valid code stream",
            "one that the decoder cannot follow",
        )),
    }
}
