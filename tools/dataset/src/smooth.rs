//! Gaussian smoothing along both axes, row by row, so that it needs memory for a few rows only.

/// Taps on either side, in standard deviations.
const REACH: f32 = 2.5;

/// Smooths rows that come one after the other; the border is repeated outside.
pub(crate) struct Smoother {
    size: usize,
    across: Vec<f32>,
    down: Vec<f32>,
    /// The last `down.len()` rows, smoothed across; row `y` lies in slot `y % down.len()`.
    ring: Vec<f32>,
    /// Rows taken so far.
    taken: usize,
    /// A row with its border.
    padded: Vec<f32>,
}

impl Smoother {
    /// For a picture `[size, size]`, with Gaussians of standard deviations (along x, along y) in
    /// pixels.
    pub(crate) fn new(size: usize, sigma_px: [f32; 2]) -> Self {
        let [across, down] = sigma_px.map(kernel);
        let ring = vec![0.0; down.len() * size];
        let padded = vec![0.0; size + across.len() - 1];
        Self { size, across, down, ring, taken: 0, padded }
    }

    /// The row to take next, while output row `y` needs more.
    pub(crate) fn wants(&self, y: usize) -> Option<usize> {
        let last = (y + self.down.len() / 2).min(self.size - 1);
        (self.taken <= last).then_some(self.taken)
    }

    /// Takes the next row.
    pub(crate) fn take(&mut self, row: &[f32]) {
        let (size, radius) = (self.size, self.across.len() / 2);
        self.padded[..radius].fill(row[0]);
        self.padded[radius..radius + size].copy_from_slice(row);
        self.padded[radius + size..].fill(row[size - 1]);
        let slot = self.taken % self.down.len() * size;
        let starts: Vec<usize> = (0..self.across.len()).collect();
        weigh(&mut self.ring[slot..slot + size], &self.across, &self.padded, &starts);
        self.taken += 1;
    }

    /// Writes row `y`. Rows are given in order, each as soon as it wants no more.
    pub(crate) fn give(&self, y: usize, to: &mut [f32]) {
        let taps = self.down.len();
        let row = |tap: usize| (y + tap).saturating_sub(taps / 2).min(self.size - 1);
        let starts: Vec<usize> = (0..taps).map(|tap| row(tap) % taps * self.size).collect();
        weigh(to, &self.down, &self.ring, &starts);
    }

    /// The factor by which the standard deviation of white noise shrinks.
    pub(crate) fn noise_left(&self) -> f32 {
        let energy = |kernel: &[f32]| kernel.iter().map(|k| k * k).sum::<f32>();
        (energy(&self.across) * energy(&self.down)).sqrt()
    }
}

/// Smooths a picture `[size, size]` in place.
pub(crate) fn blur(image: &mut [f32], size: usize, sigma_px: f32) {
    let mut smoother = Smoother::new(size, [sigma_px; 2]);
    for y in 0..size {
        while let Some(next) = smoother.wants(y) {
            smoother.take(&image[next * size..(next + 1) * size]);
        }
        smoother.give(y, &mut image[y * size..(y + 1) * size]);
    }
}

/// An odd number of weights that sum to 1.
fn kernel(sigma_px: f32) -> Vec<f32> {
    if sigma_px <= 0.0 {
        return vec![1.0];
    }
    let radius = (REACH * sigma_px).ceil().max(1.0) as i32;
    let weight = |at: i32| (-0.5 * (at as f32 / sigma_px).powi(2)).exp();
    let total: f32 = (-radius..=radius).map(weight).sum();
    (-radius..=radius).map(|at| weight(at) / total).collect()
}

/// Writes the weighted sum of the rows that begin at `starts`. The sums of some columns at a time
/// stay in registers.
fn weigh(to: &mut [f32], weights: &[f32], rows: &[f32], starts: &[usize]) {
    const COLUMNS: usize = 32;
    let (blocks, rest) = to.as_chunks_mut::<COLUMNS>();
    let done = blocks.len() * COLUMNS;
    for (block, to) in blocks.iter_mut().enumerate() {
        let mut sums = [0.0; COLUMNS];
        for (weight, start) in weights.iter().zip(starts) {
            let from = &rows[start + block * COLUMNS..][..COLUMNS];
            for (sum, value) in sums.iter_mut().zip(from) {
                *sum += value * weight;
            }
        }
        *to = sums;
    }
    for (at, to) in rest.iter_mut().enumerate() {
        let terms = weights.iter().zip(starts).map(|(w, start)| rows[start + done + at] * w);
        *to = terms.sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_gray_stays_and_a_dot_spreads_as_a_gaussian() {
        let mut even = vec![0.7; 40 * 40];
        blur(&mut even, 40, 1.3);
        assert!(even.iter().all(|value| (value - 0.7).abs() < 1e-6));
        let mut dot = vec![0.0; 41 * 41];
        dot[20 * 41 + 20] = 1.0;
        blur(&mut dot, 41, 1.0);
        let at = |dx: usize, dy: usize| dot[(20 + dy) * 41 + 20 + dx];
        // Cut at three standard deviations: almost nothing lies outside.
        assert!((at(0, 0) - 0.1592).abs() < 2e-3, "{}", at(0, 0));
        assert!((at(1, 0) / at(0, 0) - (-0.5_f32).exp()).abs() < 1e-5);
        assert!((at(1, 1) / at(0, 0) - (-1.0_f32).exp()).abs() < 1e-5);
        assert!((dot.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn every_size_is_smoothed_alike() {
        // Block and rest, and a kernel higher than the picture.
        for size in [1, 2, 7, 32, 33, 70] {
            let mut picture: Vec<f32> = (0..size * size).map(|i| (i % size) as f32).collect();
            let before = picture.clone();
            blur(&mut picture, size, 1.0);
            for (at, (after, before)) in picture.iter().zip(&before).enumerate() {
                let x = at % size;
                if (3..size.saturating_sub(3)).contains(&x) {
                    assert!((after - before).abs() < 1e-4, "{size}: a ramp stays a ramp");
                }
            }
        }
    }
}
