//! Makes the encoder's input from a frame: resizes and normalises in one pass.

use crate::frame::luma;
use crate::resample::{Tap, lerp, taps};
use crate::{Frame, Pixels};
use uniultra_manifest::{Channels, Manifest, Normalization};

/// The form of the encoder's `image` input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpec {
    /// Side S of the square input, in pixels.
    pub image_size: usize,
    /// One gray channel, or red, green and blue.
    pub channels: Channels,
    /// Whether `(value - mean) / std` is computed here or in the encoder's graph.
    pub normalization: Normalization,
    /// Mean of red, green and blue, for values in 0..=1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, for values in 0..=1.
    pub std: [f32; 3],
}

impl InputSpec {
    /// The form of the input of a model pack's encoder.
    #[must_use]
    pub fn from_manifest(manifest: &Manifest) -> Self {
        Self {
            image_size: manifest.model.image_size,
            channels: manifest.model.channels,
            normalization: manifest.preprocess.normalization,
            mean: manifest.preprocess.mean,
            std: manifest.preprocess.std,
        }
    }

    /// Number of values of the input, C * S * S.
    #[must_use]
    pub fn values(&self) -> usize {
        self.channels.count() * self.image_size * self.image_size
    }
}

/// Why a frame could not be preprocessed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The buffer is not `[C, S, S]`.
    #[error("preprocess: expected room for {expected} values, found {found}")]
    Buffer {
        /// C * S * S.
        expected: usize,
        /// Length of the buffer.
        found: usize,
    },
}

/// Resizes a frame to S x S and normalises it, into `out` `[C, S, S]`.
///
/// Resizing follows SAM 2's transforms: bilinear in single precision, with half-pixel centres,
/// clamped at the edge, without antialiasing. It does not keep the aspect ratio, pad, or round to 8
/// bit (rounding moves logits by up to 2). Then it computes `(value - mean) / std` if the spec's
/// normalisation is [`Normalization::Runtime`]. A gray frame fills all three channels alike; a
/// colour frame fills a single channel with its luma, as [`Frame::gray`] defines it.
///
/// # Errors
/// [`PreprocessError::Buffer`] if `out` has another length than [`InputSpec::values`].
pub fn preprocess(frame: &Frame, spec: &InputSpec, out: &mut [f32]) -> Result<(), PreprocessError> {
    if out.len() != spec.values() {
        return Err(PreprocessError::Buffer { expected: spec.values(), found: out.len() });
    }
    let size = [frame.width(), frame.height()];
    let gray = spec.channels == Channels::Gray;
    match frame.pixels() {
        Pixels::Gray8(samples) => resize(samples, size, spec, out, |[v]| [byte(v)]),
        Pixels::Gray16(samples) => resize(samples, size, spec, out, |[v]| [word(v)]),
        Pixels::Rgb8(samples) if gray => {
            resize(samples, size, spec, out, |rgb| [luma(rgb.map(byte))]);
        }
        Pixels::Rgb16(samples) if gray => {
            resize(samples, size, spec, out, |rgb| [luma(rgb.map(word))]);
        }
        Pixels::Rgb8(samples) => resize(samples, size, spec, out, |rgb: [u8; 3]| rgb.map(byte)),
        Pixels::Rgb16(samples) => resize(samples, size, spec, out, |rgb: [u16; 3]| rgb.map(word)),
    }
    Ok(())
}

#[inline(always)]
fn byte(sample: u8) -> f32 {
    f32::from(sample) / 255.0
}

#[inline(always)]
fn word(sample: u16) -> f32 {
    f32::from(sample) / 65535.0
}

/// Resizes `C` planes, which `pick` makes from the `IN` samples of a pixel. Each plane fills a
/// channel of `out`; a single plane fills all of them.
fn resize<T: Copy, const IN: usize, const C: usize>(
    samples: &[T],
    [width, height]: [usize; 2],
    spec: &InputSpec,
    out: &mut [f32],
    pick: impl Fn([T; IN]) -> [f32; C],
) {
    let side = spec.image_size;
    let (pixels, _) = samples.as_chunks::<IN>();
    let columns = taps(width, side);
    let affine = affine(spec);
    let mut rows = RowPair::new(C * side);
    let mut line = vec![0.0; side];
    for (y, tap) in taps(height, side).into_iter().enumerate() {
        let [top, bottom] = rows.at(tap, |source_row, row| {
            let pixels = &pixels[source_row * width..(source_row + 1) * width];
            for (x, column) in columns.iter().enumerate() {
                let [lo, hi] = [column.lo, column.hi].map(|at| pick(pixels[at]));
                for c in 0..C {
                    row[c * side + x] = lerp(lo[c], hi[c], column.weight);
                }
            }
        });
        for c in 0..C {
            let plane = c * side..(c + 1) * side;
            for ((value, lo), hi) in line.iter_mut().zip(&top[plane.clone()]).zip(&bottom[plane]) {
                *value = lerp(*lo, *hi, tap.weight);
            }
            let channels = if C == 1 { 0..spec.channels.count() } else { c..c + 1 };
            for channel in channels {
                let [mean, inverse_std] = affine[channel];
                let start = (channel * side + y) * side;
                for (to, value) in out[start..start + side].iter_mut().zip(&line) {
                    *to = (value - mean) * inverse_std;
                }
            }
        }
    }
}

/// Mean and 1/std of each channel.
fn affine(spec: &InputSpec) -> [[f32; 2]; 3] {
    match spec.normalization {
        Normalization::Graph => [[0.0, 1.0]; 3],
        Normalization::Runtime => [0, 1, 2].map(|c| [spec.mean[c], 1.0 / spec.std[c]]),
    }
}

/// The two source rows around an output row, resized along x. Output rows come in order, so each
/// source row is resized at most once.
struct RowPair {
    rows: [Vec<f32>; 2],
    held: [Option<usize>; 2],
}

impl RowPair {
    fn new(length: usize) -> Self {
        Self { rows: [vec![0.0; length], vec![0.0; length]], held: [None; 2] }
    }

    fn at(&mut self, tap: Tap, fill: impl Fn(usize, &mut [f32])) -> [&[f32]; 2] {
        if self.held[1] == Some(tap.lo) {
            self.rows.swap(0, 1);
            self.held.swap(0, 1);
        }
        for (slot, wanted) in [tap.lo, tap.hi].into_iter().enumerate() {
            if self.held[slot] != Some(wanted) {
                fill(wanted, &mut self.rows[slot]);
                self.held[slot] = Some(wanted);
            }
        }
        [&self.rows[0], &self.rows[1]]
    }
}
