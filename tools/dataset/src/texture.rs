//! Random texture: speckle and noise.

use crate::photometry::SCANNED;
use crate::smooth::Smoother;
use crate::stream::Stream;

/// Mean of a Rayleigh variable whose two components have unit variance: sqrt(pi / 2).
const RAYLEIGH_MEAN: f32 = 1.253_314_1;

/// Standard deviation of the sum of two random bytes: sqrt(2 (256^2 - 1) / 12).
const DEVIATION: f32 = 104.511_6;

/// Multiplies by Rayleigh noise of mean 1, correlated over a random grain, wider than high as the
/// cells of a scanner are. `strength` 1 is fully developed speckle.
pub(crate) fn multiply_speckle(image: &mut [f32], size: usize, strength: f32, stream: &mut Stream) {
    // Relative to the picture's side, so that the grain does not depend on the network's size.
    let grain_px = [(1.2, 3.0), (0.8, 1.6)]
        .map(|(low, high)| stream.uniform(low, high) * size as f32 / 1024.0);
    let mut parts = [Smoother::new(size, grain_px), Smoother::new(size, grain_px)];
    let mut rows = [vec![0.0; size], vec![0.0; size]];
    let mut noise = Noise::new(size);
    let scale = strength / (parts[0].noise_left() * RAYLEIGH_MEAN);
    for (y, line) in image.chunks_exact_mut(size).enumerate() {
        for (part, row) in parts.iter_mut().zip(&mut rows) {
            while part.wants(y).is_some() {
                part.take(noise.row(stream));
            }
            part.give(y, row);
        }
        let [real, imaginary] = &rows;
        for ((value, re), im) in line.iter_mut().zip(real).zip(imaginary) {
            let envelope = (re * re + im * im).sqrt();
            *value *= 1.0 - strength + scale * envelope;
        }
    }
}

/// Adds white noise of a standard deviation in parts of the gray scale.
pub(crate) fn add_noise(image: &mut [f32], size: usize, deviation: f32, stream: &mut Stream) {
    let mut noise = Noise::new(size);
    for line in image.chunks_exact_mut(size) {
        for (value, noise) in line.iter_mut().zip(noise.row(stream)) {
            let added = if *value > SCANNED { noise * deviation } else { 0.0 };
            *value += added;
        }
    }
}

/// Rows of white noise of zero mean and unit variance: sums of two random bytes, which are
/// bell-shaped enough and several times cheaper than normal numbers.
struct Noise {
    bytes: Vec<u8>,
    values: Vec<f32>,
}

impl Noise {
    fn new(size: usize) -> Self {
        Self { bytes: vec![0; 2 * size], values: vec![0.0; size] }
    }

    fn row(&mut self, stream: &mut Stream) -> &[f32] {
        stream.fill(&mut self.bytes);
        let (first, second) = self.bytes.split_at(self.values.len());
        for ((value, first), second) in self.values.iter_mut().zip(first).zip(second) {
            let sum = i16::from(*first) + i16::from(*second) - 255;
            *value = f32::from(sum) * (1.0 / DEVIATION);
        }
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 640;

    /// Mean and standard deviation.
    fn moments(values: &[f32]) -> [f64; 2] {
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let square = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        [mean, square.sqrt()]
    }

    #[test]
    fn full_speckle_is_rayleigh() {
        let mut image = vec![0.2; SIZE * SIZE];
        multiply_speckle(&mut image, SIZE, 1.0, &mut Stream::new(&[1]));
        let [mean, deviation] = moments(&image);
        // Mean over deviation of a Rayleigh variable is 1.913.
        assert!((mean - 0.2).abs() < 0.003, "{mean}");
        assert!((mean / deviation - 1.913).abs() < 0.06, "{}", mean / deviation);
    }

    #[test]
    fn noise_has_its_deviation_and_leaves_black() {
        let mut image = vec![0.5; SIZE * SIZE];
        image[..SIZE].fill(0.0);
        add_noise(&mut image, SIZE, 0.02, &mut Stream::new(&[2]));
        assert!(image[..SIZE].iter().all(|&value| value == 0.0));
        let [mean, deviation] = moments(&image[SIZE..]);
        assert!((mean - 0.5).abs() < 5e-4 && (deviation - 0.02).abs() < 5e-4, "{mean} {deviation}");
    }
}
