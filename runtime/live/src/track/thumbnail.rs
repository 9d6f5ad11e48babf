//! A small gray copy of a frame.

use uniultra_core::Frame;

/// Cells along the longer side. A cell of a 640 px frame is 5 px: finer than a breath moves an organ in a
/// frame time, and coarse enough that speckle, which changes as tissue turns, is averaged away.
const CELLS: usize = 128;

/// Mean gray values of square cells, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thumbnail {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Side of a cell, in pixels of the frame.
    pub(crate) cell_px: f32,
    pub(crate) values: Vec<f32>,
}

impl Thumbnail {
    /// Fills it from a frame; its buffer is reused.
    pub(crate) fn fill(&mut self, frame: &Frame) {
        let (width, height) = (frame.width(), frame.height());
        let cell = (width.max(height) as f32 / CELLS as f32).max(1.0);
        self.cell_px = cell;
        self.width = ((width as f32 / cell) as usize).max(1);
        self.height = ((height as f32 / cell) as usize).max(1);
        self.values.clear();
        // Every pixel of a large frame would cost more than it tells: up to four by four samples a cell.
        let samples = (cell as usize).clamp(1, 4);
        for row in 0..self.height {
            for column in 0..self.width {
                let mut sum = 0.0;
                for i in 0..samples * samples {
                    let within = |part: usize| (part as f32 + 0.5) / samples as f32;
                    let x = (column as f32 + within(i % samples)) * cell;
                    let y = (row as f32 + within(i / samples)) * cell;
                    sum += frame.gray(x as usize, y as usize).unwrap_or_default();
                }
                self.values.push(sum / (samples * samples) as f32);
            }
        }
    }

    /// Mean gray of all cells; 0 if there are none.
    pub(crate) fn mean(&self) -> f32 {
        self.values.iter().sum::<f32>() / self.values.len().max(1) as f32
    }

    /// A row of cells.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        self.values.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::Pixels;

    #[test]
    fn cells_are_means() {
        let pixels = (0..512 * 256).map(|i| if i % 512 < 256 { 0 } else { 255 }).collect();
        let frame = Frame::new(512, 256, Pixels::Gray8(pixels)).unwrap();
        let mut small = Thumbnail::default();
        small.fill(&frame);
        assert_eq!((small.width, small.height, small.cell_px), (128, 64, 4.0));
        assert_eq!(small.values.len(), 128 * 64);
        let row = small.row(63);
        assert!(row[..64].iter().all(|&v| v == 0.0) && row[64..].iter().all(|&v| v == 1.0));
    }

    #[test]
    fn small_frames_keep_their_pixels() {
        let frame = Frame::new(16, 20, Pixels::Gray8((0..=255).chain(0..64).collect())).unwrap();
        let mut small = Thumbnail::default();
        small.fill(&frame);
        assert_eq!((small.width, small.height), (16, 20));
        assert!((small.row(15)[15] - 1.0).abs() < 1e-6);
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::Thumbnail;

    /// A picture of 128 x 100 cells of 1 px.
    fn picture(value: impl Fn(f32, f32) -> f32) -> Thumbnail {
        let (width, height) = (128, 100);
        let values = (0..width * height).map(|i| value((i % width) as f32, (i / width) as f32));
        Thumbnail { width, height, cell_px: 1.0, values: values.collect() }
    }

    /// A dark disc with a soft border on gray that gets darker with depth.
    pub(crate) fn disc([x0, y0]: [f32; 2], radius: f32) -> Thumbnail {
        picture(|x, y| {
            let outside = (x - x0).hypot(y - y0) - radius;
            0.6 - 0.002 * y - 0.5 / (1.0 + outside.exp())
        })
    }

    /// Values that have nothing to do with each other.
    pub(crate) fn noise(seed: u32) -> Thumbnail {
        picture(|x, y| {
            // Multiplied twice: once would leave the same pattern, moved, for another seed.
            let mix = |value: u32| (value ^ value >> 15).wrapping_mul(0x2c1b_3c6d);
            let hash = mix(mix(x as u32 + 1000 * y as u32 + 1_000_003 * seed));
            (hash >> 16 & 0xff) as f32 / 255.0
        })
    }
}
