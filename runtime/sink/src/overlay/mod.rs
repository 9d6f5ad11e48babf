//! The overlay: a picture of the frame with the mask, the prompts and a legend.

mod canvas;
mod legend;
mod marks;
mod style;
mod text;
mod viewport;

#[cfg(test)]
mod tests;

use crate::mask_png::encode_png;
use crate::{Format, SinkError, write_atomically};
use canvas::Canvas;
use image::ExtendedColorType;
use legend::{Entry, Key, Legend};
use marks::Rings;
use std::io::{self, Write};
use std::path::Path;
use uniultra_core::{
    Diameters, Frame, MaskToken, PixelSpacing, PointLabel, Polygon, Prompts, Segment,
};
use viewport::Viewport;

/// The content of an overlay. Coordinates are pixels of the source frame.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Overlay<'a> {
    /// The source frame.
    pub frame: &'a Frame,
    /// The prompts.
    pub prompts: &'a Prompts,
    /// Name of the model, the legend's title.
    pub model: &'a str,
    /// Outlines of the answer; empty if no object was found.
    pub contours: &'a [Polygon],
    /// The answer's area, in pixels.
    pub area_px: usize,
    /// The model's estimate of the answer's IoU, in 0..=1.
    pub predicted_iou: f32,
    /// The answer's diameters.
    pub diameters: Option<&'a Diameters>,
    /// Sides of a pixel; without it, lengths are in pixels.
    pub spacing: Option<PixelSpacing>,
    /// Masks that were not chosen; at most three are drawn.
    pub alternatives: &'a [Alternative],
}

impl<'a> Overlay<'a> {
    /// An overlay of a frame, the model's name and the prompts. Without
    /// [`with_answer`](Self::with_answer) the legend says that no object was found.
    #[must_use]
    pub fn new(model: &'a str, frame: &'a Frame, prompts: &'a Prompts) -> Self {
        Self {
            frame,
            prompts,
            model,
            contours: &[],
            area_px: 0,
            predicted_iou: 0.0,
            diameters: None,
            spacing: None,
            alternatives: &[],
        }
    }

    /// Sets the answer: its outlines, its area in pixels, and the model's estimate of its IoU.
    #[must_use]
    pub fn with_answer(
        mut self,
        contours: &'a [Polygon],
        area_px: usize,
        predicted_iou: f32,
    ) -> Self {
        (self.contours, self.area_px, self.predicted_iou) = (contours, area_px, predicted_iou);
        self
    }

    /// Sets the answer's diameters.
    #[must_use]
    pub fn with_diameters(mut self, diameters: Option<&'a Diameters>) -> Self {
        self.diameters = diameters;
        self
    }

    /// Sets the sides of a pixel, so that lengths and areas are in millimetres. Where pixels are not
    /// square, the diameters must come from
    /// [`diameters_with_spacing`](uniultra_core::diameters_with_spacing).
    #[must_use]
    pub fn with_spacing(mut self, spacing: Option<PixelSpacing>) -> Self {
        self.spacing = spacing;
        self
    }

    /// Sets the masks that were not chosen.
    #[must_use]
    pub fn with_alternatives(mut self, alternatives: &'a [Alternative]) -> Self {
        self.alternatives = alternatives;
        self
    }
}

/// A mask that was not chosen, drawn as a thin outline.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alternative {
    /// The mask's token.
    pub token: MaskToken,
    /// The model's estimate of its IoU, in 0..=1.
    pub predicted_iou: f32,
    /// Its outlines.
    pub contours: Vec<Polygon>,
}

impl Alternative {
    /// A mask, the model's estimate of its IoU, and its outlines.
    #[must_use]
    pub fn new(token: MaskToken, predicted_iou: f32, contours: Vec<Polygon>) -> Self {
        Self { token, predicted_iou, contours }
    }
}

/// Writes the overlay as an RGB PNG. A frame whose longer side is below 800 pixels is enlarged by a
/// whole factor, and one above 4096 pixels is reduced by a whole factor. The legend is a panel
/// underneath.
///
/// # Errors
/// [`SinkError::Write`], also if memory for the picture is missing; [`SinkError::Name`] if the name
/// ends in another format.
pub fn write_overlay_png(path: &Path, overlay: &Overlay<'_>) -> Result<(), SinkError> {
    Format::Png.check_name(path)?;
    write_atomically(path, |w| encode_overlay_png(w, overlay))
}

