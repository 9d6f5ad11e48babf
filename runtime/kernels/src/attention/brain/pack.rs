//! Tokens as pairs of bf16: keys by channels, values by keys, queries by channels and as columns.

use super::{LANES, load, paired, store, store_pairs};
use std::arch::x86_64::*;
use std::f32::consts::LOG2_E;
use std::mem::transmute;

/// The mean of all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn mean_of_rows(rows: &[f32], dim: usize, mean: &mut Vec<f32>) {
    mean.resize(dim, 0.0);
    let share = _mm512_set1_ps(dim as f32 / rows.len() as f32);
    let (rows, parts) = (rows.as_chunks::<LANES>().0, dim / LANES);
    for (part, mean) in mean.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        // Four sums: an addition takes four cycles, and one could start in each.
        let mut sums = [_mm512_setzero_ps(); 4];
        let mut fours = rows.chunks_exact(4 * parts);
        for four in &mut fours {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_add_ps(*sum, load(&four[i * parts + part]));
            }
        }
        for row in fours.remainder().chunks_exact(parts) {
            sums[0] = _mm512_add_ps(sums[0], load(&row[part]));
        }
        let [a, b, c, d] = sums;
        let sum = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
        store(mean, _mm512_mul_ps(sum, share));
    }
}

/// Rounds rows of channels, less their mean, to pairs of neighbours.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn pack_channels(rows: &[f32], mean: &[f32], pairs: &mut Vec<u32>) {
    pairs.resize(rows.len() / 2, 0);
    let parts = mean.len() / LANES;
    let (rows, pairs) = (rows.as_chunks::<LANES>().0, pairs.as_chunks_mut::<{ LANES / 2 }>().0);
    for (part, mean) in mean.as_chunks::<LANES>().0.iter().enumerate() {
        let mean = load(mean);
        for (row, to) in rows.chunks_exact(parts).zip(pairs.chunks_exact_mut(parts)) {
            to[part] = neighbours(_mm512_sub_ps(load(&row[part]), mean));
        }
    }
}

/// Rounds a vector to pairs of neighbours.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn neighbours(values: __m512) -> [u32; LANES / 2] {
    // SAFETY: both are 256 bits; the first of two values is the lower half of a `u32` on x86.
    unsafe { transmute(_mm512_cvtneps_pbh(values)) }
}

/// Rounds rows of channels, less their mean, to pairs of rows. An odd last row has a partner of zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn pack_keys(rows: &[f32], mean: &[f32], pairs: &mut Vec<u32>) {
    let (dim, parts) = (mean.len(), mean.len() / LANES);
    pairs.resize((rows.len() / dim).div_ceil(2) * dim, 0);
    let rows = rows.as_chunks::<LANES>().0;
    for (part, mean) in mean.as_chunks::<LANES>().0.iter().enumerate() {
        let mean = load(mean);
        for (rows, to) in rows.chunks(2 * parts).zip(pairs.chunks_exact_mut(dim)) {
            let first = _mm512_sub_ps(load(&rows[part]), mean);
            let second = match rows.get(parts + part) {
                Some(row) => _mm512_sub_ps(load(row), mean),
                None => _mm512_setzero_ps(),
            };
            store_pairs(&mut to[part * LANES..], paired(first, second));
        }
    }
}

/// Scales queries, so that e^s is a power of two, rounds them to pairs of channels, and makes a column of each.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn pack_queries(rows: &[f32], dim: usize, columns: &mut [u32], width: usize) {
    let scale = _mm512_set1_ps(LOG2_E);
    for (i, row) in rows.chunks_exact(dim).enumerate() {
        for (part, values) in row.as_chunks::<LANES>().0.iter().enumerate() {
            let pairs = neighbours(_mm512_mul_ps(load(values), scale));
            for (step, pair) in pairs.into_iter().enumerate() {
                columns[(part * LANES / 2 + step) * width + i] = pair;
            }
        }
    }
}
