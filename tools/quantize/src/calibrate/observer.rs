//! From what was seen of a tensor to the range that its 8 bits cover.

use super::stats::TensorStats;
use crate::config::{Observer, QuantizeConfig};

/// Steps to one side of zero: -128 is left to saturation alone, so that both sides are alike.
pub(crate) const STEPS: f32 = 127.0;

/// Ranges that are tried: this many shares of the largest magnitude.
const CANDIDATES: usize = 128;

/// Bins that 8 bits have on one side of zero.
const LEVELS: usize = 128;

/// The scale of a tensor: its range over [`STEPS`]. 1 for a tensor that is zero throughout.
pub(crate) fn scale(stats: &TensorStats, config: &QuantizeConfig) -> f32 {
    let range = match config.observer {
        Observer::MinMax => stats.largest(),
        Observer::Percentile => percentile(stats, f64::from(config.percentile)),
        Observer::Mse => least(stats, &|range| mean_square_error(stats, range)),
        Observer::Entropy => least(stats, &|range| divergence(stats, range)),
    };
    let scale = range / STEPS;
    if scale.is_normal() { scale } else { 1.0 }
}

/// The magnitude that `percent` of the values do not exceed, to the width of a bin.
fn percentile(stats: &TensorStats, percent: f64) -> f32 {
    let wanted = stats.in_bins() as f64 * percent / 100.0;
    let mut seen = 0;
    for (bin, count) in stats.bins.iter().enumerate() {
        seen += count;
        if seen as f64 >= wanted {
            return ((bin + 1) as f32 * stats.bin_width()).min(stats.largest());
        }
    }
    stats.largest()
}

/// The range with the least `loss`; the widest of equals.
fn least(stats: &TensorStats, loss: &dyn Fn(f32) -> f64) -> f32 {
    let largest = stats.largest();
    let ranges = (1..=CANDIDATES).rev().map(|step| largest * step as f32 / CANDIDATES as f32);
    let scored = ranges.map(|range| (loss(range), range));
    let best = scored.reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.map_or(largest, |(_, range)| range)
}

/// Mean square error of rounding and saturation.
pub(crate) fn mean_square_error(stats: &TensorStats, range: f32) -> f64 {
    let step = f64::from(range / STEPS);
    let count = stats.in_bins();
    if step <= 0.0 || count == 0 {
        return 0.0;
    }
    let width = f64::from(stats.bin_width());
    let mut sum = 0.0;
    for (bin, &values) in stats.bins.iter().enumerate().filter(|(_, values)| **values > 0) {
        let value = (bin as f64 + 0.5) * width;
        let error = if value >= f64::from(range) {
            (value - f64::from(range)).powi(2)
        } else if width >= step {
            // Rounding of values spread over a whole bin.
            step * step / 12.0
        } else {
            let rounded = (value / step).round() * step;
            (value - rounded).powi(2) + width * width / 12.0
        };
        sum += error * values as f64;
    }
    sum / count as f64
}

/// Kullback-Leibler divergence of the histogram after saturation at `range` and merging into 8-bit
/// levels, from the one before merging.
fn divergence(stats: &TensorStats, range: f32) -> f64 {
    let kept = ((range / stats.bin_width()).round() as usize).clamp(LEVELS, stats.bins.len());
    // The first bin is left out of the sum: zeros, e.g. behind a ReLU, are exact at any scale.
    let mut reference: Vec<f64> = stats.bins[..kept].iter().map(|&count| count as f64).collect();
    let outside: u64 = stats.bins[kept..].iter().sum();
    let inside = reference.clone();
    if let Some(last) = reference.last_mut() {
        *last += outside as f64;
    }
    let mut merged = vec![0.0; kept];
    for level in 0..LEVELS {
        let bins = level * kept / LEVELS..(level + 1) * kept / LEVELS;
        let filled = inside[bins.clone()].iter().filter(|count| **count > 0.0).count();
        let mean = inside[bins.clone()].iter().sum::<f64>() / filled.max(1) as f64;
        for bin in bins.filter(|&bin| inside[bin] > 0.0) {
            merged[bin] = mean;
        }
    }
    let (total, merged_total): (f64, f64) = (reference[1..].iter().sum(), merged[1..].iter().sum());
    if total <= 0.0 || merged_total <= 0.0 {
        return f64::INFINITY;
    }
    let terms = reference.iter().zip(&merged).skip(1).filter(|(p, _)| **p > 0.0).map(|(p, q)| {
        let p = p / total;
        // A level that saturation alone fills: as unlikely as a count of one thousandth.
        let q = (q / merged_total).max(1e-3 / total);
        p * (p / q).ln()
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::stats::ChannelAxis;
    use uniultra_engine::ProbeTensor;

    fn seen(values: Vec<f32>) -> TensorStats {
        let mut stats = TensorStats::new(ChannelAxis::Last, 1);
        stats.add("x", &ProbeTensor { shape: vec![values.len(), 1], values }).unwrap();
        stats
    }

    /// Values spread evenly over -1..1, and one of 100.
    fn with_outlier() -> TensorStats {
        let body = (0..20_000).map(|i| i as f32 / 10_000.0 - 1.0);
        seen(body.chain([100.0]).collect())
    }

    fn range(stats: &TensorStats, observer: Observer) -> f32 {
        scale(stats, &QuantizeConfig { observer, ..QuantizeConfig::default() }) * STEPS
    }

    #[test]
    fn minmax_covers_everything_and_the_others_let_an_outlier_go() {
        let stats = with_outlier();
        assert_eq!(range(&stats, Observer::MinMax), 100.0);
        for observer in [Observer::Percentile, Observer::Entropy] {
            let range = range(&stats, observer);
            assert!((0.9..5.0).contains(&range), "{observer}: {range}");
        }
    }

    #[test]
    fn mse_weighs_saturation_against_rounding() {
        // One value of 100 in 20,000 costs its square over 20,000; steps of 100/127 cost 0.05.
        let stats = with_outlier();
        let mse = range(&stats, Observer::Mse);
        for other in [1.0, 10.0, 100.0] {
            assert!(mean_square_error(&stats, mse) <= mean_square_error(&stats, other), "{other}");
        }
        // Without an outlier nothing is to be won by saturating.
        let even = seen((0..20_000).map(|i| i as f32 / 10_000.0 - 1.0).collect());
        assert!(range(&even, Observer::Mse) > 0.98);
    }

    #[test]
    fn zeros_have_a_scale() {
        for observer in Observer::ALL {
            let config = QuantizeConfig { observer, ..QuantizeConfig::default() };
            assert_eq!(scale(&seen(vec![0.0; 8]), &config), 1.0, "{observer}");
        }
    }
}
