//! Template matching, the baseline of people who have no model to follow with: the piece of the first frame round the
//! object is looked for near its last place, by normalised cross-correlation, and the first mask moves with it.

use uniultra_core::{Frame, Mask};

/// Largest side of the picture that is searched, in cells.
const SIDE: usize = 160;
/// Cells in which the object is looked for round its last place.
const REACH: i32 = 10;
/// Surroundings that belong to the piece, as a share of the object's sides.
const MARGIN: f32 = 0.25;

/// The piece that is looked for, the mask that moves with it, and how far it has moved.
#[derive(Debug)]
pub(crate) struct Template {
    first: Mask,
    piece: Gray,
    /// Top left cell of the piece on the first frame.
    home: [i32; 2],
    moved: [i32; 2],
}

impl Template {
    /// `None` if the mask is empty.
    pub(crate) fn new(frame: &Frame, mask: &Mask) -> Option<Self> {
        let bounds = mask.bounding_box()?;
        let gray = Gray::new(frame);
        let cells = |px: usize| (px as f32 / gray.step) as i32;
        let [x0, y0, x1, y1] = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(cells);
        let margin = |side: i32| (side as f32 * MARGIN) as i32 + 1;
        let (dx, dy) = (margin(x1 - x0), margin(y1 - y0));
        let home = [(x0 - dx).max(0), (y0 - dy).max(0)];
        let end = [(x1 + dx).min(gray.width - 1), (y1 + dy).min(gray.height - 1)];
        let piece = gray.piece(home, [end[0] - home[0] + 1, end[1] - home[1] + 1]);
        Some(Self { first: mask.clone(), piece, home, moved: [0; 2] })
    }

    /// The mask on a new frame.
    pub(crate) fn follow(&mut self, frame: &Frame) -> Option<Mask> {
        let gray = Gray::new(frame);
        let mut best = (f32::MIN, self.moved);
        for dy in -REACH..=REACH {
            for dx in -REACH..=REACH {
                let moved = [self.moved[0] + dx, self.moved[1] + dy];
                let at = [self.home[0] + moved[0], self.home[1] + moved[1]];
                let likeness = self.piece.likeness(&gray, at);
                if likeness > best.0 {
                    best = (likeness, moved);
                }
            }
        }
        self.moved = best.1;
        let px = self.moved.map(|cells| (cells as f32 * gray.step).round() as i32);
        shifted(&self.first, px)
    }
}

fn shifted(mask: &Mask, [dx, dy]: [i32; 2]) -> Option<Mask> {
    let (width, height) = (mask.width(), mask.height());
    let there = |x: usize, y: usize| {
        let from = [x as i32 - dx, y as i32 - dy].map(usize::try_from);
        matches!(from, [Ok(x), Ok(y)] if mask.contains(x, y))
    };
    let data = (0..width * height).map(|i| u8::from(there(i % width, i / width))).collect();
    Mask::from_binary(width, height, data).ok()
}

/// A gray picture of at most [`SIDE`] cells a side.
#[derive(Debug)]
struct Gray {
    width: i32,
    height: i32,
    cells: Vec<f32>,
    /// Pixels a cell.
    step: f32,
}

impl Gray {
    /// Each cell is the mean of its pixels.
    fn new(frame: &Frame) -> Self {
        let step = frame.width().max(frame.height()).div_ceil(SIDE).max(1);
        let (width, height) = (frame.width() / step, frame.height() / step);
        let mean = |cell: usize| {
            let (x, y) = (cell % width * step, cell / width * step);
            let pixels = (0..step * step).filter_map(|i| frame.gray(x + i % step, y + i / step));
            pixels.sum::<f32>() / (step * step) as f32
        };
        let cells = (0..width * height).map(mean).collect();
        Self { width: width as i32, height: height as i32, cells, step: step as f32 }
    }

    fn at(&self, x: i32, y: i32) -> Option<f32> {
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        let place = usize::try_from(y * self.width + x).ok().filter(|_| inside)?;
        self.cells.get(place).copied()
    }

    fn piece(&self, [x0, y0]: [i32; 2], [width, height]: [i32; 2]) -> Self {
        let cells = (0..width * height).map(|i| self.at(x0 + i % width, y0 + i / width));
        Self {
            width,
            height,
            cells: cells.map(Option::unwrap_or_default).collect(),
            step: self.step,
        }
    }

    /// Correlation of this piece with the same cells of `other`, those outside left out.
    fn likeness(&self, other: &Self, [x0, y0]: [i32; 2]) -> f32 {
        let pairs = self.cells.iter().zip(0..).filter_map(|(a, i)| {
            let b = other.at(x0 + i % self.width, y0 + i / self.width)?;
            Some((f64::from(*a), f64::from(b)))
        });
        let (mut n, mut a1, mut b1, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (a, b) in pairs {
            n += 1.0;
            a1 += a;
            b1 += b;
            aa += a * a;
            bb += b * b;
            ab += a * b;
        }
        // A piece that is mostly outside says nothing.
        if n * 2.0 < self.cells.len() as f64 {
            return f32::MIN;
        }
        let variance = (aa - a1 * a1 / n) * (bb - b1 * b1 / n);
        if variance > 0.0 { ((ab - a1 * b1 / n) / variance.sqrt()) as f32 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::Pixels;

    /// A disc with texture at `x`, `y` on a textured ground.
    fn frame(x: i32, y: i32) -> (Frame, Mask) {
        let (width, height) = (320, 200);
        let noise = |i: i32, j: i32| ((i * 7919 + j * 104_729) as u32 >> 3) % 60;
        let inside = |i: usize| {
            let (dx, dy) = (i as i32 % width - x, i as i32 / width - y);
            dx * dx + dy * dy < 400
        };
        let samples = (0..(width * height) as usize).map(|i| {
            let (column, row) = (i as i32 % width, i as i32 / width);
            let level =
                if inside(i) { 150 + noise(column - x, row - y) } else { 20 + noise(column, row) };
            level as u8
        });
        let frame = Frame::new(320, 200, Pixels::Gray8(samples.collect())).unwrap();
        let mask = (0..(width * height) as usize).map(|i| u8::from(inside(i))).collect();
        (frame, Mask::from_binary(320, 200, mask).unwrap())
    }

    #[test]
    fn a_disc_is_followed_and_an_empty_mask_is_not() {
        let (first, mask) = frame(100, 90);
        let mut template = Template::new(&first, &mask).unwrap();
        for step in 1..6 {
            let (next, truth) = frame(100 + 10 * step, 90 - 6 * step);
            let found = template.follow(&next).unwrap();
            assert!(uniultra_core::dice(&found, &truth).unwrap() > 0.95, "{step}");
        }
        let nothing = Mask::from_binary(320, 200, vec![0; 64_000]).unwrap();
        assert!(Template::new(&first, &nothing).is_none());
    }
}
