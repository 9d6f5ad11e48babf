//! Gray values: gain, contrast, gamma, and a gain that varies with depth.

use crate::augment::AugmentConfig;
use crate::photometry::SCANNED;
use crate::stream::Stream;

/// Range of echoes from black to white, dB, that gains refer to.
const DYNAMIC_RANGE_DB: f32 = 60.0;

/// Gray below which additions fade out, so that black stays black.
const FADE: f32 = 0.08;

/// Steps of the curve.
const STEPS: usize = 512;

/// Depths at which the time-gain compensation is set, as sliders of a scanner.
const SLIDERS: usize = 5;

/// A gray curve, and a gain for each row.
pub(crate) struct Tone {
    /// The curve at `STEPS + 1` even steps of 0..=1, and once more for reading between them; none
    /// if it is the identity.
    curve: Option<Vec<f32>>,
    /// Gray added to each row; none if nothing is.
    rows: Option<Vec<f32>>,
}

impl Tone {
    /// Draws the changes of a picture `[size, size]`.
    pub(crate) fn draw(
        config: &AugmentConfig,
        image: &[f32],
        size: usize,
        stream: &mut Stream,
    ) -> Self {
        let gain = stream.part(config.gain_db, 0.0) / DYNAMIC_RANGE_DB;
        let [contrast, gamma] = [config.contrast, config.gamma].map(|part| stream.factor(part));
        let tgc = stream.part(config.tgc_db, 0.0) / DYNAMIC_RANGE_DB;
        let sliders: [f32; SLIDERS] = std::array::from_fn(|_| stream.uniform(-tgc, tgc));
        let changes = gain != 0.0 || contrast != 1.0 || gamma != 1.0;
        Self {
            curve: changes.then(|| curve(gain, contrast, gamma, scanned_mean(image))),
            rows: (tgc > 0.0).then(|| rows(&sliders, size)),
        }
    }

    pub(crate) fn apply(&self, image: &mut [f32], size: usize) {
        if self.curve.is_none() && self.rows.is_none() {
            return;
        }
        for (y, row) in image.chunks_exact_mut(size).enumerate() {
            let added = self.rows.as_ref().map_or(0.0, |rows| rows[y]);
            for value in row {
                let gray = value.clamp(0.0, 1.0);
                let toned = self.curve.as_ref().map_or(gray, |curve| {
                    let place = gray * STEPS as f32;
                    let step = place as i32 as usize;
                    let [low, high] = [curve[step], curve[step + 1]];
                    low + (high - low) * (place - step as f32)
                });
                *value = (toned + faded(added, gray)).clamp(0.0, 1.0);
            }
        }
    }
}

/// The addition to a gray value: less near black, nothing at black. Subtractions do not fade,
/// because nothing is darker than black.
fn faded(change: f32, gray: f32) -> f32 {
    if change > 0.0 { change * (gray * (1.0 / FADE)).min(1.0) } else { change }
}

/// Mean gray of the scanned area. Contrast changes about it; otherwise dark images would turn
/// black.
fn scanned_mean(image: &[f32]) -> f32 {
    let (mut sum, mut count) = (0.0_f32, 0.0_f32);
    // A seventh of the pixels is enough for a mean.
    for value in image.iter().step_by(7) {
        if *value > SCANNED {
            sum += value;
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 0.5 }
}

/// The curve of a gain, a contrast about `pivot`, and an exponent.
fn curve(gain: f32, contrast: f32, gamma: f32, pivot: f32) -> Vec<f32> {
    let pivot = pivot.powf(gamma);
    let at = |step: usize| {
        let gray = (step as f32 / STEPS as f32).min(1.0);
        let bent = gray.powf(gamma);
        let changed = pivot + (bent - pivot) * contrast + gain;
        (bent + faded(changed - bent, gray)).clamp(0.0, 1.0)
    };
    (0..STEPS + 2).map(at).collect()
}

/// Between sliders, smoothly (cubic with level ends), for each row.
fn rows(sliders: &[f32; SLIDERS], size: usize) -> Vec<f32> {
    let at = |y: usize| {
        let place = (y as f32 + 0.5) / size as f32 * (SLIDERS - 1) as f32;
        let slider = (place as usize).min(SLIDERS - 2);
        let t = place - slider as f32;
        let smooth = t * t * (3.0 - 2.0 * t);
        sliders[slider] + (sliders[slider + 1] - sliders[slider]) * smooth
    };
    (0..size).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    fn toned(config: &AugmentConfig, image: &[f32]) -> Vec<f32> {
        let size = image.len().isqrt();
        let mut image = image.to_vec();
        Tone::draw(config, &image, size, &mut Stream::new(&[4])).apply(&mut image, size);
        image
    }

    fn always(amount: f32) -> Part {
        Part { p: 1.0, range: [amount, amount] }
    }

    #[test]
    fn nothing_changes_nothing() {
        let image = [0.0, 0.3, 0.7, 1.0];
        assert_eq!(toned(&AugmentConfig::none(), &image), image);
    }

    #[test]
    fn a_gain_is_added_but_to_black() {
        let config = AugmentConfig { gain_db: always(6.0), ..AugmentConfig::none() };
        let found = toned(&config, &[0.0, 0.3, 0.7, 1.0]);
        for (found, expected) in found.iter().zip([0.0, 0.4, 0.8, 1.0]) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn contrast_leaves_the_mean() {
        let config = AugmentConfig { contrast: always(1.5), ..AugmentConfig::none() };
        let found = toned(&config, &[0.4; 49]);
        assert!(found.iter().all(|value| (value - 0.4).abs() < 2e-3), "{found:?}");
    }

    #[test]
    fn curves_rise() {
        for gain in [-0.15, 0.15] {
            for contrast in [0.75, 1.35] {
                for gamma in [0.8, 1.25] {
                    let curve = curve(gain, contrast, gamma, 0.25);
                    assert!(curve.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6));
                    assert_eq!(curve[0], 0.0);
                }
            }
        }
    }

    #[test]
    fn time_gain_compensation_is_smooth_in_depth() {
        let rows = rows(&[0.1, -0.1, 0.1, 0.0, 0.1], 200);
        assert!(rows.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.2 / 50.0 * 1.6));
        assert!((rows[0] - 0.1).abs() < 1e-3 && (rows[199] - 0.1).abs() < 1e-3);
    }
}
