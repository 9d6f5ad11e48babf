//! Lines over two axes, their names below.

use super::axis::MarkedAxis;
use super::{COLORS, DrawError, FONT, FONT_PX, GRID, INK, WIDTH_PX, short};
use plotters::prelude::*;

/// Lines over two axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinePlot {
    /// The title.
    pub title: String,
    /// The axes.
    pub axes: Axes,
    /// The lines.
    pub series: Vec<Series>,
}

/// Axes of a plot. Values outside of the marks are not drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axes {
    /// What the horizontal axis is.
    pub x_label: String,
    /// What the vertical axis is.
    pub y_label: String,
    /// Values at the marks, ascending.
    pub x_marks: Vec<f64>,
    /// Values at the marks, ascending.
    pub y_marks: Vec<f64>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Points (x, y), left to right.
    pub points: Vec<[f64; 2]>,
}

const PLOT_PX: u32 = 620;
const LEGEND_LINE_PX: u32 = 34;

pub(super) fn draw<'a>(plot: &LinePlot, svg: &'a mut String) -> Result<(), DrawError<'a>> {
    let Axes { x_label, y_label, x_marks, y_marks } = &plot.axes;
    // The legend has a line for each series, and some air below the last.
    let height = PLOT_PX + LEGEND_LINE_PX * plot.series.len() as u32 + 8;
    let root = SVGBackend::with_string(svg, (WIDTH_PX, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, legend) = root.split_vertically(PLOT_PX);
    let text = (FONT, FONT_PX).into_font().color(&INK);
    let mut chart = ChartBuilder::on(&above)
        .caption(&plot.title, (FONT, FONT_PX + 4).into_font().color(&INK))
        .margin(12)
        .margin_right(36)
        .x_label_area_size(72)
        .y_label_area_size(96)
        .build_cartesian_2d(axis(x_marks), axis(y_marks))?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(text.clone())
        .axis_desc_style(text.clone())
        .x_desc(x_label.as_str())
        .y_desc(y_label.as_str())
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for (line, (series, color)) in plot.series.iter().zip(COLORS.iter().cycle()).enumerate() {
        let points = series.points.iter().filter(|point| point.iter().all(|v| v.is_finite()));
        let style = color.stroke_width(4);
        chart.draw_series(LineSeries::new(points.map(|&[x, y]| (x, y)), style))?;
        let y = (LEGEND_LINE_PX * line as u32) as i32 + 16;
        legend.draw(&PathElement::new([(108, y), (150, y)], style))?;
        legend.draw(&Text::new(series.name.as_str(), (164, y - FONT_PX / 2), text.clone()))?;
    }
    root.present()
}

/// From the first mark to the last; a range of its own where there are fewer than two.
fn axis(marks: &[f64]) -> MarkedAxis {
    let (from, to) = match marks {
        [first, .., last] if first < last => (*first, *last),
        [first, ..] if first.is_finite() => (*first, *first + 1.0),
        _ => (0.0, 1.0),
    };
    MarkedAxis { from, to, marks: marks.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plot;

    fn svg(name: &str, points: Vec<[f64; 2]>) -> String {
        let axes = Axes {
            x_label: "Dice".to_string(),
            y_label: "share".to_string(),
            x_marks: vec![0.0, 0.5, 1.0],
            y_marks: vec![0.0, 1.0],
        };
        let series = vec![Series { name: name.to_string(), points }];
        Plot::from(LinePlot { title: "t".to_string(), axes, series }).to_svg().unwrap()
    }

    #[test]
    fn a_line_goes_from_corner_to_corner_and_marks_are_those_asked_for() {
        let drawing = svg("m", vec![[0.0, 0.0], [1.0, 1.0]]);
        let points = drawing.split("<polyline").filter(|part| part.contains("#0072B2"));
        let line = points.map(|part| part.split("points=\"").nth(1).unwrap()).next().unwrap();
        let ends: Vec<i32> = line
            .split('"')
            .next()
            .unwrap()
            .split([' ', ','])
            .filter_map(|v| v.parse().ok())
            .collect();
        let [x0, y0, x1, y1] = ends[..] else { panic!("{line}") };
        // 12 px of margin and 96 px for labels to the left, 36 px of margin to the right.
        assert!((x0 - 108).abs() <= 1 && (x1 - 1164).abs() <= 1 && y0 > y1, "{line}");
        for mark in ["0.5", "Dice", "share", "m"] {
            assert!(drawing.contains(&format!(">\n{mark}\n<")), "{mark}: {drawing}");
        }
    }

    #[test]
    fn names_cannot_break_the_drawing_and_gaps_are_left_out() {
        let drawing = svg("<script>&", vec![[f64::NAN, 0.0], [0.0, f64::INFINITY], [1.0, 1.0]]);
        assert!(drawing.contains("&lt;script&gt;&amp;") && !drawing.contains("<script"));
        assert!(!drawing.contains("NaN"), "{drawing}");
    }

    #[test]
    fn without_marks_there_is_a_drawing_still() {
        assert!(Plot::from(LinePlot::default()).to_svg().unwrap().contains("</svg>"));
    }
}