/// As [`write_overlay_png`], to a stream.
///
/// # Errors
/// Those of `writer`, and one of the kind `OutOfMemory` if memory for the picture is missing.
pub fn encode_overlay_png(writer: &mut dyn Write, overlay: &Overlay<'_>) -> io::Result<()> {
    let no_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
    let canvas = render(overlay).ok_or_else(no_memory)?;
    let (width, height) = (canvas.pixmap.width() as usize, canvas.pixmap.height() as usize);
    let rgb = canvas.rgb();
    drop(canvas);
    encode_png(writer, &rgb, width, height, ExtendedColorType::Rgb8)
}

fn render(overlay: &Overlay<'_>) -> Option<Canvas> {
    let frame = overlay.frame;
    let mut view = Viewport::for_frame(frame.width(), frame.height());
    let legend = Legend::new(overlay.model, entries(overlay), view.width, view.unit);
    let [panel_width, panel_height] = legend.size();
    let width = view.width.max(panel_width);
    view.left = (width - view.width) / 2;

    let mut canvas = Canvas::new(width, view.height + panel_height)?;
    canvas.draw_frame(frame, &view);
    // Fill first, then thin lines, then the answer's outline, so that nothing tints or hides a
    // line.
    let answer = marks::outline(overlay.contours, &view, Rings::All);
    if let Some(path) = &answer {
        marks::fill_mask(&mut canvas, path);
    }
    for (alternative, color) in overlay.alternatives.iter().zip(style::ALTERNATIVES) {
        if let Some(path) = marks::outline(&alternative.contours, &view, Rings::NoSpecks) {
            marks::draw_alternative(&mut canvas, &path, color, view.unit);
        }
    }
    if let Some(path) = &answer {
        marks::draw_mask(&mut canvas, path, view.unit);
    }
    if let Some(diameters) = overlay.diameters {
        marks::draw_diameters(&mut canvas, diameters, &view);
    }
    marks::draw_prompts(&mut canvas, overlay.prompts, &view);
    legend.draw(&mut canvas, view.height);
    Some(canvas)
}

/// The legend's entries: figures first, then what the marks mean.
fn entries(overlay: &Overlay<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let iou = format!("predicted IoU {:.2}", overlay.predicted_iou);
    if overlay.area_px == 0 {
        let none = Entry::new(Key::None, "no object found");
        entries.push(Entry { color: style::WARNING, ..none });
        entries.push(Entry::new(Key::None, iou));
    } else {
        entries.push(Entry::new(Key::Fill(style::MASK), format!("mask, {iou}")));
        entries.push(Entry::new(Key::None, area_text(overlay)));
    }
    if let Some(Diameters { longest, perpendicular }) = overlay.diameters {
        let text = |name: &str, segment: &Segment| match overlay.spacing {
            Some(spacing) => format!("{name} {:.1} mm", segment.length_mm(spacing)),
            None => format!("{name} {:.1} px", segment.length_px),
        };
        entries.push(Entry::new(Key::Line(style::DIAMETER), text("longest", longest)));
        let across = text("perpendicular", perpendicular);
        entries.push(Entry::new(Key::Dashes(style::DIAMETER), across));
    }
    for (alternative, color) in overlay.alternatives.iter().zip(style::ALTERNATIVES) {
        let (token, iou) = (alternative.token.index(), alternative.predicted_iou);
        entries.push(Entry::new(Key::Line(color), format!("alternative {token}, IoU {iou:.2}")));
    }
    if overlay.prompts.bounding_box().is_some() {
        entries.push(Entry::new(Key::Dashes(style::BOX), "box"));
    }
    for (label, name) in [(PointLabel::Positive, "positive"), (PointLabel::Negative, "negative")] {
        let count = overlay.prompts.points().iter().filter(|p| p.label == label).count();
        if count > 0 {
            let plural = if count == 1 { "point" } else { "points" };
            entries.push(Entry::new(Key::Point(label), format!("{count} {name} {plural}")));
        }
    }
    if overlay.prompts.mask().is_some() {
        entries.push(Entry::new(Key::None, "with mask prompt"));
    }
    entries
}

fn area_text(overlay: &Overlay<'_>) -> String {
    let px = overlay.area_px;
    match overlay.spacing {
        Some(spacing) => format!("area {px} px ({:.1} mm\u{b2})", spacing.area_mm2(px as f32)),
        None => format!("area {px} px"),
    }
}
