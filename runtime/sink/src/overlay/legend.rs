//! The panel under the frame: the model, figures, and the meaning of each colour.

use super::canvas::{Canvas, Line};
use super::marks::{draw_point, draw_polyline};
use super::style::{self, Rgb};
use super::text::{GLYPH_PX, Weight, draw_text};
use uniultra_core::PointLabel;

/// Narrowest panel, in characters, so that no figure is broken across lines.
const MIN_COLUMNS: usize = 44;

/// Height of a line of text, relative to a glyph's.
const LINE_STEP: f32 = 1.6;

const NOTE: &str = "Research software, not a medical device";

/// The symbol to the left of an entry's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    None,
    /// A filled square: the mask.
    Fill(Rgb),
    Line(Rgb),
    Dashes(Rgb),
    Point(PointLabel),
}

/// One key and its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) text: String,
    pub(super) color: Rgb,
}

impl Entry {
    pub(super) fn new(key: Key, text: impl Into<String>) -> Self {
        Self { key, text: text.into(), color: style::TEXT }
    }
}

/// The panel's layout: entries flow from left to right and wrap.
pub(super) struct Legend {
    title: String,
    placed: Vec<(usize, usize, Entry)>,
    rows: usize,
    columns: usize,
    /// Canvas pixels per pixel of the font.
    scale: usize,
}

impl Legend {
    /// Lays out the panel for a drawn frame of that width.
    pub(super) fn new(title: &str, entries: Vec<Entry>, width: usize, unit: f32) -> Self {
        let scale = (unit.round() as usize).max(1);
        // One character of margin on either side.
        let columns = (width / (GLYPH_PX[0] * scale)).saturating_sub(2).max(MIN_COLUMNS);
        let mut placed = Vec::with_capacity(entries.len());
        let (mut column, mut row) = (0, 0);
        for entry in entries {
            let length = key_columns(entry.key) + entry.text.chars().count();
            if column > 0 && column + length > columns {
                (column, row) = (0, row + 1);
            }
            placed.push((column, row, entry));
            column += length + 3;
        }
        Self { title: title.to_string(), placed, rows: row + 1, columns, scale }
    }

    fn line_px(&self) -> usize {
        (GLYPH_PX[1] as f32 * LINE_STEP) as usize * self.scale
    }

    fn margin_px(&self) -> usize {
        GLYPH_PX[0] * self.scale
    }

    /// Width and height of the panel, in canvas pixels.
    pub(super) fn size(&self) -> [usize; 2] {
        let width = (self.columns + 2) * GLYPH_PX[0] * self.scale;
        [width, (self.rows + 1) * self.line_px() + 2 * self.margin_px()]
    }

    /// Draws the panel over the full width of the canvas, from row `top` down.
    pub(super) fn draw(&self, canvas: &mut Canvas, top: usize) {
        let (width, height) = (canvas.pixmap.width() as usize, canvas.pixmap.height() as usize);
        let (margin, line, glyph) = (self.margin_px(), self.line_px(), GLYPH_PX[0] * self.scale);
        canvas.block([0, top], [width, height - top], style::PANEL);
        canvas.block([0, top], [width, self.scale], style::PANEL_EDGE);

        let first = top + margin;
        let note_fits = self.title.chars().count() + NOTE.len() + 3 <= self.columns;
        let room = if note_fits { self.columns - NOTE.len() - 3 } else { self.columns };
        let title = shortened(&self.title, room);
        draw_text(canvas, &title, [margin, first], self.scale, style::WHITE, Weight::Bold);
        if note_fits {
            let x = width - margin - NOTE.len() * glyph;
            draw_text(canvas, NOTE, [x, first], self.scale, style::FAINT_TEXT, Weight::Regular);
        }
        for (column, row, entry) in &self.placed {
            let (x, y) = (margin + column * glyph, first + (row + 1) * line);
            self.draw_key(canvas, entry.key, [x, y]);
            let x = x + key_columns(entry.key) * glyph;
            draw_text(canvas, &entry.text, [x, y], self.scale, entry.color, Weight::Regular);
        }
    }

    fn draw_key(&self, canvas: &mut Canvas, key: Key, [x, y]: [usize; 2]) {
        let scale = self.scale as f32;
        let (left, middle) = (x as f32, y as f32 + GLYPH_PX[1] as f32 * scale / 2.0);
        let right = left + 2.0 * GLYPH_PX[0] as f32 * scale;
        let ends = [[left, middle], [right, middle]];
        let line = |width: f32, dash| Line { width: width * scale, halo: 0.0, dash };
        match key {
            Key::None => {}
            Key::Fill(color) => {
                let (top, bottom) = (middle - 5.0 * scale, middle + 5.0 * scale);
                let ring =
                    [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
                let size = [(right - left) as usize, (bottom - top) as usize];
                let faint = color.map(|v| (f32::from(v) * style::FILL_ALPHA * 1.6) as u8);
                canvas.block([x, top as usize], size, faint);
                draw_polyline(canvas, &ring, color, line(1.8, None));
            }
            Key::Line(color) => draw_polyline(canvas, &ends, color, line(1.6, None)),
            Key::Dashes(color) => {
                draw_polyline(canvas, &ends, color, line(1.6, Some([5.0 * scale, 3.0 * scale])));
            }
            Key::Point(label) => {
                draw_point(canvas, [(left + right) / 2.0, middle], label, 0.85 * scale)
            }
        }
    }
}

/// Columns that a key and the gap after it take.
fn key_columns(key: Key) -> usize {
    if key == Key::None { 0 } else { 3 }
}

fn shortened(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_string();
    }
    text.chars().take(columns.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_wrap_and_stay_within_the_panel() {
        let entries: Vec<_> =
            (0..7).map(|i| Entry::new(Key::Line(style::BOX), format!("entry {i}"))).collect();
        for (width, unit) in [(8, 1.0), (800, 1.0), (4096, 4.5)] {
            let legend = Legend::new("model", entries.clone(), width, unit);
            assert!(legend.size()[0] >= MIN_COLUMNS * GLYPH_PX[0]);
            for (column, row, entry) in &legend.placed {
                assert!(column + 3 + entry.text.len() <= legend.columns);
                assert!(*row < legend.rows);
            }
        }
    }

    #[test]
    fn a_long_title_is_cut() {
        assert_eq!(shortened("abcdefgh", 6), "abc...");
        assert_eq!(shortened("abcdef", 6), "abcdef");
    }
}
