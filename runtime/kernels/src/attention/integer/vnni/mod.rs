//! Integer attention with AVX-512 VNNI, whose `vpdpbusd` adds four products of bytes to each of 16
//! sums.
//!
//! The instruction multiplies unsigned by signed bytes. Weights are unsigned. Queries are not, so
//! 128 is added to each of their channels; a score then starts from minus 128 times the sum of its
//! key.
//!
//! In the scores a lane is a key: four channels of 16 keys are one vector, and four channels of a
//! query are broadcast. In the weighted sums a lane is a channel: four keys of 16 channels are one
//! vector, and four weights are broadcast. Nothing is ever added across lanes but softmax's maximum
//! and sum.

mod quantize;

use super::{
    Buffers, DITHER, FRACTION_BITS, Head, LANES, LINEAR, ONE, SQUARE, TILE, distance_scale,
    row_factor,
};
use quantize::{keys, load_f32, query, values};
use std::arch::x86_64::*;

/// Channels, or keys, that one instruction adds up in a lane.
const DEPTH: usize = 4;
/// Queries computed together. A loaded vector of keys or values serves all of them, and eight
/// independent sums keep the multiplier busy.
const TOGETHER: usize = 8;
/// Groups of four keys in a tile.
const GROUPS: usize = TILE / DEPTH;

/// Where narrowing puts the groups of four keys of a tile. The pack instructions work within 128
/// bits: from 32 to 16 to 8 bits, they interleave the groups. Undoing it would take a permutation
/// for each tile and query; instead the values are stored in this order once. It is its own
/// inverse.
const fn group_of(dword: usize) -> usize {
    (dword % 4) * 4 + dword / 4
}

/// The dither of half a tile, in the order that keys have in 16-bit lanes, after the first
/// narrowing.
const fn dither(half: usize) -> [u16; 32] {
    let mut lanes = [0; 32];
    let mut i = 0;
    while i < 32 {
        let (lane, within) = (i / 8, i % 8);
        lanes[i] = DITHER[half * 32 + (within / 4) * 16 + lane * 4 + within % 4] as u16;
        i += 1;
    }
    lanes
}
const DITHERS: [[u16; 32]; 2] = [dither(0), dither(1)];

/// [`rows`] for some number of queries.
type Rows = unsafe fn(&mut Head<'_>, &mut Buffers, usize, f32, &[i8; TILE]);

/// Attention of one head.
///
/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn attend(head: &mut Head<'_>, buffers: &mut Buffers) {
    let count = head.key_count();
    let padded = count.next_multiple_of(TILE);
    let key_step = keys(head, buffers, padded);
    values(head, buffers, padded);
    buffers.query.resize(TOGETHER * head.dim, 0);
    buffers.scores.resize(TOGETHER * padded, 0);
    buffers.weights.resize(TOGETHER * padded, 0);
    // 1 for each key of the last tile that is real, in the order of the weights: padding must not
    // count in the sum of the weights. Elsewhere padding is harmless, because its values are zero.
    let mut last = [0_i8; TILE];
    for (i, one) in last.iter_mut().enumerate() {
        let key = group_of(i / DEPTH) * DEPTH + i % DEPTH;
        *one = i8::from(padded - TILE + key < count);
    }
    let queries = head.q.len() / head.dim;
    let mut first = 0;
    while first + TOGETHER <= queries {
        rows::<TOGETHER>(head, buffers, first, key_step, &last);
        first += TOGETHER;
    }
    // Seven or fewer are left: four, two and one of them. A window of 14 x 14 leaves four.
    for (count, rows) in [(4, rows::<4> as Rows), (2, rows::<2>), (1, rows::<1>)] {
        if first + count <= queries {
            // SAFETY: this function has the same condition.
            unsafe { rows(head, buffers, first, key_step, &last) };
            first += count;
        }
    }
}

/// Computes `R` queries from `first`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn rows<const R: usize>(
    head: &mut Head<'_>,
    buffers: &mut Buffers,
    first: usize,
    key_step: f32,
    last: &[i8; TILE],
) {
    let dim = head.dim;
    let mut scales = [0.0; R];
    for (r, scale) in scales.iter_mut().enumerate() {
        let to = &mut buffers.query[r * dim..(r + 1) * dim];
        let step = query(&head.q[(first + r) * dim..][..dim], to);
        *scale = distance_scale(step, key_step, dim);
    }
    // Heads of 16 channels are the rule: with four steps known, the compiler unrolls the loop.
    let maxima = if dim == LANES {
        scores::<R, { LANES / DEPTH }>(buffers, dim)
    } else {
        scores::<R, 0>(buffers, dim)
    };
    let totals = weights::<R>(buffers, &maxima, &scales, last);
    for c in (0..head.dim_v).step_by(LANES) {
        let sums = weigh::<R>(buffers, head.dim_v, c);
        // In the order of the definition: sum times step, then times the row's factor.
        let step = load_f32(&buffers.value_scale, c);
        for (r, sum) in sums.into_iter().enumerate() {
            let factor = _mm512_set1_ps(row_factor(scales[r], totals[r]));
            let value = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), step), factor);
            let start = (first + r) * head.width;
            let to = &mut head.out[(start + c).min(start + head.width)..start + head.width];
            let mask = if to.len() >= LANES { u16::MAX } else { (1 << to.len()) - 1 };
            // SAFETY: the mask has no more lanes than `to` has values.
            unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, value) };
        }
    }
}

