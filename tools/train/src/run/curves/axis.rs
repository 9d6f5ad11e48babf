//! Ranges and ticks of the axes.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// A linear axis with ticks of our choice; plotters' own logarithmic one offers none.
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    /// Values are decimal logarithms of the labels.
    pub(super) log_scale: bool,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        label(*value)
    }

    fn format_ext(&self, value: &f64) -> String {
        label(if self.log_scale { 10f64.powf(*value) } else { *value })
    }
}

/// Whether positive values span more than `factor`; not so if any value is 0 or below.
pub(super) fn spans<'a>(points: impl Iterator<Item = &'a (f64, f64)>, factor: f64) -> bool {
    let (low, high) = points.fold((f64::INFINITY, 0.0_f64), |(low, high), &(_, value)| {
        (low.min(value), high.max(value))
    });
    low > 0.0 && high / low > factor
}

/// Least and greatest value, a little widened so that no line lies on the frame.
pub(super) fn range<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1e-6) * 0.1 };
    (low - room, high + room)
}

/// About `count` round values within [low, high].
pub(super) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.99)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    // A product of integers: adding up steps would drift off the round values.
    (first..=last).map(|index| index as f64 * step).collect()
}

/// Decimal logarithms of 1, 2 and 5 times the powers of ten within 10^[low, high]; of the powers
/// alone where that is plenty.
pub(super) fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let factors: &[f64] = if high - low > 3.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    (low.floor() as i32..=high.ceil() as i32)
        .flat_map(|power| factors.iter().map(move |factor| f64::from(power) + factor.log10()))
        .filter(|tick| (low..=high).contains(tick))
        .collect()
}

/// A tick's text.
pub(super) fn label(value: f64) -> String {
    let size = value.abs();
    if size < 1e-12 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&size) {
        let digits = format!("{value:.4}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        let text = format!("{value:.1e}");
        text.replace(".0e", "e")
    }
}
