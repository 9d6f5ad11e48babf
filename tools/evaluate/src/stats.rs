//! Summary of a list of figures.

use serde::{Deserialize, Serialize};

/// Mean, median and tails of a list of figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// Number of figures.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// 50th percentile.
    pub median: f64,
    /// 5th percentile: the bad tail where more is better.
    pub p5: f64,
    /// 95th percentile: the bad tail where less is better.
    pub p95: f64,
}

impl Stats {
    /// Summary of the figures; `None` if there is none. Percentiles are interpolated linearly.
    #[must_use]
    pub fn from_values(values: impl IntoIterator<Item = f32>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
        // Sorted before summing, so that the order in which images were done does not show.
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let [p5, median, p95] = [0.05, 0.5, 0.95].map(|share| percentile(&values, share));
        (n > 0).then_some(Self { n, mean, median, p5, p95 })
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |i: usize| sorted.get(i).copied();
    let low = at(place as usize).unwrap_or(f64::NAN);
    let high = at(place as usize + 1).unwrap_or(low);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated() {
        let stats = Stats::from_values((0..=20).map(|v| v as f32)).unwrap();
        assert_eq!(stats, Stats { n: 21, mean: 10.0, median: 10.0, p5: 1.0, p95: 19.0 });
        let two = Stats::from_values([1.0, 0.0]).unwrap();
        assert_eq!(two.median, 0.5);
        assert!((two.p5 - 0.05).abs() < 1e-12);
        assert_eq!(Stats::from_values([]), None);
    }
}