/// Scores of `R` queries with all keys, `[keys / 16][R][16]`; returns each query's maximum. `STEPS`
/// is `dim / 4`, or 0 if that is not known at compile time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn scores<const R: usize, const STEPS: usize>(buffers: &mut Buffers, dim: usize) -> [i32; R] {
    let (padded, steps) = (buffers.start.len(), if STEPS > 0 { STEPS } else { dim / DEPTH });
    let Buffers { query, keys, start, scores, .. } = buffers;
    assert!(query.len() >= R * dim && keys.len() >= padded * dim && dim >= steps * DEPTH);
    assert!(scores.len() >= R * padded);
    // The maximum is found on the way: a second pass over the scores would load them again.
    let mut maxima = [_mm512_set1_epi32(i32::MIN); R];
    for block in 0..padded / LANES {
        // SAFETY: `start` holds `padded / 16` vectors.
        let from = unsafe { _mm512_loadu_si512(start.as_ptr().add(block * LANES).cast()) };
        let mut sums = [from; R];
        for t in 0..steps {
            // SAFETY: `keys` holds `padded / 16` blocks of `steps` vectors (asserted above).
            let key = unsafe {
                let at = (block * steps + t) * LANES * DEPTH;
                _mm512_loadu_si512(keys.as_ptr().add(at).cast())
            };
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `query` holds `R` rows of `dim` bytes, `steps` times four (as above).
                let four = unsafe {
                    query.as_ptr().add(r * dim + t * DEPTH).cast::<i32>().read_unaligned()
                };
                *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(four), key);
            }
        }
        for (r, sum) in sums.into_iter().enumerate() {
            maxima[r] = _mm512_max_epi32(maxima[r], sum);
            // SAFETY: `scores` holds `padded / 16` blocks of `R` vectors (asserted above).
            unsafe {
                let at = scores.as_mut_ptr().add((block * R + r) * LANES);
                _mm512_storeu_si512(at.cast(), sum);
            }
        }
    }
    let mut largest = [0; R];
    for (largest, maxima) in largest.iter_mut().zip(maxima) {
        *largest = _mm512_reduce_max_epi32(maxima);
    }
    largest
}

