//! Bitmap text. It needs no font file and is crisp at every whole scale.

use super::canvas::Canvas;
use super::style::Rgb;
use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_9X15, FONT_9X15_BOLD};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};
use std::convert::Infallible;

/// Width and height of a glyph at scale 1.
pub(super) const GLYPH_PX: [usize; 2] = [9, 15];

#[derive(Clone, Copy)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Draws one line of Latin-1 text with its top left corner at `at`; other characters show as `?`.
pub(super) fn draw_text(
    canvas: &mut Canvas,
    text: &str,
    at: [usize; 2],
    scale: usize,
    [r, g, b]: Rgb,
    weight: Weight,
) {
    let font: &MonoFont<'_> = match weight {
        Weight::Regular => &FONT_9X15,
        Weight::Bold => &FONT_9X15_BOLD,
    };
    let style = MonoTextStyle::new(font, Rgb888::new(r, g, b));
    let mut target = Enlarged { canvas, at, scale };
    // The error type has no values; the result is the position after the text.
    let _ = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut target);
}

/// The canvas seen from `at`, each pixel drawn as a square of `scale` x `scale`.
struct Enlarged<'a> {
    canvas: &'a mut Canvas,
    at: [usize; 2],
    scale: usize,
}

impl OriginDimensions for Enlarged<'_> {
    fn size(&self) -> Size {
        Size::new(self.canvas.pixmap.width(), self.canvas.pixmap.height())
    }
}

impl DrawTarget for Enlarged<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(point, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            let corner = [self.at[0] + x * self.scale, self.at[1] + y * self.scale];
            let rgb = [color.r(), color.g(), color.b()];
            self.canvas.block(corner, [self.scale; 2], rgb);
        }
        Ok(())
    }
}
