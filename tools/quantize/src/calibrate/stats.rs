//! What calibration keeps of a tensor: extremes, a histogram of magnitudes, and a few whole rows.

use crate::QuantizeError;
use uniultra_engine::ProbeTensor;

/// Bins of a histogram. Its range is a power of two that doubles, pairs of bins merging, when a value
/// falls outside; so at least half of the bins are below the largest magnitude.
pub(crate) const BINS: usize = 4096;

/// Rows kept for bias correction and equalisation, about: each run gives an even share of them.
const MAX_ROWS: usize = 4096;
/// Rows kept of one run at least.
const MIN_ROWS_PER_RUN: usize = 4;

/// Which axis holds a tensor's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelAxis {
    /// `[.., C]`.
    Last,
    /// `[C, ..]`.
    First,
    /// `[1, C, H, W]`.
    Second,
}

/// Statistics of one tensor over all runs.
#[derive(Clone, Debug)]
pub(crate) struct TensorStats {
    axis: ChannelAxis,
    /// Rows kept of one run, evenly spaced: no frame crowds out the others.
    rows_per_run: usize,
    /// Values seen.
    pub(crate) count: u64,
    pub(crate) min: f32,
    pub(crate) max: f32,
    /// Largest magnitude of each channel.
    pub(crate) channel_largest: Vec<f32>,
    /// Sum of squares of each channel.
    squares: Vec<f64>,
    /// Upper end of the histogram.
    range: f32,
    pub(crate) bins: Vec<u64>,
    /// `[rows, C]`.
    pub(crate) rows: Vec<f32>,
}

impl TensorStats {
    /// Statistics of about that many `runs`.
    pub(crate) fn new(axis: ChannelAxis, runs: usize) -> Self {
        Self {
            axis,
            rows_per_run: (MAX_ROWS / runs.max(1)).max(MIN_ROWS_PER_RUN),
            count: 0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            channel_largest: Vec::new(),
            squares: Vec::new(),
            range: f32::MIN_POSITIVE,
            bins: vec![0; BINS],
            rows: Vec::new(),
        }
    }

    /// Adds what one run gave. `name` is for messages.
    pub(crate) fn add(&mut self, name: &str, tensor: &ProbeTensor) -> Result<(), QuantizeError> {
        if let Some(found) = tensor.values.iter().find(|value| !value.is_finite()) {
            let what = format!("activation `{name}`");
            return Err(QuantizeError::NotFinite { what, found: *found });
        }
        let (channels, inner) = self.layout(&tensor.shape);
        if self.channel_largest.is_empty() {
            self.channel_largest = vec![0.0; channels];
            self.squares = vec![0.0; channels];
        }
        let mut largest = 0.0_f32;
        for (at, &value) in tensor.values.iter().enumerate() {
            let channel = at / inner % channels;
            let magnitude = value.abs();
            largest = largest.max(magnitude);
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.channel_largest[channel] = self.channel_largest[channel].max(magnitude);
            self.squares[channel] += f64::from(value) * f64::from(value);
        }
        self.count += tensor.values.len() as u64;
        self.widen(largest);
        let per_value = BINS as f32 / self.range;
        for &value in &tensor.values {
            let bin = (value.abs() * per_value) as usize;
            self.bins[bin.min(BINS - 1)] += 1;
        }
        self.keep_rows(&tensor.values, channels, inner);
        Ok(())
    }

    /// Number of channels, and of values from one to the next.
    fn layout(&self, shape: &[usize]) -> (usize, usize) {
        let axis = match self.axis {
            ChannelAxis::Last => shape.len().saturating_sub(1),
            ChannelAxis::First => 0,
            ChannelAxis::Second => 1,
        };
        let channels = shape.get(axis).copied().unwrap_or(1).max(1);
        let inner: usize = shape.iter().skip(axis + 1).product();
        (channels, inner.max(1))
    }

    /// Doubles the range until `largest` is inside.
    fn widen(&mut self, largest: f32) {
        while largest >= self.range {
            self.range *= 2.0;
            for bin in 0..BINS / 2 {
                self.bins[bin] = self.bins[2 * bin] + self.bins[2 * bin + 1];
            }
            self.bins[BINS / 2..].fill(0);
        }
    }

