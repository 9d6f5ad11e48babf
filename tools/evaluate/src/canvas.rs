//! A frame to draw on: regions, outlines, prompts.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::io;
use std::path::Path;
use uniultra_core::{Frame, Mask, Prompts};
use uniultra_report::create_folder;
use uniultra_sink::{SinkError, write_atomically};

/// Colour of the truth's outline, in red, green, blue.
pub const TRUTH: [u8; 3] = [0, 220, 80];

/// Colour of prompts, likewise.
pub const PROMPT: [u8; 3] = [255, 200, 0];

/// Half the width of a point's cross, in pixels.
const CROSS_PX: isize = 5;

/// An RGB picture of a frame's size. What falls outside of it is not drawn.
#[derive(Clone, Debug)]
pub struct Canvas {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

impl Canvas {
    /// The frame in gray.
    #[must_use]
    pub fn from_frame(frame: &Frame) -> Self {
        let (width, height) = (frame.width(), frame.height());
        let mut canvas = Self { pixels: vec![0; width * height * 3], width, height };
        for y in 0..height {
            for x in 0..width {
                let gray = frame.gray(x, y).unwrap_or_default();
                canvas.set(x as isize, y as isize, [(gray * 255.0).round() as u8; 3]);
            }
        }
        canvas
    }

    /// Gives a pixel a colour.
    pub fn set(&mut self, x: isize, y: isize, color: [u8; 3]) {
        if let Some(pixel) = self.pixel(x, y) {
            pixel.copy_from_slice(&color);
        }
    }

    /// Mixes a colour into a pixel; `share` is the colour's, 0 to 1.
    pub fn tint(&mut self, x: isize, y: isize, color: [u8; 3], share: f32) {
        if let Some(pixel) = self.pixel(x, y) {
            for (old, new) in pixel.iter_mut().zip(color) {
                *old = (f32::from(*old) * (1.0 - share) + f32::from(new) * share).round() as u8;
            }
        }
    }

    fn pixel(&mut self, x: isize, y: isize) -> Option<&mut [u8]> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        let at = (y * self.width + x) * 3;
        if x < self.width { self.pixels.get_mut(at..at + 3) } else { None }
    }

    /// Draws a cross at each point and every other pixel of the box.
    pub fn prompts(&mut self, prompts: &Prompts) {
        for point in prompts.points() {
            let (x, y) = (point.x.round() as isize, point.y.round() as isize);
            for step in -CROSS_PX..=CROSS_PX {
                self.set(x + step, y, PROMPT);
                self.set(x, y + step, PROMPT);
            }
        }
        if let Some(corners) = prompts.bounding_box() {
            let [x0, y0, x1, y1] = corners.map(|v| v.round() as isize);
            for x in (x0..=x1).step_by(2) {
                self.set(x, y0, PROMPT);
                self.set(x, y1, PROMPT);
            }
            for y in (y0..=y1).step_by(2) {
                self.set(x0, y, PROMPT);
                self.set(x1, y, PROMPT);
            }
        }
    }

    /// Writes the picture, and the folders above it where they are not there.
    ///
    /// # Errors
    /// [`SinkError::Write`].
    pub fn write_png(&self, path: &Path) -> Result<(), SinkError> {
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        // Sides are at most 8192 pixels.
        let (width, height) = (self.width as u32, self.height as u32);
        write_atomically(path, |w| {
            PngEncoder::new(w)
                .write_image(&self.pixels, width, height, ExtendedColorType::Rgb8)
                .map_err(io::Error::other)
        })
    }
}

/// Whether a pixel of the mask has a neighbour that is not of it.
#[must_use]
pub fn on_outline(mask: &Mask, x: usize, y: usize) -> bool {
    let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    mask.contains(x, y) && around.into_iter().any(|(x, y)| !mask.contains(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;
    use uniultra_core::Pixels;

    #[test]
    fn colours_mix_and_stay_inside() {
        let frame = Frame::new(16, 16, Pixels::Gray8(vec![100; 256])).unwrap();
        let mut canvas = Canvas::from_frame(&frame);
        canvas.tint(1, 0, [200, 0, 100], 0.5);
        assert_eq!(canvas.pixels[..6], [100, 100, 100, 150, 50, 100]);
        let before = canvas.pixels.clone();
        for (x, y) in [(-1, 0), (16, 0), (0, 16), (0, -1)] {
            canvas.set(x, y, [255; 3]);
        }
        assert_eq!(canvas.pixels, before);
    }

    #[test]
    fn an_outline_is_the_inner_border() {
        let mask = mask_of(&["####", "####", "####"]);
        let inner: Vec<usize> = (0..12).filter(|i| !on_outline(&mask, i % 4, i / 4)).collect();
        assert_eq!(inner, [5, 6]);
    }
}
