//! Quantiles of measured times.

use serde::{Deserialize, Serialize};

/// Quantiles of measured times, in the unit of the times.
///
/// Each quantile is one of the times (nearest rank): p90 is the smallest time that at least 90 % of
/// the times do not exceed. With fewer than 100 times, p99 is therefore the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Quantiles {
    /// The median: at least half of the times do not exceed it.
    pub p50: f64,
    /// At least 90 % of the times do not exceed it.
    pub p90: f64,
    /// At least 99 % of the times do not exceed it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    /// Quantiles of `times`, in any order; all zero if there are none.
    #[must_use]
    pub fn from_times(times: &[f64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (percent * sorted.len()).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let times: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let expected = Quantiles { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 };
        assert_eq!(Quantiles::from_times(&times), expected);
        let expected = Quantiles { p50: 2.0, p90: 4.0, p99: 4.0, max: 4.0 };
        assert_eq!(Quantiles::from_times(&[4.0, 1.0, 3.0, 2.0]), expected);
    }

    #[test]
    fn one_time_is_every_quantile_and_none_are_zero() {
        let expected = Quantiles { p50: 7.0, p90: 7.0, p99: 7.0, max: 7.0 };
        assert_eq!(Quantiles::from_times(&[7.0]), expected);
        assert_eq!(Quantiles::from_times(&[]), Quantiles::default());
    }
}
