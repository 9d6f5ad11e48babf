//! One chart of the drawing, with its legend to the right.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{self, Axis};

/// Width that the legend takes from the chart, in pixels.
const LEGEND_WIDTH: u32 = 205;
const LEGEND_ROW: i32 = 19;
/// The text that fits next to a legend's line.
pub(super) const LEGEND_CHARS: usize = 25;
const TEXT: RGBColor = RGBColor(40, 40, 40);

/// Shape of a line's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Disc,
    Triangle,
    Cross,
    Ring,
}

impl Mark {
    pub(super) const ALL: [Self; 4] = [Self::Disc, Self::Triangle, Self::Cross, Self::Ring];
}

/// A line, with an entry in the legend unless its name is empty.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) color: RGBAColor,
    pub(super) width: u32,
    pub(super) mark: Mark,
}

/// The content of a chart. x runs from 0 to `x_end`, in steps.
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    pub(super) y_label: &'a str,
    pub(super) x_end: f64,
    pub(super) log_scale: bool,
    /// The y axis does not reach beyond.
    pub(super) bounds: Option<(f64, f64)>,
    pub(super) lines: Vec<Line>,
}

type Area<'b> = DrawingArea<SVGBackend<'b>, Shift>;

impl Panel<'_> {
    pub(super) fn draw(mut self, area: &Area<'_>) -> Result<()> {
        if self.log_scale {
            // A linear axis of logarithms, because plotters' logarithmic axis does not let us
            // choose ticks.
            for line in &mut self.lines {
                line.points.iter_mut().for_each(|(_, y)| *y = y.log10());
            }
        }
        let values = self.lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| y));
        let (mut low, mut high) = axis::range(values);
        if let Some((least, most)) = self.bounds {
            (low, high) = (low.max(least), high.min(most));
        } else if !self.log_scale && low < 0.0 && self.all_positive() {
            low = 0.0;
        }
        let y_ticks =
            if self.log_scale { axis::log_ticks(low, high) } else { axis::ticks(low, high, 7) };
        let y_axis = Axis { low, high, ticks: y_ticks, log_scale: self.log_scale };
        let x_ticks = axis::ticks(0.0, self.x_end, 8);
        let x_axis = Axis { low: 0.0, high: self.x_end, ticks: x_ticks, log_scale: false };

        let (width, _) = area.dim_in_pixel();
        let (chart_area, legend) = area.split_horizontally(width.saturating_sub(LEGEND_WIDTH));
        let refused = |error: DrawingAreaErrorKind<_>| anyhow!("{error}");
        let font = |size: i32| ("sans-serif", size).into_font().color(&TEXT);
        let mut chart = ChartBuilder::on(&chart_area)
            .caption(self.title, font(18))
            .margin_right(14)
            .margin_left(14)
            .margin_top(6)
            .margin_bottom(4)
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(x_axis, y_axis)
            .map_err(refused)?;
        chart
            .configure_mesh()
            .x_desc("step")
            .y_desc(self.y_label)
            .label_style(font(13))
            .axis_desc_style(font(14))
            .bold_line_style(BLACK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .axis_style(BLACK.mix(0.5))
            .draw()
            .map_err(refused)?;
        for line in &self.lines {
            let style = line.color.stroke_width(line.width);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style))
                .map_err(refused)?;
            // Lines of dense points would be covered by their marks.
            let lone = line.points.len() == 1;
            if (line.mark != Mark::None && line.points.len() <= 60) || lone {
                let mark = if line.mark == Mark::None { Mark::Disc } else { line.mark };
                let base = chart_area.get_base_pixel();
                for point in &line.points {
                    let (x, y) = chart.backend_coord(point);
                    draw_mark(&chart_area, (x - base.0, y - base.1), mark, line.color)?;
                }
            }
        }
        if self.lines.iter().all(|line| line.points.is_empty()) {
            let style = font(15).pos(Pos::new(HPos::Center, VPos::Center));
            let (width, height) = chart_area.dim_in_pixel();
            let centre = (width as i32 / 2 + 30, height as i32 / 2);
            chart_area.draw(&Text::new("nothing logged yet", centre, style)).map_err(refused)?;
        }
        self.draw_legend(&legend)
    }

    fn all_positive(&self) -> bool {
        self.lines.iter().flat_map(|line| &line.points).all(|(_, y)| *y >= 0.0)
    }

    /// The named lines, from their last value down, as they end in the chart.
    fn draw_legend(&self, area: &Area<'_>) -> Result<()> {
        let refused = |error: DrawingAreaErrorKind<_>| anyhow!("{error}");
        let mut named: Vec<&Line> = self
            .lines
            .iter()
            .filter(|line| !line.name.is_empty() && !line.points.is_empty())
            .collect();
        let end = |line: &Line| line.points.last().map_or(f64::NEG_INFINITY, |point| point.1);
        named.sort_by(|one, other| end(other).total_cmp(&end(one)));
        let (_, height) = area.dim_in_pixel();
        let fits = ((height as i32 - 60) / LEGEND_ROW).max(1) as usize;
        let left_out = named.len().saturating_sub(fits);
        let style =
            ("sans-serif", 13).into_font().color(&TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        let mut y = 40;
        for line in named.iter().take(fits) {
            let stroke = line.color.stroke_width(line.width);
            area.draw(&PathElement::new(vec![(2, y), (26, y)], stroke)).map_err(refused)?;
            if line.mark != Mark::None {
                draw_mark(area, (14, y), line.mark, line.color)?;
            }
            area.draw(&Text::new(shorten(&line.name, LEGEND_CHARS), (32, y), style.clone()))
                .map_err(refused)?;
            y += LEGEND_ROW;
        }
        if left_out > 0 {
            let text = format!("and {left_out} more");
            area.draw(&Text::new(text, (32, y), style)).map_err(refused)?;
        }
        Ok(())
    }
}

/// Draws a line's mark at a pixel of `area`.
fn draw_mark(area: &Area<'_>, at: (i32, i32), mark: Mark, color: RGBAColor) -> Result<()> {
    match mark {
        Mark::Disc | Mark::None => area.draw(&Circle::new(at, 4, color.filled())),
        Mark::Triangle => area.draw(&TriangleMarker::new(at, 6, color.filled())),
        Mark::Cross => area.draw(&Cross::new(at, 4, color.stroke_width(2))),
        Mark::Ring => area.draw(&Circle::new(at, 4, color.stroke_width(2))),
    }
    .map_err(|error| anyhow!("{error}"))
}

/// A name of at most `most` characters, cut in the middle, where names differ least.
pub(super) fn shorten(name: &str, most: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= most {
        return name.to_owned();
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1) - head;
    let end = &chars[chars.len() - tail..];
    chars[..head].iter().chain(&['\u{2026}']).chain(end).collect()
}
