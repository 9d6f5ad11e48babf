//! Makes the picture from the envelope: log compression, scan conversion, gray map.

use crate::acquire::Envelope;
use crate::anatomy::Anatomy;
use crate::geometry::{Geometry, GeometryKind};
use crate::stream::Stream;
use image::{GrayImage, Luma};

/// The console's settings for showing echoes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Display {
    /// Echo range from black to white, dB.
    pub(crate) dynamic_range_db: f32,
    /// Gray level (0 to 1) of an echo of 0 dB.
    pub(crate) reference_gray: f32,
    /// Exponent of the gray map.
    pub(crate) gamma: f32,
    /// Standard deviation of the smoothing of the picture, px; 0 for none.
    pub(crate) smoothing_px: f32,
    /// Strength of edge enhancement; 0 for none.
    pub(crate) sharpening: f32,
}

impl Display {
    /// Random settings.
    pub(crate) fn random(kind: GeometryKind, stream: &mut Stream) -> Self {
        Self {
            dynamic_range_db: stream.uniform(45.0, 70.0),
            // Deep scans are mostly weak echoes and are turned up.
            reference_gray: stream.uniform(0.4, 0.56)
                + if kind == GeometryKind::Linear { 0.0 } else { 0.06 },
            gamma: stream.uniform(0.9, 1.35),
            smoothing_px: if stream.chance(0.6) { stream.uniform(0.4, 1.0) } else { 0.0 },
            sharpening: if stream.chance(0.3) { stream.uniform(0.2, 0.6) } else { 0.0 },
        }
    }

    /// Random settings for scenes with organs: darker and more varied than [`Display::random`].
    pub(crate) fn of_organs(anatomy: Anatomy, stream: &mut Stream) -> Self {
        // The heart is shown brighter than most.
        let brighter = if anatomy == Anatomy::Heart { 0.08 } else { 0.0 };
        Self {
            dynamic_range_db: stream.uniform(42.0, 72.0),
            reference_gray: stream.uniform(0.38, 0.6) + brighter,
            gamma: stream.uniform(0.85, 1.5),
            smoothing_px: if stream.chance(0.6) { stream.uniform(0.4, 1.2) } else { 0.0 },
            sharpening: if stream.chance(0.3) { stream.uniform(0.2, 0.7) } else { 0.0 },
        }
    }

    /// The same settings with a gain that makes the picture neither very dark nor very bright, as a
    /// sonographer would choose it.
    pub(crate) fn exposed(self, envelope: &Envelope) -> Self {
        const MEAN: [f32; 2] = [0.13, 0.55];
        const EVERY: usize = 7;
        let (mut sum, mut count) = (0.0, 0.0);
        for &value in envelope.values.iter().step_by(EVERY) {
            sum += self.level(value).powf(self.gamma);
            count += 1.0;
        }
        let mean = sum / f32::max(count, 1.0);
        let missing = mean.clamp(MEAN[0], MEAN[1]) - mean;
        Self { reference_gray: self.reference_gray + 1.5 * missing, ..self }
    }

    fn level(&self, value: f32) -> f32 {
        let db = 20.0 * value.max(1e-9).log10();
        (self.reference_gray + db / self.dynamic_range_db).clamp(0.0, 1.0)
    }

    /// Gray levels 0 to 1 of the envelope, `[samples, beams]`.
    fn compress(&self, envelope: &Envelope) -> Vec<f32> {
        envelope.values.iter().map(|&value| self.level(value)).collect()
    }

    /// The picture: black wherever nothing is scanned; `scan` is that of the geometry.
    pub(crate) fn show(
        &self,
        envelope: &Envelope,
        geometry: &Geometry,
        scan: &[Option<(f32, f32)>],
    ) -> GrayImage {
        let gray = self.compress(envelope);
        let width = geometry.width_px as usize;
        let scanned: Vec<bool> = scan.iter().map(Option::is_some).collect();
        let mut picture: Vec<f32> = scan
            .iter()
            .map(|place| {
                let Some((lateral, depth)) = *place else { return 0.0 };
                let beam = 0.5 * (lateral + 1.0) * envelope.beams as f32 - 0.5;
                let sample = depth / geometry.depth_mm * envelope.samples as f32 - 0.5;
                bilinear(&gray, envelope, beam, sample)
            })
            .collect();
        if self.smoothing_px > 0.0 {
            picture = smooth(&picture, &scanned, width, self.smoothing_px);
        }
        if self.sharpening > 0.0 {
            let soft = smooth(&picture, &scanned, width, 2.0);
            for (value, soft) in picture.iter_mut().zip(soft) {
                *value += self.sharpening * (*value - soft);
            }
        }
        GrayImage::from_fn(geometry.width_px, geometry.height_px, |column, row| {
            let at = row as usize * width + column as usize;
            let level =
                if scanned[at] { picture[at].clamp(0.0, 1.0).powf(self.gamma) } else { 0.0 };
            Luma([(255.0 * level).round() as u8])
        })
    }
}

fn bilinear(gray: &[f32], envelope: &Envelope, beam: f32, sample: f32) -> f32 {
    let beam = beam.clamp(0.0, (envelope.beams - 1) as f32);
    let sample = sample.clamp(0.0, (envelope.samples - 1) as f32);
    let (b0, s0) = (beam as usize, sample as usize);
    let (b1, s1) = ((b0 + 1).min(envelope.beams - 1), (s0 + 1).min(envelope.samples - 1));
    let (fb, fs) = (beam - b0 as f32, sample - s0 as f32);
    let at = |s: usize, b: usize| gray[s * envelope.beams + b];
    let upper = at(s0, b0) + fb * (at(s0, b1) - at(s0, b0));
    let lower = at(s1, b0) + fb * (at(s1, b1) - at(s1, b0));
    upper + fs * (lower - upper)
}

/// Gaussian smoothing among scanned pixels only: the black surround doesn't bleed in.
fn smooth(picture: &[f32], scanned: &[bool], width: usize, sigma: f32) -> Vec<f32> {
    let half = (2.5 * sigma).ceil() as isize;
    let weights: Vec<f32> = (-half..=half)
        .map(|offset| (-0.5 * (offset as f32 / sigma) * (offset as f32 / sigma)).exp())
        .collect();
    let height = (picture.len() / width) as isize;
    let width = width as isize;
    let pass = |source: &[f32], step_x: isize, step_y: isize| -> Vec<f32> {
        let mut out = vec![0.0; source.len()];
        for row in 0..height {
            for column in 0..width {
                let at = (row * width + column) as usize;
                if !scanned[at] {
                    continue;
                }
                let (mut sum, mut total) = (0.0, 0.0);
                for (weight, offset) in weights.iter().zip(-half..=half) {
                    let (x, y) = (column + offset * step_x, row + offset * step_y);
                    if x < 0 || y < 0 || x >= width || y >= height {
                        continue;
                    }
                    let from = (y * width + x) as usize;
                    if scanned[from] {
                        sum += weight * source[from];
                        total += weight;
                    }
                }
                out[at] = sum / total;
            }
        }
        out
    };
    let across = pass(picture, 1, 0);
    pass(&across, 0, 1)
}
