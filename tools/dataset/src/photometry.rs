//! Changes how an example looks: blur, speckle, gain, shadow and noise, in the order of a scanner.

use crate::augment::AugmentConfig;
use crate::shadow::Shadow;
use crate::smooth::blur;
use crate::stream::Stream;
use crate::texture::{add_noise, multiply_speckle};
use crate::tone::Tone;

/// Gray up to which nothing was scanned: one step of 8 bit.
pub(crate) const SCANNED: f32 = 0.004;

/// Changes a picture `[size, size]` of 0..=1 in place. Black stays black: it was not scanned.
pub(crate) fn apply(image: &mut [f32], size: usize, config: &AugmentConfig, stream: &mut Stream) {
    let blur_px = stream.part(config.blur_px, 0.0);
    if blur_px > 0.0 {
        blur(image, size, blur_px);
    }
    let speckle = stream.part(config.speckle, 0.0);
    if speckle > 0.0 {
        multiply_speckle(image, size, speckle, stream);
    }
    Tone::draw(config, image, size, stream).apply(image, size);
    let darkness = stream.part(config.shadow, 0.0);
    if darkness > 0.0 {
        Shadow::draw(darkness, stream).apply(image, size);
    }
    let noise = stream.part(config.noise, 0.0);
    if noise > 0.0 {
        add_noise(image, size, noise, stream);
    }
    for value in image {
        *value = value.clamp(0.0, 1.0);
    }
}
