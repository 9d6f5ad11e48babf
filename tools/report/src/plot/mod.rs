//! Plots as SVG, drawn by plotters. Text is text of the page, so that no font is needed here.

mod axis;
mod bars;
mod lines;

pub use bars::{Bar, BarChart};
pub use lines::{Axes, LinePlot, Series};

use crate::ReportError;
use plotters::prelude::RGBColor;

/// A plot.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// Lines over two axes.
    Lines(LinePlot),
    /// Horizontal bars with names.
    Bars(BarChart),
}

impl Plot {
    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Lines(plot) => &plot.title,
            Self::Bars(chart) => &chart.title,
        }
    }

    /// The plot as an SVG document.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let mut svg = String::new();
        let drawn = match self {
            Self::Lines(plot) => lines::draw(plot, &mut svg),
            Self::Bars(chart) => bars::draw(chart, &mut svg),
        };
        drawn.map_err(|error| ReportError::Plot {
            title: self.title().to_string(),
            reason: error.to_string(),
        })?;
        Ok(svg)
    }
}

impl From<LinePlot> for Plot {
    fn from(plot: LinePlot) -> Self {
        Self::Lines(plot)
    }
}

impl From<BarChart> for Plot {
    fn from(chart: BarChart) -> Self {
        Self::Bars(chart)
    }
}

/// Why plotters could not draw.
type DrawError<'a> = plotters::drawing::DrawingAreaErrorKind<
    <plotters::prelude::SVGBackend<'a> as plotters::prelude::DrawingBackend>::ErrorType,
>;

/// Colours that are told apart with any colour vision (Okabe and Ito, 2008), on white.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

const INK: RGBColor = RGBColor(40, 44, 50);
const GRID: RGBColor = RGBColor(222, 225, 229);
const FONT: &str = "sans-serif";

/// Pixels of the drawing; pages scale it down, so that whole pixels are fine enough.
const WIDTH_PX: u32 = 1200;
const FONT_PX: i32 = 24;

/// A mark's value with as many digits as it needs.
fn short(value: f64) -> String {
    if value.abs() >= 1e5 || (value != 0.0 && value.abs() < 1e-3) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_the_digits_they_need() {
        let marks = [0.0, 0.25, 1.0, 12.5, -0.0, 0.0004, 250_000.0].map(short);
        assert_eq!(marks, ["0", "0.25", "1", "12.5", "0", "4.0e-4", "2.5e5"]);
    }
}
