//! Near-duplicates: images that look alike to a perceptual hash.

use uniultra_core::Frame;

/// Columns and rows of the grid that a picture is reduced to.
const COLUMNS: usize = 17;
const ROWS: usize = 16;

/// Bits of a [`PictureHash`].
pub(crate) const BITS: u32 = ((COLUMNS - 1) * ROWS) as u32;

/// Gray values, of 255, by which a neighbour must be brighter to count. Noise in dark regions is less.
const STEP: f64 = 1.0;

/// The difference hash of a picture: whether each cell of a coarse grid is darker than the cell to its
/// right. Size, contrast and compression hardly change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PictureHash([u64; 4]);

impl PictureHash {
    pub(crate) fn new(frame: &Frame) -> Self {
        let means = means(frame);
        let mut words = [0_u64; 4];
        let pairs = means.chunks_exact(COLUMNS).flat_map(|row| row.windows(2));
        for (bit, pair) in pairs.enumerate() {
            if let ([left, right], Some(word)) = (pair, words.get_mut(bit / 64)) {
                *word |= u64::from(right - left > STEP) << (bit % 64);
            }
        }
        Self(words)
    }

    /// Number of bits that differ.
    pub(crate) fn distance(self, other: Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// Mean gray of each cell, 0 to 255, row by row.
fn means(frame: &Frame) -> Vec<f64> {
    let (width, height) = (frame.width(), frame.height());
    let mut sums = vec![(0.0_f64, 0_u32); COLUMNS * ROWS];
    for y in 0..height {
        let row = y * ROWS / height * COLUMNS;
        for x in 0..width {
            let gray = frame.gray(x, y).unwrap_or_default();
            if let Some((sum, count)) = sums.get_mut(row + x * COLUMNS / width) {
                *sum += f64::from(gray) * 255.0;
                *count += 1;
            }
        }
    }
    // A picture narrower than the grid leaves cells without a pixel.
    sums.iter().map(|&(sum, count)| sum / f64::from(count.max(1))).collect()
}

/// Two pictures by their places, and the bits that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) distance: u32,
}

/// All pairs of pictures that differ in at most `most` bits, by their places.
pub(crate) fn pairs(hashes: &[PictureHash], most: u32) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (first, a) in hashes.iter().enumerate() {
        for (second, b) in hashes.iter().enumerate().skip(first + 1) {
            let distance = a.distance(*b);
            if distance <= most {
                pairs.push(Pair { first, second, distance });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::Pixels;

    /// A smooth picture that depends on `seed`.
    fn picture(seed: f64, width: usize, height: usize, gain: f64) -> Frame {
        let value = |at: usize| {
            let (x, y) = ((at % width) as f64 / width as f64, (at / width) as f64 / height as f64);
            let wave = (x * 19.0 * seed).sin() + (y * 13.0 + x * seed * 5.0).cos();
            (gain * (120.0 + 50.0 * wave)) as u8
        };
        let values = (0..width * height).map(value).collect();
        Frame::new(width, height, Pixels::Gray8(values)).unwrap()
    }

    #[test]
    fn size_and_gain_hardly_matter_and_content_does() {
        let of = |seed, width, height, gain| PictureHash::new(&picture(seed, width, height, gain));
        let first = of(1.0, 300, 200, 1.0);
        assert!(first.distance(of(1.0, 151, 101, 1.0)) <= 12);
        assert!(first.distance(of(1.0, 300, 200, 0.8)) <= 4);
        assert!(first.distance(of(1.7, 300, 200, 1.0)) > 60);
    }

    #[test]
    fn pairs_are_those_within_the_distance() {
        let hashes = [0_u64, 1, 7, u64::MAX].map(|word| PictureHash([word, 0, 0, 0]));
        let found: Vec<_> =
            pairs(&hashes, 2).iter().map(|p| (p.first, p.second, p.distance)).collect();
        assert_eq!(found, [(0, 1, 1), (1, 2, 2)]);
        assert_eq!(pairs(&hashes, BITS).len(), 6);
    }
}
