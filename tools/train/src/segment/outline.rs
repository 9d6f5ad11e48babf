//! An object's pixels, ready for drawing places from.

use rand::{Rng, RngExt};

/// Distance from the border, in pixels, up to which a place counts as on the rim.
const RIM_PX: usize = 3;
/// Places tried for one near the border, or outside.
const TRIES: usize = 24;

/// Pixels of a mask that has at least one.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    size: usize,
    pixels: Vec<u32>,
    bounds: [usize; 4],
}

impl Region {
    /// `None` for a mask `[size, size]` without a pixel.
    pub(crate) fn from_mask(mask: &[u8], size: usize) -> Option<Self> {
        let mut pixels = Vec::new();
        let mut bounds = [usize::MAX, usize::MAX, 0, 0];
        for (y, row) in mask.chunks(size).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, value)| **value != 0) {
                pixels.push((y * size + x) as u32);
                let [x0, y0, x1, y1] = bounds;
                bounds = [x0.min(x), y0.min(y), x1.max(x), y1.max(y)];
            }
        }
        (!pixels.is_empty()).then_some(Self { size, pixels, bounds })
    }

    /// x0, y0, x1, y1 of the pixels, inclusive.
    pub(crate) fn bounds(&self) -> [usize; 4] {
        self.bounds
    }

    /// Any pixel.
    pub(crate) fn inside(&self, random: &mut impl Rng) -> [usize; 2] {
        let at = self.pixels[random.random_range(0..self.pixels.len())] as usize;
        [at % self.size, at / self.size]
    }

    /// A pixel near the border; any where none was found.
    pub(crate) fn on_rim(&self, mask: &[u8], size: usize, random: &mut impl Rng) -> [usize; 2] {
        let mut place = self.inside(random);
        for _ in 0..TRIES {
            let [x, y] = place;
            let steps = [
                [RIM_PX as isize, 0],
                [-(RIM_PX as isize), 0],
                [0, RIM_PX as isize],
                [0, -(RIM_PX as isize)],
            ];
            let leaves = steps.iter().any(|[dx, dy]| {
                let (x, y) = (x.checked_add_signed(*dx), y.checked_add_signed(*dy));
                !matches!((x, y), (Some(x), Some(y)) if x < size && y < size && mask[y * size + x] != 0)
            });
            if leaves {
                break;
            }
            place = self.inside(random);
        }
        place
    }

    /// A place outside the object, mostly near it; a random place where it fills the image.
    pub(crate) fn outside(&self, mask: &[u8], size: usize, random: &mut impl Rng) -> [usize; 2] {
        let [x0, y0, x1, y1] = self.bounds;
        let mut place = [0, 0];
        for attempt in 0..TRIES {
            // A margin of half the extent, then the whole image.
            let near = attempt < TRIES / 2;
            let mut along = |low: usize, high: usize| {
                let margin = (high - low) / 2 + size / 32;
                let [low, high] = if near {
                    [low.saturating_sub(margin), (high + margin).min(size - 1)]
                } else {
                    [0, size - 1]
                };
                random.random_range(low..=high)
            };
            place = [along(x0, x1), along(y0, y1)];
            if mask[place[1] * size + place[0]] == 0 {
                break;
            }
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn places_lie_where_they_are_asked_for() {
        let size = 32;
        let inside = |x: usize, y: usize| (8..24).contains(&x) && (4..28).contains(&y);
        let mask: Vec<u8> =
            (0..size * size).map(|at| u8::from(inside(at % size, at / size))).collect();
        let region = Region::from_mask(&mask, size).unwrap();
        assert_eq!(region.bounds(), [8, 4, 23, 27]);
        let mut random = Pcg64::seed_from_u64(1);
        for _ in 0..200 {
            let [x, y] = region.inside(&mut random);
            assert!(inside(x, y));
            let [x, y] = region.on_rim(&mask, size, &mut random);
            assert!(inside(x, y) && !((11..=20).contains(&x) && (7..=24).contains(&y)), "{x} {y}");
            let [x, y] = region.outside(&mask, size, &mut random);
            assert!(!inside(x, y));
        }
        assert!(Region::from_mask(&vec![0; size * size], size).is_none());
    }
}
