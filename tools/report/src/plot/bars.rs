//! Horizontal bars: a name before each, its value behind.

use super::axis::MarkedAxis;
use super::{COLORS, DrawError, FONT, FONT_PX, GRID, INK, WIDTH_PX, short};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Horizontal bars, the first on top.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarChart {
    /// The title.
    pub title: String,
    /// What the axis is, with its unit.
    pub x_label: String,
    /// The bars.
    pub bars: Vec<Bar>,
    /// Decimals of the values behind the bars.
    pub decimals: usize,
}

/// One bar, from zero to its value; a negative value goes to the left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Thin lines at further values, such as other quantiles.
    pub marks: Vec<f64>,
    /// A red line at a value that should not be passed. One beyond everything else is not drawn.
    pub limit: Option<f64>,
}

const LINE_PX: u32 = 36;
/// Room for the title and the axis.
const FRAME_PX: u32 = 140;
/// Width of a letter, about, at the size used.
const LETTER_PX: f64 = 11.5;
const NAMES_PX: std::ops::RangeInclusive<f64> = 90.0..=520.0;
const LIMIT: RGBColor = RGBColor(192, 57, 43);

pub(super) fn draw<'a>(chart: &BarChart, svg: &'a mut String) -> Result<(), DrawError<'a>> {
    let BarChart { title, x_label, bars, decimals } = chart;
    let count = bars.len().max(1);
    let root = SVGBackend::with_string(svg, (WIDTH_PX, FRAME_PX + LINE_PX * count as u32))
        .into_drawing_area();
    root.fill(&WHITE)?;
    let longest = bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0);
    let names_px = (longest as f64 * LETTER_PX + 24.0).clamp(*NAMES_PX.start(), *NAMES_PX.end());
    // Rows count from the top.
    let marks = (0..bars.len()).map(|row| row as f64 + 0.5).collect();
    let rows = MarkedAxis { from: count as f64, to: 0.0, marks };
    let text = (FONT, FONT_PX).into_font().color(&INK);
    let [low, high] = range(bars);
    let mut area = ChartBuilder::on(&root)
        .caption(title, (FONT, FONT_PX + 4).into_font().color(&INK))
        .margin(12)
        .margin_right(130)
        .x_label_area_size(64)
        .y_label_area_size(names_px.round() as u32)
        .build_cartesian_2d(low..high, rows)?;
    let name = |row: &f64| bars.get(row.floor() as usize).map(|bar| cut(&bar.name, names_px));
    area.configure_mesh()
        .disable_y_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(text.clone())
        .axis_desc_style(text.clone())
        .x_desc(x_label.as_str())
        .x_labels(7)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|row| name(row).unwrap_or_default())
        .draw()?;
    let behind = text.pos(Pos::new(HPos::Left, VPos::Center));
    for (row, bar) in bars.iter().enumerate() {
        let (top, middle, bottom) = (row as f64 + 0.2, row as f64 + 0.5, row as f64 + 0.8);
        let value = finite(bar.value);
        let corners = [(value.min(0.0), top), (value.max(0.0), bottom)];
        area.draw_series([Rectangle::new(corners, COLORS[0].mix(0.55).filled())])?;
        let upright = |x: f64| [(x, row as f64 + 0.1), (x, row as f64 + 0.9)];
        for &mark in bar.marks.iter().filter(|mark| (low..=high).contains(*mark)) {
            area.draw_series([PathElement::new(upright(mark), INK.stroke_width(2))])?;
        }
        if let Some(limit) = bar.limit.filter(|limit| (low..=high).contains(limit)) {
            area.draw_series([PathElement::new(upright(limit), LIMIT.stroke_width(4))])?;
        }
        let end =
            bar.marks.iter().copied().filter(|m| m.is_finite()).fold(value.max(0.0), f64::max);
        let label = format!("{:.decimals$}", bar.value);
        area.draw_series([
            EmptyElement::at((end, middle)) + Text::new(label, (8, 0), behind.clone())
        ])?;
    }
    root.present()
}

/// What cannot be drawn stands at zero; its value is written all the same.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// From the lowest value or zero to the highest or zero.
fn range(bars: &[Bar]) -> [f64; 2] {
    let values = || {
        let of = |bar: &Bar| std::iter::once(bar.value).chain(bar.marks.iter().copied()).collect();
        bars.iter().flat_map(of as fn(&Bar) -> Vec<f64>).map(finite)
    };
    let [low, high] = [values().fold(0.0, f64::min), values().fold(0.0, f64::max)];
    if low < high { [low, high] } else { [0.0, 1.0] }
}

/// A name's end where the whole does not fit: paths differ at their ends.
fn cut(name: &str, width_px: f64) -> String {
    let (count, most) = (name.chars().count(), ((width_px - 24.0) / LETTER_PX) as usize);
    if count <= most {
        return name.to_string();
    }
    std::iter::once('…').chain(name.chars().skip(count - most + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plot;

    fn svg(bars: Vec<Bar>) -> String {
        let chart = BarChart { title: "t".to_string(), bars, decimals: 1, ..BarChart::default() };
        Plot::from(chart).to_svg().unwrap()
    }

    fn bar(name: &str, value: f64) -> Bar {
        Bar { name: name.to_string(), value, ..Bar::default() }
    }

    /// Left edge and width of each bar.
    fn boxes(svg: &str) -> Vec<[f64; 2]> {
        let number = |part: &str, key: &str| {
            part.split(key).nth(1).and_then(|rest| rest.split('"').next()?.parse().ok()).unwrap()
        };
        let bars = svg.split("<rect").filter(|part| part.contains("opacity=\"0.55\""));
        bars.map(|part| [number(part, "x=\""), number(part, "width=\"")]).collect()
    }

    #[test]
    fn bars_start_at_zero_on_both_sides_and_are_to_scale() {
        let drawn = svg(vec![bar("a", 3.0), bar("b", -1.0)]);
        let [[right, long], [left, small]] = boxes(&drawn)[..] else { panic!("{drawn}") };
        assert!((long - 3.0 * small).abs() <= 4.0, "{drawn}");
        assert!((left + small - right).abs() <= 1.0, "{drawn}");
    }

    #[test]
    fn limits_beyond_the_edge_are_not_drawn() {
        let with = |limit| Bar { marks: vec![2.0, 4.0], limit: Some(limit), ..bar("a", 1.0) };
        let drawn = svg(vec![with(3.0), with(5.0)]);
        assert_eq!(drawn.matches("#C0392B").count(), 1, "{drawn}");
        // Two marks a bar.
        assert_eq!(drawn.matches("stroke=\"#282C32\" stroke-width=\"2\"").count(), 4, "{drawn}");
    }

    #[test]
    fn what_cannot_be_drawn_is_written() {
        let drawn = svg(vec![bar("a<b", f64::NAN), bar("c", 1.0)]);
        assert!(drawn.contains("NaN") && drawn.contains("a&lt;b") && !drawn.contains("a<b"));
        assert!(svg(Vec::new()).contains("</svg>"));
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(cut("blocks.0/attn/qkv", 600.0), "blocks.0/attn/qkv");
        let short = cut(&"x".repeat(100), 520.0);
        assert!(short.starts_with('…') && short.chars().count() == 43, "{short}");
    }
}