    fn keep_rows(&mut self, values: &[f32], channels: usize, inner: usize) {
        let rows = values.len() / channels;
        let kept = self.rows_per_run.min(rows);
        for row in (0..kept).map(|i| i * rows / kept) {
            // Row `row` of an array with the channels in the middle.
            let (outer, rest) = (row / inner, row % inner);
            let at = |channel: usize| (outer * channels + channel) * inner + rest;
            self.rows.extend((0..channels).map(|channel| values[at(channel)]));
        }
    }

    /// Largest magnitude.
    pub(crate) fn largest(&self) -> f32 {
        self.channel_largest.iter().fold(0.0, |largest: f32, v| largest.max(*v))
    }

    /// Mean square of each channel.
    pub(crate) fn mean_squares(&self) -> Vec<f64> {
        let per_channel = self.count as f64 / self.squares.len().max(1) as f64;
        self.squares.iter().map(|sum| sum / per_channel.max(1.0)).collect()
    }

    /// Values in the histogram: all that were seen, or those of the rows kept.
    pub(crate) fn in_bins(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// Width of a bin.
    pub(crate) fn bin_width(&self) -> f32 {
        self.range / BINS as f32
    }

    /// The same statistics of the tensor with each channel divided by `by`: what is known of the
    /// whole is known of the rows alone then, so the histogram is made of those.
    pub(crate) fn divided(&self, by: &[f32]) -> Self {
        let channels = by.len();
        let rows: Vec<f32> =
            self.rows.iter().enumerate().map(|(at, v)| v / by[at % channels]).collect();
        let mut divided = Self::new(ChannelAxis::Last, 1);
        let shape = vec![rows.len() / channels.max(1), channels];
        // Finite by construction; an error could only repeat one that was reported already.
        let _ = divided.add("", &ProbeTensor { shape, values: rows.clone() });
        divided.rows = rows;
        for (channel, by) in by.iter().enumerate() {
            divided.channel_largest[channel] = self.channel_largest[channel] / by;
            let square = f64::from(*by) * f64::from(*by);
            divided.squares[channel] = self.squares[channel] / square;
        }
        divided.count = self.count;
        divided
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tensor(shape: &[usize], values: Vec<f32>) -> ProbeTensor {
        ProbeTensor { shape: shape.to_vec(), values }
    }

    proptest! {
        #[test]
        fn the_histogram_does_not_depend_on_how_values_arrive(
            values in prop::collection::vec(-50.0_f32..50.0, 1..200), cut in 0_usize..200,
        ) {
            let cut = cut.min(values.len());
            let mut whole = TensorStats::new(ChannelAxis::Last, 1);
            whole.add("x", &tensor(&[values.len(), 1], values.clone())).unwrap();
            let mut parts = TensorStats::new(ChannelAxis::Last, 1);
            for part in [&values[..cut], &values[cut..]] {
                if !part.is_empty() {
                    parts.add("x", &tensor(&[part.len(), 1], part.to_vec())).unwrap();
                }
            }
            prop_assert_eq!(parts.range, whole.range);
            prop_assert_eq!(parts.largest(), whole.largest());
            prop_assert_eq!(parts.bins, whole.bins);
        }
    }

    #[test]
    fn channels_are_told_apart_on_every_axis() {
        let cases = [
            (ChannelAxis::Last, vec![2, 2], vec![1.0, -4.0, 2.0, 3.0]),
            (ChannelAxis::First, vec![2, 2], vec![1.0, 2.0, -4.0, 3.0]),
            (ChannelAxis::Second, vec![1, 2, 1, 2], vec![1.0, 2.0, -4.0, 3.0]),
        ];
        for (axis, shape, values) in cases {
            let mut stats = TensorStats::new(axis, 1);
            stats.add("x", &tensor(&shape, values)).unwrap();
            assert_eq!(stats.channel_largest, [2.0, 4.0], "{axis:?}");
            assert_eq!(stats.mean_squares(), [2.5, 12.5], "{axis:?}");
            assert_eq!(stats.rows, [1.0, -4.0, 2.0, 3.0], "{axis:?}");
        }
    }

    #[test]
    fn nan_is_refused_by_name() {
        let mut stats = TensorStats::new(ChannelAxis::Last, 1);
        let problem = stats.add("blocks.0/x", &tensor(&[1, 2], vec![0.0, f32::NAN])).unwrap_err();
        assert!(problem.to_string().contains("`blocks.0/x`"), "{problem}");
    }
}
