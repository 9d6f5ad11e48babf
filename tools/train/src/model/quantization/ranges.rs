//! The range that the 8 bits of a tensor cover. It follows the tensors that training sees.

use super::STEPS;
use crate::batch;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use tch::Tensor;

/// The widest range that a step saw, by layer.
pub type Observed = BTreeMap<String, f32>;

/// Values of a tensor that are looked at, about.
const SAMPLE: i64 = 16_384;
/// Bins of the histogram of their magnitudes.
const BINS: usize = 1024;
/// Ranges that are tried: this many shares of the largest magnitude.
const CANDIDATES: usize = 64;
/// A tensor below is zero.
const TINY: f32 = 1e-12;

/// A range in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// The magnitude that 127 steps reach.
    pub(super) value: f32,
    /// Observations that went in.
    count: f32,
}

impl Range {
    pub(super) fn first(value: f32) -> Self {
        Self { value, count: 1.0 }
    }

    /// A range from a checkpoint. It counts as much as a range from any other past.
    pub(super) fn known(values: &[f32]) -> Result<Self> {
        let &[value] = values else { anyhow::bail!("expected one value, found {}", values.len()) };
        ensure!(value.is_finite() && value > 0.0, "expected a positive number, found {value}");
        Ok(Self { value, count: f32::from(u16::MAX) })
    }

    /// The mean of the first observations, then a running mean with the weight `decay` of the past.
    pub(super) fn follow(&mut self, seen: f32, decay: f64) {
        let past = (f64::from(self.count) / (f64::from(self.count) + 1.0)).min(decay);
        // Rounded each time: a state on disk holds all there is.
        self.value = (f64::from(self.value) * past + f64::from(seen) * (1.0 - past)) as f32;
        self.count = (self.count + 1.0).min(f32::from(u16::MAX));
    }

    pub(super) fn tensor(self) -> Tensor {
        Tensor::from_slice(&[self.value, self.count])
    }

    pub(super) fn from_tensor(tensor: &Tensor) -> Result<Self> {
        let values = batch::host(tensor);
        let &[value, count] = values.as_slice() else {
            anyhow::bail!("expected two values, found {}", values.len());
        };
        ensure!(
            value.is_finite() && value > 0.0 && count >= 1.0,
            "expected a positive range and a count, found {value} and {count}"
        );
        Ok(Self { value, count })
    }
}

/// The range with the least square error of 8 bits, as the quantizer's `mse` observer finds it,
/// from a sample of the values. `None` for a tensor without finite values, or of zeros.
pub(super) fn mse_range(x: &Tensor) -> Option<f32> {
    let flat = x.detach().reshape([-1]);
    let count = flat.size()[0];
    let channels = x.size().last().copied().unwrap_or(1);
    let mut stride = (count / SAMPLE).max(1);
    // A stride that shares a factor with the channels would leave some of them out.
    while stride > 1 && greatest_common_divisor(stride, channels) > 1 {
        stride += 1;
    }
    let sample = batch::host(&flat.slice(0, 0, count, stride).abs());
    let largest = sample.iter().copied().fold(0.0, f32::max);
    if !(largest.is_finite() && largest > TINY) {
        return None;
    }
    let mut bins = [0_u32; BINS];
    let per_value = BINS as f32 / largest;
    for value in sample {
        bins[((value * per_value) as usize).min(BINS - 1)] += 1;
    }
    let ranges = (1..=CANDIDATES).rev().map(|step| largest * step as f32 / CANDIDATES as f32);
    let scored = ranges.map(|range| (square_error(&bins, largest, range), range));
    // The first of equals is the widest.
    scored.reduce(|best, other| if other.0 < best.0 { other } else { best }).map(|(_, range)| range)
}

/// Sum of the squared errors of rounding to the steps of `range` and of clipping what is beyond it.
fn square_error(bins: &[u32; BINS], largest: f32, range: f32) -> f32 {
    let (width, step) = (largest / BINS as f32, range / STEPS);
    let mut sum = 0.0;
    for (bin, &count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let value = (bin as f32 + 0.5) * width;
        let error = if value >= range {
            (value - range) * (value - range)
        } else if width >= step {
            // Rounding of values spread over a whole bin.
            step * step / 12.0
        } else {
            let off = value - (value / step).round() * step;
            off * off + width * width / 12.0
        };
        sum += error * count as f32;
    }
    sum
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn an_outlier_is_let_go_and_even_values_are_covered() {
        let even = Tensor::linspace(-1.0, 1.0, 16_000, (Kind::Float, Device::Cpu));
        let range = mse_range(&even).unwrap();
        assert!((0.97..=1.0).contains(&range), "{range}");
        // One value of 3 in 16,000 costs 4/16,000 if it saturates at 1; steps of 3/127 cost 4.6e-5.
        let normal = Tensor::cat(&[even * 0.01, Tensor::from_slice(&[3.0_f32])], 0);
        let range = mse_range(&normal).unwrap();
        assert!((0.5..=3.0).contains(&range), "{range}");
        assert!(mse_range(&Tensor::zeros([4, 4], (Kind::Float, Device::Cpu))).is_none());
        assert!(mse_range(&Tensor::from_slice(&[1.0, f32::NAN, f32::INFINITY])).is_none());
    }

    #[test]
    fn every_channel_of_a_large_tensor_is_seen() {
        // One of 17 channels is large; a stride of 17 would miss it.
        let mut values = vec![0.1_f32; 17 * 20_000];
        values.iter_mut().skip(5).step_by(17).for_each(|value| *value = 2.0);
        let range = mse_range(&Tensor::from_slice(&values).reshape([-1, 17])).unwrap();
        assert!(range > 1.9, "{range}");
    }

    #[test]
    fn ranges_follow_and_their_state_is_all_there_is() {
        let mut range = Range::first(1.0);
        range.follow(3.0, 0.9);
        assert_eq!(range.value, 2.0, "the mean of two");
        for _ in 0..50 {
            range.follow(3.0, 0.9);
        }
        assert!(range.value > 2.97 && range.value < 3.0);
        let mut back = Range::from_tensor(&range.tensor()).unwrap();
        range.follow(0.3, 0.9);
        back.follow(0.3, 0.9);
        assert_eq!(range, back);
        assert!(Range::from_tensor(&Tensor::from_slice(&[0.0_f32, 1.0])).is_err());
        assert!(Range::known(&[f32::NAN]).is_err() && Range::known(&[1.0, 2.0]).is_err());
    }
}
