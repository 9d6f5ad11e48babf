//! What is not known better than between two bounds.

use serde::Serialize;

/// Both bounds belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Range {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Range {
    /// From bounds in order.
    #[must_use]
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Sum of both bounds.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    /// How far `value` is outside, as a share of the nearer bound: below 0 where it is less than the
    /// lower bound, above 0 where it is more than the upper, 0 inside.
    #[must_use]
    pub fn error_of(self, value: f64) -> f64 {
        if value < self.low {
            value / self.low - 1.0
        } else if value > self.high {
            value / self.high - 1.0
        } else {
            0.0
        }
    }

    /// The geometric middle: as many times above the lower bound as below the upper.
    #[must_use]
    pub fn middle(self) -> f64 {
        (self.low * self.high).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_has_a_sign() {
        let range = Range::new(10.0, 40.0);
        assert_eq!(range.middle(), 20.0);
        for (value, error) in [(5.0, -0.5), (10.0, 0.0), (25.0, 0.0), (40.0, 0.0), (60.0, 0.5)] {
            assert_eq!(range.error_of(value), error, "{value}");
        }
        assert_eq!(range.plus(Range::new(1.0, 2.0)), Range::new(11.0, 42.0));
    }
}
