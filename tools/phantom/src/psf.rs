//! The point-spread function: convolution of complex echoes on the (depth, beam) grid.
//!
//! The axial pulse's envelope is Gaussian and lengthens a little with depth, as attenuation takes
//! the high frequencies. The lateral beam is Gaussian, narrowest at the focus, over a faint broad
//! pedestal (side lobes). Both kernels have unit energy, so that the mean echo power of random
//! scatterers stays that of the tissue at every depth.

use crate::geometry::hypot;

/// Complex echoes on the acquisition grid, row by row from the probe down: `[samples, beams]`.
#[derive(Clone, Debug)]
pub(crate) struct Echoes {
    /// Beams (columns).
    pub(crate) beams: usize,
    /// Depth samples (rows).
    pub(crate) samples: usize,
    /// Real parts.
    pub(crate) re: Vec<f32>,
    /// Imaginary parts.
    pub(crate) im: Vec<f32>,
}

impl Echoes {
    /// Silence.
    pub(crate) fn silent(beams: usize, samples: usize) -> Self {
        let zeros = vec![0.0; beams * samples];
        Self { beams, samples, re: zeros.clone(), im: zeros }
    }

    /// Convolves every row with the beam of its depth; `width` gives its standard deviation in
    /// beams, `pedestal` the amplitude of the side lobes relative to the main lobe.
    pub(crate) fn blur_lateral(&mut self, width: impl Fn(usize) -> f32, pedestal: f32) {
        let mut padded = Vec::new();
        for sample in 0..self.samples {
            let kernel = beam_kernel(width(sample), pedestal, self.beams - 1);
            let row = sample * self.beams..(sample + 1) * self.beams;
            convolve_row(&mut self.re[row.clone()], &kernel, &mut padded);
            convolve_row(&mut self.im[row], &kernel, &mut padded);
        }
    }

    /// Convolves every column with the pulse; `length` gives its standard deviation in samples.
    pub(crate) fn blur_axial(&mut self, length: impl Fn(usize) -> f32) {
        let kernels: Vec<Vec<f32>> = (0..self.samples)
            .map(|sample| gaussian_kernel(length(sample), 3.0, self.samples - 1))
            .collect();
        for plane in [&mut self.re, &mut self.im] {
            let mut out = vec![0.0; plane.len()];
            for (sample, row) in out.chunks_exact_mut(self.beams).enumerate() {
                let kernel = &kernels[sample];
                let half = kernel.len() / 2;
                for (tap, &weight) in kernel.iter().enumerate() {
                    let from =
                        mirrored(sample as isize + tap as isize - half as isize, self.samples);
                    let source = &plane[from * self.beams..(from + 1) * self.beams];
                    for (value, &echo) in row.iter_mut().zip(source) {
                        *value += weight * echo;
                    }
                }
            }
            *plane = out;
        }
    }

    /// The envelope: the magnitude of the complex echoes.
    pub(crate) fn envelope(&self) -> Vec<f32> {
        self.re.iter().zip(&self.im).map(|(re, im)| hypot(*re, *im)).collect()
    }
}

/// A Gaussian of unit energy out to `reach` standard deviations, at most `longest` taps a side.
fn gaussian_kernel(sigma: f32, reach: f32, longest: usize) -> Vec<f32> {
    let half = ((reach * sigma).ceil() as usize).clamp(1, longest);
    let mut kernel: Vec<f32> = (0..=2 * half)
        .map(|tap| {
            let ratio = (tap as f32 - half as f32) / sigma;
            (-0.5 * ratio * ratio).exp()
        })
        .collect();
    normalise(&mut kernel);
    kernel
}

fn beam_kernel(sigma: f32, pedestal: f32, longest: usize) -> Vec<f32> {
    const PEDESTAL_WIDTH: f32 = 4.0;
    let reach = if pedestal > 0.0 { 1.5 * PEDESTAL_WIDTH } else { 3.0 };
    let mut kernel = gaussian_kernel(sigma, reach, longest.min(64));
    let half = (kernel.len() / 2) as f32;
    let peak = kernel[kernel.len() / 2];
    for (tap, weight) in kernel.iter_mut().enumerate() {
        let ratio = (tap as f32 - half) / (PEDESTAL_WIDTH * sigma);
        *weight += pedestal * peak * (-0.5 * ratio * ratio).exp();
    }
    normalise(&mut kernel);
    kernel
}

fn normalise(kernel: &mut [f32]) {
    let energy: f32 = kernel.iter().map(|w| w * w).sum();
    let scale = 1.0 / energy.sqrt();
    kernel.iter_mut().for_each(|w| *w *= scale);
}

fn convolve_row(row: &mut [f32], kernel: &[f32], padded: &mut Vec<f32>) {
    let half = (kernel.len() / 2) as isize;
    let count = row.len();
    padded.clear();
    padded.extend((-half..count as isize + half).map(|i| row[mirrored(i, count)]));
    row.fill(0.0);
    for (tap, &weight) in kernel.iter().enumerate() {
        for (value, &echo) in row.iter_mut().zip(&padded[tap..tap + count]) {
            *value += weight * echo;
        }
    }
}

/// Index reflected at both ends, so that the borders are as bright as the middle.
fn mirrored(index: isize, count: usize) -> usize {
    let last = count as isize - 1;
    let inside = if index < 0 { -index } else { index };
    let inside = if inside > last { 2 * last - inside } else { inside };
    inside.clamp(0, last) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_unit_energy_and_are_symmetric() {
        for kernel in [gaussian_kernel(1.7, 3.0, 99), beam_kernel(2.2, 0.03, 99)] {
            let energy: f32 = kernel.iter().map(|w| w * w).sum();
            assert!((energy - 1.0).abs() < 1e-5);
            let mut reversed = kernel.clone();
            reversed.reverse();
            assert!(kernel.iter().zip(&reversed).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }

    #[test]
    fn a_point_spreads_wider_where_the_beam_is_wider() {
        let mut echoes = Echoes::silent(101, 3);
        for sample in 0..3 {
            echoes.re[sample * 101 + 50] = 1.0;
        }
        let width = [1.0, 2.0, 4.0];
        echoes.blur_lateral(|sample| width[sample], 0.0);
        for (sample, row) in echoes.re.chunks_exact(101).enumerate() {
            let wide = row.iter().filter(|&&v| v > 0.5 * row[50]).count() as f32;
            // Full width at half maximum of a Gaussian: 2.355 standard deviations.
            assert!((wide - 2.355 * width[sample]).abs() <= 1.5, "{sample}: {wide}");
        }
    }
}
