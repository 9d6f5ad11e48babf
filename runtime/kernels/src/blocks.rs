//! The order of a map's pixels as tokens: row by row, or by square blocks within blocks.
//!
//! The mask decoder doubles its map with transposed 2x2 convolutions of stride 2. Each is a linear
//! layer that gives four pixels, of `C` channels each, for one token. If the pixels of a token's
//! square follow each other, its output `[tokens, 4 C]` is the next layer's input `[4 tokens, C]`
//! as it lies in memory. Doubling twice nests the squares. Only the first and the last map must be
//! moved between rows and blocks.

use crate::KernelError;
use crate::error::expect_size;
use crate::transpose::{SIDE, transpose_square};

/// Values moved together: 16 KiB, so that they and their target stay in the first cache.
const RUN_VALUES: usize = 4096;
/// Pixels in a cache line of 64 bytes.
const LINE: usize = 16;

/// The order of tokens in a map of cells of `2^levels` x `2^levels` pixels. Cells go row by row.
/// Within a cell, its quarters follow each other, within a quarter its quarters, and so on
/// (Z-order). With 0 levels, pixels go row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Blocks {
    cells: [usize; 2],
    levels: u32,
}

impl Blocks {
    /// A map of `cells[0]` rows and `cells[1]` columns of cells.
    ///
    /// # Errors
    /// [`KernelError::Blocks`] if it has more than `2^32` pixels or 8 levels.
    pub fn new(cells: [usize; 2], levels: u32) -> Result<Self, KernelError> {
        // Sizes come from a file, so no product may overflow.
        let cell = 1_usize.checked_shl(2 * levels.min(1 << 8)).unwrap_or(usize::MAX);
        let pixels = cells[0].checked_mul(cells[1]).and_then(|count| count.checked_mul(cell));
        if levels > 8 || pixels.is_none_or(|pixels| pixels as u64 > 1 << 32) {
            return Err(KernelError::Blocks { cells, levels });
        }
        Ok(Self { cells, levels })
    }

    /// Rows and columns of pixels.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        self.cells.map(|cells| cells << self.levels)
    }

    /// How often a cell is cut into quarters.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.levels
    }

    /// Number of pixels of the map.
    #[must_use]
    pub fn pixels(&self) -> usize {
        let [rows, columns] = self.size();
        rows * columns
    }

    /// Number of tokens in a row of cells. They follow each other, so a thread can own a band.
    #[must_use]
    pub fn band(&self) -> usize {
        self.cells[1] << (2 * self.levels)
    }

    /// The index of a pixel's token. Within a cell it is the bits of `y` and `x`, interleaved.
    #[must_use]
    pub fn token(&self, y: usize, x: usize) -> usize {
        let (mut place, mut shift) = (0, 0);
        for level in 0..self.levels {
            place |= ((y >> level & 1) << 1 | (x >> level & 1)) << shift;
            shift += 2;
        }
        (((y >> self.levels) * self.cells[1] + (x >> self.levels)) << shift) | place
    }
}

/// Copies planes `x [channels, rows, columns]` to tokens `out [tokens, channels]`: whole rows of
/// cells from `first_band`.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit.
pub fn planes_to_tokens(
    blocks: &Blocks,
    x: &[f32],
    channels: usize,
    first_band: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let ([rows, columns], band, pixels) = (blocks.size(), blocks.band(), blocks.pixels());
    expect_size("values of planes", pixels.saturating_mul(channels), x.len())?;
    let bands = out.len().checked_div(band * channels).unwrap_or(0);
    expect_size("values of whole rows of cells", bands * band * channels, out.len())?;
    let last = (first_band.saturating_add(bands)).min(blocks.cells[0]);
    expect_size("rows of cells", first_band.saturating_add(bands), last)?;
    let (height, first) = (1 << blocks.levels, first_band * band);
    let pitch = (RUN_VALUES / channels.max(1)).next_multiple_of(LINE).min(columns.max(1));
    let mut run = vec![0.0; channels.max(1) * pitch];
    let mut places = vec![0; pitch];
    for y in first_band * height..(first_band + bands) * height {
        for start in (0..columns).step_by(pitch) {
            let width = pitch.min(columns - start);
            // Planes lie a power of two apart, so the same pixels of all channels compete for a few
            // places of the cache. Each line is therefore copied as a whole before its pixels are
            // scattered; otherwise it would be evicted and loaded again for each of them.
            for (c, run) in run.chunks_exact_mut(pitch).take(channels).enumerate() {
                let line = &x[(c * rows + y) * columns + start..][..width];
                run[..width].copy_from_slice(line);
            }
            // The order of tokens is worked out once for all channels.
            for (j, place) in places[..width].iter_mut().enumerate() {
                *place = (blocks.token(y, start + j) - first) * channels;
            }
            scatter(&run, [channels, pitch], &places[..width], out);
        }
    }
    Ok(())
}

