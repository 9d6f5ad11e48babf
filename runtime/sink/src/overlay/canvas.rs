//! The picture: the frame as RGB, with paths drawn over it.

use super::style::{self, Rgb};
use super::viewport::Viewport;
use image::imageops::FilterType;
use image::{ImageBuffer, Rgb as ImageRgb};
use tiny_skia::{
    FillRule, LineCap, LineJoin, Path, Pixmap, PremultipliedColorU8, Stroke, StrokeDash, Transform,
};
use uniultra_core::Frame;

/// Up to this factor a small frame is enlarged smoothly; beyond it, each pixel becomes a square.
const SMOOTH_UP: usize = 4;

/// An opaque RGB picture.
pub(super) struct Canvas {
    pub(super) pixmap: Pixmap,
}

impl Canvas {
    /// A canvas in the panel's colour; `None` if memory for that size is missing.
    pub(super) fn new(width: usize, height: usize) -> Option<Self> {
        let mut pixmap = Pixmap::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?)?;
        let [r, g, b] = style::PANEL;
        pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
        Some(Self { pixmap })
    }

    /// Draws the frame into its place in the viewport.
    pub(super) fn draw_frame(&mut self, frame: &Frame, view: &Viewport) {
        if view.down > 1 {
            self.draw_rows(view, |x, y| block_mean(frame, view.down, x, y));
        } else if view.up == 1 {
            self.draw_rows(view, |x, y| to_u8(frame.rgb(x, y).unwrap_or_default()));
        } else {
            // Only small frames are enlarged: at most 800 pixels a side.
            let source =
                ImageBuffer::from_fn(frame.width() as u32, frame.height() as u32, |x, y| {
                    ImageRgb(to_u8(frame.rgb(x as usize, y as usize).unwrap_or_default()))
                });
            let smooth = view.up <= SMOOTH_UP;
            let filter = if smooth { FilterType::CatmullRom } else { FilterType::Nearest };
            let (width, height) = (view.width as u32, view.height as u32);
            let large = image::imageops::resize(&source, width, height, filter);
            self.draw_rows(view, |x, y| large.get_pixel(x as u32, y as u32).0);
        }
    }

    fn draw_rows(&mut self, view: &Viewport, color: impl Fn(usize, usize) -> Rgb) {
        let row_px = self.pixmap.width() as usize;
        let rows = self.pixmap.pixels_mut().chunks_exact_mut(row_px).take(view.height);
        for (y, row) in rows.enumerate() {
            for (x, pixel) in row.iter_mut().skip(view.left).take(view.width).enumerate() {
                *pixel = opaque(color(x, y));
            }
        }
    }

    pub(super) fn fill(&mut self, path: &Path, color: Rgb, alpha: f32) {
        let paint = style::paint(color, alpha);
        self.pixmap.fill_path(path, &paint, FillRule::EvenOdd, Transform::identity(), None);
    }

    /// Strokes a path over a dark halo, which is `halo` wider on each side.
    pub(super) fn stroke(&mut self, path: &Path, color: Rgb, line: Line) {
        if line.halo > 0.0 {
            let width = line.width + 2.0 * line.halo;
            self.stroke_once(path, style::HALO, style::HALO_ALPHA, width, None);
        }
        self.stroke_once(path, color, 1.0, line.width, line.dash);
    }

    fn stroke_once(
        &mut self,
        path: &Path,
        color: Rgb,
        alpha: f32,
        width: f32,
        dash: Option<[f32; 2]>,
    ) {
        let stroke = Stroke {
            width,
            line_cap: if dash.is_some() { LineCap::Butt } else { LineCap::Round },
            line_join: LineJoin::Round,
            dash: dash.and_then(|[on, off]| StrokeDash::new(vec![on, off], 0.0)),
            ..Stroke::default()
        };
        let paint = style::paint(color, alpha);
        self.pixmap.stroke_path(path, &paint, &stroke, Transform::identity(), None);
    }

    /// Fills a rectangle of whole pixels, clipped to the canvas.
    pub(super) fn block(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: Rgb) {
        let row_px = self.pixmap.width() as usize;
        let rows = self.pixmap.pixels_mut().chunks_exact_mut(row_px).skip(y).take(height);
        for row in rows {
            row.iter_mut().skip(x).take(width).for_each(|pixel| *pixel = opaque(color));
        }
    }

    /// `[height, width, 3]`, 8 bit.
    pub(super) fn rgb(&self) -> Vec<u8> {
        self.pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect()
    }
}

/// Width, halo and dashes of a line, in canvas pixels.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) width: f32,
    pub(super) halo: f32,
    pub(super) dash: Option<[f32; 2]>,
}

fn opaque([r, g, b]: Rgb) -> PremultipliedColorU8 {
    // tiny-skia only refuses channels above alpha, and alpha is 255.
    PremultipliedColorU8::from_rgba(r, g, b, 255).unwrap_or(PremultipliedColorU8::TRANSPARENT)
}

fn to_u8(rgb: [f32; 3]) -> Rgb {
    rgb.map(|v| (v * 255.0).round() as u8)
}

/// Mean colour of the frame's pixels under one canvas pixel.
fn block_mean(frame: &Frame, side: usize, x: usize, y: usize) -> Rgb {
    let mut sum = [0.0; 3];
    let mut count = 0.0f32;
    for row in y * side..(y + 1) * side {
        for column in x * side..(x + 1) * side {
            if let Some(rgb) = frame.rgb(column, row) {
                count += 1.0;
                sum.iter_mut().zip(rgb).for_each(|(sum, v)| *sum += v);
            }
        }
    }
    to_u8(sum.map(|v| v / count.max(1.0)))
}
