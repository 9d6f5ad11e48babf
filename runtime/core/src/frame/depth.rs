//! Files whose samples have fewer bits than they are stored in.

use super::Pixels;
use crate::FrameError;

/// Checks a bit depth that a caller states.
pub(super) fn check(bits: u8) -> Result<(), FrameError> {
    let found = || bits.to_string();
    if (8..=16).contains(&bits) { Ok(()) } else { Err(FrameError::BitDepth { found: found() }) }
}

/// The largest sample if it is in the lower half of 16 bits: then the highest bit is never used.
/// Black tells nothing.
pub(super) fn low_peak(pixels: &Pixels) -> Option<u16> {
    let (Pixels::Gray16(samples) | Pixels::Rgb16(samples)) = pixels else { return None };
    let peak = samples.iter().copied().max()?;
    (1..=u16::MAX / 2).contains(&peak).then_some(peak)
}

/// Scales samples of `bits` bits to the whole range that they are stored in.
pub(super) fn scale(pixels: &mut Pixels, bits: u8) -> Result<(), FrameError> {
    let (Pixels::Gray16(samples) | Pixels::Rgb16(samples)) = pixels else {
        let found = format!("{bits} for a file of 8-bit samples");
        return if bits == 8 { Ok(()) } else { Err(FrameError::BitDepth { found }) };
    };
    let white = (1_u32 << bits) - 1;
    if let Some(&above) = samples.iter().find(|&&sample| u32::from(sample) > white) {
        let found = format!("{bits} for a file with the sample {above}, above {white}");
        return Err(FrameError::BitDepth { found });
    }
    for sample in samples {
        // Rounded to nearest; `white` fits in 16 bits, so the product fits in 32.
        *sample = ((u32::from(*sample) * u32::from(u16::MAX) + white / 2) / white) as u16;
    }
    Ok(())
}