/// Copies column `j` of `run [channels, pitch]` to `out[places[j]..]`, by squares of 4 x 4 where
/// they fit.
fn scatter(run: &[f32], [channels, pitch]: [usize; 2], places: &[usize], out: &mut [f32]) {
    let whole = channels - channels % SIDE;
    let fours = places.chunks_exact(SIDE);
    let done = places.len() - fours.remainder().len();
    for (index, places) in fours.enumerate() {
        for c in (0..whole).step_by(SIDE) {
            let row = |i: usize| &run[(c + i) * pitch..][..pitch];
            let columns = transpose_square([row(0), row(1), row(2), row(3)], index * SIDE);
            for (place, four) in places.iter().zip(columns) {
                out[place + c..][..SIDE].copy_from_slice(&four);
            }
        }
        // Channels that fill no square.
        for (i, place) in places.iter().enumerate() {
            for c in whole..channels {
                out[place + c] = run[c * pitch + index * SIDE + i];
            }
        }
    }
    // Pixels that fill no square.
    for (j, place) in places.iter().enumerate().skip(done) {
        for c in 0..channels {
            out[place + c] = run[c * pitch + j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_of_blocks_within_blocks() {
        let flat = Blocks::new([2, 3], 0).unwrap();
        assert_eq!([flat.token(0, 2), flat.token(1, 0)], [2, 3]);
        let blocks = Blocks::new([2, 3], 2).unwrap();
        assert_eq!((blocks.size(), blocks.pixels(), blocks.band()), ([8, 12], 96, 48));
        // Cell (1, 2), in it the lower left quarter, in that the upper right pixel.
        assert_eq!(blocks.token(4 + 2, 8 + 1), (3 + 2) * 16 + 2 * 4 + 1);
        let mut seen: Vec<_> =
            (0..8).flat_map(|y| (0..12).map(move |x| blocks.token(y, x))).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..96).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn every_pixel_is_moved_to_its_token(
            cells in [1_usize..5, 1_usize..9], levels in 0_u32..3, channels in 1_usize..40,
            bands in 0_usize..5,
        ) {
            let blocks = Blocks::new(cells, levels).unwrap();
            let ([rows, columns], count) = (blocks.size(), blocks.pixels() * channels);
            let x: Vec<f32> = (0..count).map(|i| i as f32).collect();
            let first = bands.min(cells[0]);
            let mut out = vec![f32::NAN; (cells[0] - first) * blocks.band() * channels];
            planes_to_tokens(&blocks, &x, channels, first, &mut out).unwrap();
            let height = 1 << levels;
            for y in first * height..rows {
                for (c, x_at) in (0..channels).flat_map(|c| (0..columns).map(move |x| (c, x))) {
                    let token = blocks.token(y, x_at);
                    let found = out[(token - first * blocks.band()) * channels + c];
                    prop_assert_eq!(found, x[(c * rows + y) * columns + x_at]);
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(Blocks::new([1 << 20, 1 << 20], 0).is_err());
        assert!(Blocks::new([1, 1], 40).is_err());
        let blocks = Blocks::new([2, 3], 1).unwrap();
        let run = |x: usize, first: usize, out: usize| {
            planes_to_tokens(&blocks, &vec![0.0; x], 2, first, &mut vec![0.0; out])
        };
        assert!(run(48, 0, 48).is_ok());
        assert!(run(48, 1, 24).is_ok());
        assert!(run(47, 0, 48).is_err());
        assert!(run(48, 1, 48).is_err());
        assert!(run(48, 0, 23).is_err());
        assert!(run(48, usize::MAX, 48).is_err());
    }
}
