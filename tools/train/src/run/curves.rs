//! Draws a training's `curves.svg` from its logs: the losses above, the validation Dice below.

mod axis;
mod panel;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use self::panel::{LEGEND_CHARS, Line, Mark, Panel, shorten};
use super::log::{LOG_FILE, VAL_FILE};
use super::log_rows::{LogTable, ValRow, read_val};
use uniultra_sink::write_atomically;

/// File of the curves.
pub const CURVES_FILE: &str = "curves.svg";

/// Width and height of the drawing in pixels.
const SIZE: (u32, u32) = (900, 760);
/// More points a line than pixels show nothing more.
const MAX_POINTS: usize = 600;
/// A loss that spans more than this is drawn on a logarithmic scale.
const LOG_SPAN: f64 = 20.0;

/// Okabe and Ito's colours, which people with colour blindness tell apart, without the yellow.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
];

/// Draws `curves.svg` in `folder` from the `log.csv` and `val.csv` there; `title` heads it.
///
/// # Errors
/// When a log cannot be read or the drawing not be written.
pub fn draw(folder: &Path, title: &str) -> Result<()> {
    let log = LogTable::read(&folder.join(LOG_FILE))?;
    let val = read_val(&folder.join(VAL_FILE))?;
    let path = folder.join(CURVES_FILE);
    let svg =
        render(&log, &val, title).with_context(|| format!("cannot draw {}", path.display()))?;
    Ok(write_atomically(&path, |out| out.write_all(svg.as_bytes()))?)
}

/// The curves as SVG text.
///
/// # Errors
/// When the drawing library refuses, which no log is known to bring about.
pub fn render(log: &LogTable, val: &[ValRow], title: &str) -> Result<String> {
    let last_step = log.rows.iter().map(|row| row.step).chain(val.iter().map(|row| row.step)).max();
    let x_end = last_step.unwrap_or(1).max(1) as f64;
    let losses = loss_lines(log);
    let log_scale = axis::spans(losses.iter().flat_map(|line| &line.points), LOG_SPAN);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let refused = |error: DrawingAreaErrorKind<_>| anyhow!("{error}");
        root.fill(&WHITE).map_err(refused)?;
        let (upper, lower) = root.split_vertically(SIZE.1 / 2 + 14);
        Panel {
            title,
            y_label: if log_scale { "loss (log scale)" } else { "loss" },
            x_end,
            log_scale,
            bounds: None,
            lines: losses,
        }
        .draw(&upper)?;
        Panel {
            title: "Validation",
            y_label: "mean Dice",
            x_end,
            log_scale: false,
            bounds: Some((0.0, 1.0)),
            lines: dice_lines(val),
        }
        .draw(&lower)?;
        root.present().map_err(refused)?;
    }
    Ok(svg)
}

/// The whole loss, raw and smoothed, and its parts, smoothed. Parts that are always 0 are left out.
fn loss_lines(log: &LogTable) -> Vec<Line> {
    let series = |value: &dyn Fn(usize) -> Option<f64>| -> Vec<(f64, f64)> {
        let at = |index: usize| value(index).map(|value| (log.rows[index].step as f64, value));
        (0..log.rows.len()).filter_map(at).filter(|(_, value)| value.is_finite()).collect()
    };
    let mut lines = Vec::new();
    let whole = series(&|index| log.rows.get(index).map(|row| row.loss));
    let smoothed = smooth(&whole);
    let line = |name: &str, points, color: RGBColor, width| Line {
        name: name.to_owned(),
        points: thin(points),
        color: color.to_rgba(),
        width,
        mark: Mark::None,
    };
    // Behind the others and within their range, so that one outlier does not flatten them.
    if let Some(top) = smoothed.iter().map(|point| point.1).reduce(f64::max) {
        let bottom = smoothed.iter().map(|point| point.1).fold(top, f64::min);
        let room = (top - bottom) * 0.25;
        let clipped = whole
            .iter()
            .map(|&(x, y)| (x, y.clamp((bottom - room).max(bottom * 0.5), top + room)))
            .collect();
        let mut raw = line("", clipped, BLACK, 1);
        raw.color = BLACK.mix(0.18);
        lines.push(raw);
    }
    lines.push(line("loss", smoothed, BLACK, 2));
    for (index, name) in log.parts.iter().enumerate() {
        let part = series(&|row| log.rows.get(row).and_then(|row| row.parts.get(index).copied()));
        if part.iter().any(|&(_, value)| value != 0.0) {
            lines.push(line(name, smooth(&part), COLOURS[index % COLOURS.len()], 2));
        }
    }
    lines
}

/// One line a set and prompt: sets by colour, prompts by mark.
fn dice_lines(val: &[ValRow]) -> Vec<Line> {
    let mut sets: Vec<&str> = Vec::new();
    let mut prompts: Vec<&str> = Vec::new();
    let mut series: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    for row in val.iter().filter(|row| row.dice_mean.is_finite()) {
        let key = (index_of(&mut sets, &row.set), index_of(&mut prompts, &row.prompt));
        series.entry(key).or_default().push((row.step as f64, row.dice_mean));
    }
    series
        .into_iter()
        .map(|((set, prompt), points)| Line {
            name: pair_name(sets[set], prompts[prompt]),
            points: thin(points),
            color: COLOURS[set % COLOURS.len()].to_rgba(),
            width: 2,
            mark: Mark::ALL[prompt % Mark::ALL.len()],
        })
        .collect()
}

/// `set · prompt`, the set shortened so that the prompt is always seen.
fn pair_name(set: &str, prompt: &str) -> String {
    let room = LEGEND_CHARS.saturating_sub(prompt.chars().count() + 3).max(8);
    format!("{} \u{b7} {prompt}", shorten(set, room))
}

fn index_of<'a>(names: &mut Vec<&'a str>, name: &'a str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

/// Centred moving average over about a fortieth of the line, one-sided at its ends.
fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = points.len() / 80;
    let mut sums = Vec::with_capacity(points.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for &(_, value) in points {
        sum += value;
        sums.push(sum);
    }
    points
        .iter()
        .enumerate()
        .map(|(index, &(x, _))| {
            let from = index.saturating_sub(reach);
            let to = (index + reach + 1).min(points.len());
            (x, (sums[to] - sums[from]) / (to - from) as f64)
        })
        .collect()
}

/// Evenly chosen points, the last one always among them.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let stride = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(index, _)| (last - index).is_multiple_of(stride))
        .map(|(_, point)| point)
        .collect()
}

#[cfg(test)]
#[path = "curves_tests.rs"]
mod tests;
