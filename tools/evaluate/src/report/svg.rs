//! Two plots, drawn as SVG.

use crate::markup::html_text;
use std::fmt::Write;

/// Lines of a plot by name.
pub(super) struct Series {
    pub(super) name: String,
    /// Points (x, y), left to right.
    pub(super) points: Vec<[f64; 2]>,
}

/// Axes of a plot.
pub(super) struct Axes {
    pub(super) x_label: &'static str,
    pub(super) y_label: &'static str,
    /// Values at the marks, ascending.
    pub(super) x_marks: Vec<f64>,
    pub(super) y_marks: Vec<f64>,
}

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
/// Margins left, top, right, bottom.
const MARGINS: [f64; 4] = [48.0, 12.0, 12.0, 44.0];
const LEGEND_LINE: f64 = 16.0;

/// Colours that are told apart with any colour vision (Okabe and Ito, 2008), on white.
const COLORS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// A line plot with a legend.
pub(super) fn plot(axes: &Axes, series: &[Series]) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut svg, axes, series);
    svg
}

fn draw(svg: &mut String, axes: &Axes, series: &[Series]) -> std::fmt::Result {
    let [left, top, right, bottom] = MARGINS;
    let height = HEIGHT + LEGEND_LINE * series.len() as f64;
    let (x_range, y_range) = (range(&axes.x_marks), range(&axes.y_marks));
    let along = |value: f64, [low, high]: [f64; 2]| (value - low) / (high - low).max(f64::EPSILON);
    let x = |value: f64| left + along(value, x_range) * (WIDTH - left - right);
    let y = |value: f64| HEIGHT - bottom - along(value, y_range) * (HEIGHT - top - bottom);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">"
    )?;
    writeln!(svg, "<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>")?;
    let (base, end) = (HEIGHT - bottom, WIDTH - right);
    for &mark in &axes.x_marks {
        let (at, below) = (x(mark), base + 14.0);
        writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{base}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            short(mark)
        )?;
    }
    for &mark in &axes.y_marks {
        let (at, beside) = (y(mark), left - 5.0);
        writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{beside}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            at + 4.0,
            short(mark)
        )?;
    }
    let (middle_x, middle_y) = ((left + end) / 2.0, (top + base) / 2.0);
    writeln!(
        svg,
        "<text x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text x=\"12\" y=\"{middle_y}\" text-anchor=\"middle\" \
         transform=\"rotate(-90 12 {middle_y})\">{}</text>",
        base + 32.0,
        axes.x_label,
        axes.y_label
    )?;
    for (line, (series, color)) in series.iter().zip(COLORS.iter().cycle()).enumerate() {
        let points: Vec<String> =
            series.points.iter().map(|&[u, v]| format!("{:.1},{:.1}", x(u), y(v))).collect();
        let legend = HEIGHT + LEGEND_LINE * line as f64 + 4.0;
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.8\"/>\
             <rect x=\"{left}\" y=\"{:.1}\" width=\"18\" height=\"3\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{:.1}\">{}</text>",
            points.join(" "),
            legend - 5.0,
            left + 24.0,
            legend,
            html_text(&series.name)
        )?;
    }
    writeln!(svg, "</svg>")
}

fn range(marks: &[f64]) -> [f64; 2] {
    let low = marks.first().copied().unwrap_or(0.0);
    [low, marks.last().copied().unwrap_or(low + 1.0)]
}

/// A mark's value with as many digits as it needs.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The share of values up to each step of 0.01, as a line from 0 to 1: the empirical distribution.
pub(super) fn distribution(values: &[f32]) -> Vec<[f64; 2]> {
    let count = values.len().max(1) as f64;
    let share = |limit: f64| {
        values.iter().filter(|&&value| f64::from(value) <= limit + 1e-9).count() as f64 / count
    };
    (0..=100).map(|step| f64::from(step) / 100.0).map(|x| [x, share(x)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_rises_to_one() {
        let line = distribution(&[0.0, 0.5, 0.5, 1.0]);
        assert_eq!((line[0], line[49], line[50]), ([0.0, 0.25], [0.49, 0.25], [0.5, 0.75]));
        assert_eq!(line[100], [1.0, 1.0]);
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let marks = vec![0.0, 1.0];
        let axes = Axes { x_label: "x", y_label: "y", x_marks: marks.clone(), y_marks: marks };
        let series = Series { name: "<script>&".to_string(), points: vec![[0.0, 0.0], [1.0, 1.0]] };
        let svg = plot(&axes, &[series]);
        assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script"));
        assert!(svg.contains("points=\"48.0,206.0 448.0,12.0\""), "{svg}");
    }
}