/// Weights of `R` queries, `[tile][R][64]` in the order of [`group_of`]; returns their sums without
/// the padding.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn weights<const R: usize>(
    buffers: &mut Buffers,
    maxima: &[i32; R],
    scales: &[f32; R],
    last: &[i8; TILE],
) -> [i32; R] {
    // SAFETY: whole vectors.
    let (dithers, last) = unsafe {
        let [first, second] = &DITHERS;
        let dithers =
            [_mm512_loadu_si512(first.as_ptr().cast()), _mm512_loadu_si512(second.as_ptr().cast())];
        (dithers, _mm512_loadu_si512(last.as_ptr().cast()))
    };
    // Query by query here, unlike the scores: each has its own maximum and scale.
    let tiles = buffers.start.len() / TILE;
    let mut totals = [0; R];
    for (r, total) in totals.iter_mut().enumerate() {
        let (max, scale) = (_mm512_set1_epi32(maxima[r]), _mm512_set1_ps(scales[r]));
        let mut sum = _mm512_setzero_si512();
        let scores = buffers.scores.chunks_exact(TILE * R);
        let weights = buffers.weights.chunks_exact_mut(TILE * R);
        for (tile, (scores, weights)) in scores.zip(weights).take(tiles).enumerate() {
            let first = distances::<R>(scores, [0, r], max, scale);
            let second = distances::<R>(scores, [2, r], max, scale);
            // Packing saturates, which clamps distances to 16 bits as the definition does.
            let bytes = _mm512_packus_epi16(weight(first, dithers[0]), weight(second, dithers[1]));
            let ones = if tile + 1 == tiles { last } else { _mm512_set1_epi8(1) };
            // The products with ones add up the weights, with the same instruction.
            sum = _mm512_dpbusd_epi32(sum, bytes, ones);
            let to = &mut weights[r * TILE..(r + 1) * TILE];
            // SAFETY: `to` is a whole vector of bytes.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), bytes) };
        }
        *total = _mm512_reduce_add_epi32(sum);
    }
    totals
}

/// Scaled distances from the maximum, as 16-bit lanes: of query `r`, vectors `part` and `part + 1`
/// of a tile.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn distances<const R: usize>(
    scores: &[i32],
    [part, r]: [usize; 2],
    max: __m512i,
    scale: __m512,
) -> __m512i {
    let first = &scores[(part * R + r) * LANES..][..LANES];
    let second = &scores[((part + 1) * R + r) * LANES..][..LANES];
    _mm512_packus_epi32(distance(first, max, scale), distance(second, max, scale))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn distance(scores: &[i32], max: __m512i, scale: __m512) -> __m512i {
    assert!(scores.len() >= LANES);
    // SAFETY: a whole vector (asserted above).
    let score = unsafe { _mm512_loadu_si512(scores.as_ptr().cast()) };
    let below = _mm512_cvtepi32_ps(_mm512_sub_epi32(max, score));
    _mm512_cvtps_epi32(_mm512_mul_ps(below, scale))
}

/// `2^-x` in units of 1/255, dithered, for 16-bit lanes; see
/// [`portable::weight`](super::portable::weight).
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn weight(x: __m512i, dither: __m512i) -> __m512i {
    const TO_FRACTION: u32 = 16 - FRACTION_BITS;
    let splat = |value: u16| _mm512_set1_epi16(value.cast_signed());
    let y = _mm512_slli_epi16::<TO_FRACTION>(x);
    let slope = _mm512_sub_epi16(splat(LINEAR), _mm512_mulhi_epu16(y, splat(SQUARE)));
    let mantissa = _mm512_sub_epi16(splat(ONE), _mm512_mulhi_epu16(y, slope));
    let weight = _mm512_srlv_epi16(mantissa, _mm512_srli_epi16::<FRACTION_BITS>(x));
    _mm512_srli_epi16::<8>(_mm512_add_epi16(weight, dither))
}

/// Sums over all keys of weights times values, for channels `c..c + 16` of `R` queries.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn weigh<const R: usize>(buffers: &Buffers, dim: usize, c: usize) -> [__m512i; R] {
    let padded = buffers.start.len();
    let Buffers { weights, values, .. } = buffers;
    assert!(weights.len() >= R * padded && values.len() >= padded * dim && c + LANES <= dim);
    // The weights were stored in the order of narrowing, the values in the same: group by group
    // they belong together.
    let mut sums = [_mm512_setzero_si512(); R];
    let (mut value, step) = (values[c * DEPTH..].as_ptr(), dim * DEPTH);
    for tile in weights[..R * padded].chunks_exact(R * TILE) {
        for group in 0..GROUPS {
            // SAFETY: `values` holds `padded / 4` groups of `dim / 16` vectors (asserted above), as
            // many as there are groups in all tiles.
            let four_values = unsafe { _mm512_loadu_si512(value.cast()) };
            value = value.wrapping_add(step);
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: a tile holds `R` rows of 64 bytes.
                let four = unsafe {
                    tile.as_ptr().add(r * TILE + group * DEPTH).cast::<i32>().read_unaligned()
                };
                *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(four), four_values);
            }
        }
    }
    sums
}
