//! Resizes logits to the source frame's size, one row at a time.

use super::{check, check_sides};
use crate::MaskError;
use crate::resample::{Tap, lerp, taps};

/// Calls `row(y, values)` for each row of logits `[side, side]` resized to `width` x `height`
/// (bilinear, half-pixel centres, edge clamp), top to bottom. It never holds more than one row.
///
/// # Errors
/// As [`Mask::upsample_threshold`](crate::Mask::upsample_threshold).
pub fn resize_logits(
    logits: &[f32],
    side: usize,
    width: usize,
    height: usize,
    mut row: impl FnMut(usize, &[f32]),
) -> Result<(), MaskError> {
    check(side, side, logits.len())?;
    check_sides(width, height)?;
    let columns = taps(side, width);
    let mut wide = vec![0.0; width];
    for_each_narrow_row(logits, side, height, |y, line| {
        for (value, tap) in wide.iter_mut().zip(&columns) {
            *value = lerp(line[tap.lo], line[tap.hi], tap.weight);
        }
        row(y, &wide);
    });
    Ok(())
}

/// A mask of the pixels where the resized logits are above 0, as 0 or 1, `[height, width]`.
///
/// Between two grid points of the same sign, interpolated values have that sign, too. So only the
/// pixels near the outline are interpolated and the rest is filled.
pub(super) fn threshold(logits: &[f32], side: usize, width: usize, height: usize) -> Vec<u8> {
    let columns = taps(side, width);
    let runs: Vec<&[Tap]> = columns.chunk_by(|a, b| a.lo == b.lo).collect();
    let mut data = vec![0; width * height];
    for_each_narrow_row(logits, side, height, |y, line| {
        let mut rest = &mut data[y * width..(y + 1) * width];
        for run in &runs {
            let Some((pixels, after)) = std::mem::take(&mut rest).split_at_mut_checked(run.len())
            else {
                return;
            };
            rest = after;
            let Some(Tap { lo, hi, .. }) = run.first() else { return };
            let (lo, hi) = (line[*lo], line[*hi]);
            match (lo > 0.0, hi > 0.0) {
                (false, false) => {}
                (true, true) => pixels.fill(1),
                _ => {
                    for (pixel, tap) in pixels.iter_mut().zip(*run) {
                        *pixel = u8::from(lerp(lo, hi, tap.weight) > 0.0);
                    }
                }
            }
        }
    });
    data
}

/// Calls `row(y, values)` for rows that are resized along y only, `side` values each.
fn for_each_narrow_row(
    logits: &[f32],
    side: usize,
    height: usize,
    mut row: impl FnMut(usize, &[f32]),
) {
    let mut line = vec![0.0; side];
    for (y, tap) in taps(side, height).into_iter().enumerate() {
        let top = &logits[tap.lo * side..(tap.lo + 1) * side];
        let bottom = &logits[tap.hi * side..(tap.hi + 1) * side];
        for ((value, lo), hi) in line.iter_mut().zip(top).zip(bottom) {
            *value = lerp(*lo, *hi, tap.weight);
        }
        row(y, &line);
    }
}
