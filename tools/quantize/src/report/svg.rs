//! A bar chart as SVG: one line a bar, its name before it and its value behind.

use super::html::escape;
use std::fmt::Write;

const NAME_PX: f64 = 330.0;
const BAR_PX: f64 = 360.0;
const LINE_PX: f64 = 16.0;

/// One bar; a negative value goes to the left of zero.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
}

/// The chart, values with that many decimals.
pub(super) fn bars(bars: &[Bar], decimals: usize) -> String {
    let finite = |bar: &Bar| if bar.value.is_finite() { bar.value } else { 0.0 };
    let low = bars.iter().map(finite).fold(0.0, f64::min);
    let high = bars.iter().map(finite).fold(0.0, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let x = |value: f64| NAME_PX + (value - low) / span * BAR_PX;
    let (width, height) = (NAME_PX + BAR_PX + 90.0, bars.len() as f64 * LINE_PX + 4.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">"
    );
    for (line, bar) in bars.iter().enumerate() {
        let y = line as f64 * LINE_PX + 2.0;
        let (from, to) = (x(finite(bar).min(0.0)), x(finite(bar).max(0.0)));
        let (name, base) = (escape(&bar.name), y + 11.0);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"12\" fill=\"#4878a8\"/>\
             <text x=\"{:.1}\" y=\"{base:.1}\">{:.decimals$}</text>",
            NAME_PX - 6.0,
            (to - from).max(0.5),
            to + 5.0,
            bar.value,
        );
    }
    text.push_str("</svg>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_start_at_zero_on_both_sides() {
        let bar = |name: &str, value| Bar { name: name.to_string(), value };
        let svg = bars(&[bar("a<b", 3.0), bar("c", -1.0)], 1);
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
        // Zero lies a quarter in: 330 + 90.
        assert!(svg.contains("<rect x=\"420.0\" y=\"2.0\" width=\"270.0\""), "{svg}");
        assert!(svg.contains("<rect x=\"330.0\" y=\"18.0\" width=\"90.0\""), "{svg}");
    }
}
