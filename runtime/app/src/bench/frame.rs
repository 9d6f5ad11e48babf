//! A frame that needs no file: speckle with a dark ellipse, always the same.

use uniultra_core::{Frame, FrameError, Pixels};

/// Size of a common B-mode export, in pixels.
const SIZE_PX: [usize; 2] = [640, 480];

/// Seed of the speckle.
const SEED: u64 = 0x5eed;

/// Speckle with 60 dB of dynamic range, 20 dB darker inside an ellipse in the middle.
pub(super) fn speckle() -> Result<Frame, FrameError> {
    let [width, height] = SIZE_PX;
    let grays = [gray_levels(0.0), gray_levels(-20.0)];
    let mut random = SplitMix(SEED);
    let mut samples = Vec::with_capacity(width * height);
    for y in 0..height {
        let v = ((y as f32 + 0.5) / height as f32 * 2.0 - 1.0) / 0.45;
        for x in 0..width {
            let u = ((x as f32 + 0.5) / width as f32 * 2.0 - 1.0) / 0.35;
            let levels = &grays[usize::from(u * u + v * v < 1.0)];
            // Every byte is an index of the table.
            samples.push(levels[usize::from(random.byte())]);
        }
    }
    Frame::new(width, height, Pixels::Gray8(samples))
}

/// 256 equally likely gray values of speckle. The intensity of fully developed speckle is
/// exponential; the display is logarithmic.
fn gray_levels(gain_db: f32) -> [u8; 256] {
    std::array::from_fn(|i| {
        let uniform = (i as f32 + 0.5) / 256.0;
        let level_db = 10.0 * (-uniform.ln()).log10() + gain_db;
        // `as` saturates to the range of a byte.
        ((1.0 + (level_db - 10.0) / 60.0) * 255.0) as u8
    })
}

/// SplitMix64 (Steele, Lea and Flood, 2014): short, and the same on every platform.
struct SplitMix(u64);

impl SplitMix {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 56) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ellipse_is_darker_and_nothing_is_flat() {
        let frame = speckle().unwrap();
        assert_eq!([frame.width(), frame.height()], SIZE_PX);
        let mean = |x0: usize, y0: usize| {
            let block = (0..64 * 64).map(|i| frame.gray(x0 + i % 64, y0 + i / 64).unwrap());
            block.sum::<f32>() / (64.0 * 64.0)
        };
        let (inside, outside) = (mean(288, 208), mean(8, 8));
        // 20 dB of 60 are a third of the range.
        assert!((outside - inside - 1.0 / 3.0).abs() < 0.02, "{inside} {outside}");
        assert!(outside < 0.95 && inside > 0.05, "{inside} {outside}");
        assert_eq!(speckle().unwrap(), frame);
    }
}
