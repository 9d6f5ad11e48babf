//! Rounding of queries, keys and values, and what turns sums into results.

use super::{CHANNELS, FOUR, STEP, TILE};
use crate::attention::fixed::{FRACTION_BITS, LENGTH, MOST_SHIFT, Row, TINY, length_step};
use crate::attention::integer::steps as value_steps;
use std::arch::aarch64::*;

/// A row in registers.
type Vectors = [float32x4_t; 4];

#[inline]
#[target_feature(enable = "neon")]
fn load(row: &Row) -> Vectors {
    // SAFETY: a row is four vectors.
    unsafe {
        [
            vld1q_f32(row.as_ptr()),
            vld1q_f32(row.as_ptr().add(4)),
            vld1q_f32(row.as_ptr().add(8)),
            vld1q_f32(row.as_ptr().add(12)),
        ]
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn store(from: Vectors, row: &mut Row) {
    for (i, vector) in from.into_iter().enumerate() {
        // SAFETY: a row is four vectors.
        unsafe { vst1q_f32(row.as_mut_ptr().add(4 * i), vector) };
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn less(row: &Row, mean: &Vectors) -> Vectors {
    let row = load(row);
    [
        vsubq_f32(row[0], mean[0]),
        vsubq_f32(row[1], mean[1]),
        vsubq_f32(row[2], mean[2]),
        vsubq_f32(row[3], mean[3]),
    ]
}

/// Four partial sums of squares.
#[inline]
#[target_feature(enable = "neon")]
fn squares(row: Vectors) -> float32x4_t {
    let [a, b, c, d] = row;
    let sum = vaddq_f32(vmulq_f32(a, a), vmulq_f32(b, b));
    let sum = vaddq_f32(sum, vmulq_f32(c, c));
    vaddq_f32(sum, vmulq_f32(d, d))
}

/// Rounds a row to 16 bits.
#[inline]
#[target_feature(enable = "neon")]
fn rounded(row: Vectors, inverse: float32x4_t) -> [int16x8_t; 2] {
    let [a, b, c, d] = row;
    let round = |x| vcvtnq_s32_f32(vmulq_f32(x, inverse));
    [
        vqmovn_high_s32(vqmovn_s32(round(a)), round(b)),
        vqmovn_high_s32(vqmovn_s32(round(c)), round(d)),
    ]
}

/// Four queries, rounded, and how their distances become powers of two: see `Distance`, a lane for each query.
pub(super) struct Block {
    pub(super) queries: [[int16x8_t; 2]; FOUR],
    pub(super) distance_factors: int16x4_t,
    pub(super) shifts: int16x4_t,
    marks: float32x4_t,
}

/// Rounds four queries.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn block(q: [&Row; FOUR], key_step: f32) -> Block {
    let rows = [load(q[0]), load(q[1]), load(q[2]), load(q[3])];
    let ab = vpaddq_f32(squares(rows[0]), squares(rows[1]));
    let cd = vpaddq_f32(squares(rows[2]), squares(rows[3]));
    // As `length_step`.
    let length = vsqrtq_f32(vpaddq_f32(ab, cd));
    let (nan, infinity) = (vdupq_n_f32(f32::NAN), vdupq_n_f32(f32::INFINITY));
    let is_finite = vcltq_f32(length, infinity);
    let counts = vandq_u32(is_finite, vcgeq_f32(length, vdupq_n_f32(TINY)));
    let only = |x| vreinterpretq_f32_u32(vandq_u32(counts, vreinterpretq_u32_f32(x)));
    let limit = vdupq_n_f32(LENGTH);
    let inverse = only(vdivq_f32(limit, length));
    let step = vbslq_f32(is_finite, only(vdivq_f32(length, limit)), nan);
    // As `Distance::new`.
    let scale = vmulq_n_f32(
        vmulq_n_f32(step, key_step),
        std::f32::consts::LOG2_E * (2 << FRACTION_BITS) as f32,
    );
    let is_finite = vcltq_f32(scale, infinity);
    let exponent = vreinterpretq_s32_u32(vshrq_n_u32::<23>(vreinterpretq_u32_f32(scale)));
    let shift = vsubq_s32(exponent, vdupq_n_s32(126));
    let shift = vmaxq_s32(vdupq_n_s32(0), vminq_s32(shift, vdupq_n_s32(MOST_SHIFT as i32)));
    let power = vshlq_n_s32::<23>(vsubq_s32(vdupq_n_s32(127 + 15), shift));
    let factor = vcvtnq_s32_f32(vmulq_f32(scale, vreinterpretq_f32_s32(power)));
    let if_finite = |x| vandq_s32(vreinterpretq_s32_u32(is_finite), x);
    Block {
        queries: [
            rounded(rows[0], vdupq_laneq_f32::<0>(inverse)),
            rounded(rows[1], vdupq_laneq_f32::<1>(inverse)),
            rounded(rows[2], vdupq_laneq_f32::<2>(inverse)),
            rounded(rows[3], vdupq_laneq_f32::<3>(inverse)),
        ],
        distance_factors: vqmovn_s32(if_finite(factor)),
        shifts: vmovn_s32(if_finite(shift)),
        marks: vbslq_f32(is_finite, vdupq_n_f32(1.0), nan),
    }
}

impl Block {
    /// The factors of the sums.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn factors(&self, totals: uint32x4_t) -> float32x4_t {
        vdivq_f32(self.marks, vcvtq_f32_u32(totals))
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn mean(rows: &[Row]) -> Vectors {
    let mut sums = [vdupq_n_f32(0.0); 4];
    for row in rows {
        let row = load(row);
        for (sum, row) in sums.iter_mut().zip(row) {
            *sum = vaddq_f32(*sum, row);
        }
    }
    let count = vdupq_n_f32(rows.len() as f32);
    [0, 1, 2, 3].map(|i| vdivq_f32(sums[i], count))
}

/// Rounds the keys less the mean of the first `count`, by tiles, `[tile][channel][key]`, and returns their step.
#[target_feature(enable = "neon")]
pub(super) fn keys(k: &[Row], count: usize, keys: &mut Vec<[[i16; TILE]; CHANNELS]>) -> f32 {
    let mean = mean(&k[..count]);
    let mut largest = vdupq_n_u32(0);
    // Copies of the last key change no maximum.
    for [a, b, c, d] in k.as_chunks::<4>().0 {
        let ab = vpaddq_f32(squares(less(a, &mean)), squares(less(b, &mean)));
        let cd = vpaddq_f32(squares(less(c, &mean)), squares(less(d, &mean)));
        largest = vmaxq_u32(largest, vreinterpretq_u32_f32(vpaddq_f32(ab, cd)));
    }
    let [step, inverse] = length_step(f32::from_bits(vmaxvq_u32(largest) & 0x7fff_ffff));
    let inverse = vdupq_n_f32(inverse);
    keys.resize(k.len() / TILE, [[0; TILE]; CHANNELS]);
    for (tile, rows) in keys.iter_mut().zip(k.as_chunks::<TILE>().0) {
        for part in [0, 8] {
            let mut low = [vdupq_n_s16(0); 8];
            let mut high = low;
            for (i, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                [*low, *high] = rounded(less(&rows[part + i], &mean), inverse);
            }
            for (first, rows) in [(0, transposed(low)), (8, transposed(high))] {
                for (c, row) in rows.into_iter().enumerate() {
                    // SAFETY: a channel has two vectors, and `part` is the first value of one.
                    unsafe { vst1q_s16(tile[first + c].as_mut_ptr().add(part), row) };
                }
            }
        }
    }
    step
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "neon")]
fn transposed(rows: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let ones = [
        vtrn1q_s16(a, b),
        vtrn2q_s16(a, b),
        vtrn1q_s16(c, d),
        vtrn2q_s16(c, d),
        vtrn1q_s16(e, f),
        vtrn2q_s16(e, f),
        vtrn1q_s16(g, h),
        vtrn2q_s16(g, h),
    ]
    .map(|x| vreinterpretq_s32_s16(x));
    let [ab, ab2, cd, cd2, ef, ef2, gh, gh2] = ones;
    let twos = [
        vtrn1q_s32(ab, cd),
        vtrn1q_s32(ab2, cd2),
        vtrn2q_s32(ab, cd),
        vtrn2q_s32(ab2, cd2),
        vtrn1q_s32(ef, gh),
        vtrn1q_s32(ef2, gh2),
        vtrn2q_s32(ef, gh),
        vtrn2q_s32(ef2, gh2),
    ]
    .map(|x| vreinterpretq_s64_s32(x));
    let fours = [0, 1, 2, 3].map(|i| vtrn1q_s64(twos[i], twos[i + 4]));
    let rest = [0, 1, 2, 3].map(|i| vtrn2q_s64(twos[i], twos[i + 4]));
    let [a, b, c, d] = fours.map(|x| vreinterpretq_s16_s64(x));
    let [e, f, g, h] = rest.map(|x| vreinterpretq_s16_s64(x));
    [a, b, c, d, e, f, g, h]
}

/// Rounds the values less the mean of the first `count`, by steps, `[step][channel][key]`; the steps of the channels,
/// and their means.
#[target_feature(enable = "neon")]
pub(super) fn values(
    v: &[Row],
    count: usize,
    values: &mut Vec<[[i8; STEP]; CHANNELS]>,
) -> [Row; 2] {
    let mean = mean(&v[..count]);
    let mut largest = [vdupq_n_u32(0); 4];
    for row in v {
        let row = less(row, &mean);
        for (largest, x) in largest.iter_mut().zip(row) {
            *largest = vmaxq_u32(*largest, vreinterpretq_u32_f32(vabsq_f32(x)));
        }
    }
    let mut bits = [0_u32; CHANNELS];
    for (i, largest) in largest.into_iter().enumerate() {
        // SAFETY: `bits` holds four vectors.
        unsafe { vst1q_u32(bits.as_mut_ptr().add(4 * i), largest) };
    }
    let steps = bits.map(value_steps);
    let inverses = load(&steps.map(|[_, inverse]| inverse));
    values.resize(v.len().div_ceil(STEP), [[0; STEP]; CHANNELS]);
    for (t, v) in v.as_chunks::<TILE>().0.iter().enumerate() {
        let mut rows = [vdupq_n_s8(0); TILE];
        for (row, to) in v.iter().zip(&mut rows) {
            let row = less(row, &mean);
            let [a, b, c, d] = [0, 1, 2, 3].map(|j| vcvtnq_s32_f32(vmulq_f32(row[j], inverses[j])));
            let low = vmovn_high_s32(vmovn_s32(a), b);
            let high = vmovn_high_s32(vmovn_s32(c), d);
            *to = vmovn_high_s16(vmovn_s16(low), high);
        }
        for (row, channel) in transposed_bytes(rows).into_iter().zip(&mut values[t / 2]) {
            // SAFETY: a channel of a step has two vectors, a tile in each.
            unsafe { vst1q_s8(channel.as_mut_ptr().add(t % 2 * TILE), row) };
        }
    }
    let mut means = [0.0; CHANNELS];
    store(mean, &mut means);
    [steps.map(|[step, _]| step), means]
}

/// 16 rows of bytes to columns: rows eight apart are interleaved four times.
#[inline]
#[target_feature(enable = "neon")]
fn transposed_bytes(mut rows: [int8x16_t; TILE]) -> [int8x16_t; TILE] {
    for _ in 0..4 {
        let mut next = rows;
        for i in 0..TILE / 2 {
            next[2 * i] = vzip1q_s8(rows[i], rows[i + 8]);
            next[2 * i + 1] = vzip2q_s8(rows[i], rows[i + 8]);
        }
        rows = next;
    }
    rows
}

/// `sums * steps * factor + means`, of up to four queries.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn finish(
    sums: &[[int32x4_t; 4]; FOUR],
    steps: &Row,
    factors: float32x4_t,
    means: &Row,
    out: &mut [Row],
) {
    let (steps, means) = (load(steps), load(means));
    let factors = [
        vdupq_laneq_f32::<0>(factors),
        vdupq_laneq_f32::<1>(factors),
        vdupq_laneq_f32::<2>(factors),
        vdupq_laneq_f32::<3>(factors),
    ];
    for ((sums, factor), out) in sums.iter().zip(factors).zip(out) {
        let mut result = means;
        for (i, result) in result.iter_mut().enumerate() {
            let sum = vmulq_f32(vcvtq_f32_s32(sums[i]), steps[i]);
            *result = vaddq_f32(vmulq_f32(sum, factor), *result);
        }
        store(result, out);
    }
}
