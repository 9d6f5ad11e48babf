//! An axis whose marks are chosen, not computed.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// A linear axis from one value to another, either of which may be the larger, with marks.
#[derive(Clone, Debug)]
pub(super) struct MarkedAxis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) marks: Vec<f64>,
}

impl Ranged for MarkedAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let along = (value - self.from) / (self.to - self.from);
        // Saturates, and NaN becomes 0: the drawing's edge.
        (f64::from(first) + along * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Light lines lie between the marks: there are none.
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_linear() {
        let axis = |from, to| MarkedAxis { from, to, marks: Vec::new() };
        let at = |axis: MarkedAxis| [0.0, 1.0, 4.0].map(|value| axis.map(&value, (10, 50)));
        assert_eq!(at(axis(0.0, 4.0)), [10, 20, 50]);
        assert_eq!(at(axis(4.0, 0.0)), [50, 40, 10]);
    }
}
