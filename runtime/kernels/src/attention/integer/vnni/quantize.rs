//! Quantizes keys, values and queries, and lays them out for the instruction.

use super::super::{Buffers, Head, LANES, TILE, padding_score, steps};
use super::{DEPTH, GROUPS, group_of};
use std::arch::x86_64::*;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn load_f32(values: &[f32], at: usize) -> __m512 {
    let part = &values[at..at + LANES];
    // SAFETY: `part` holds a whole vector.
    unsafe { _mm512_loadu_ps(part.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn magnitude(x: __m512) -> __m512i {
    _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fff_ffff))
}

/// Quantizes the keys as `[keys / 16][dim / 4][16][4]`, computes what scores start from, and
/// returns the keys' step. Sums run over keys in ascending order in each channel, as in the
/// definition.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn keys(head: &Head<'_>, buffers: &mut Buffers, padded: usize) -> f32 {
    let (dim, count, k) = (head.dim, head.key_count(), head.k);
    let steps_of_key = dim / DEPTH;
    buffers.mean.resize(dim, 0.0);
    let mut largest = _mm512_setzero_si512();
    for c in (0..dim).step_by(LANES) {
        let mut sum = _mm512_setzero_ps();
        for key in 0..count {
            sum = _mm512_add_ps(sum, load_f32(k, key * dim + c));
        }
        let mean = _mm512_div_ps(sum, _mm512_set1_ps(count as f32));
        for key in 0..count {
            let value = _mm512_sub_ps(load_f32(k, key * dim + c), mean);
            largest = _mm512_max_epu32(largest, magnitude(value));
        }
        let to = &mut buffers.mean[c..c + LANES];
        // SAFETY: `to` holds a whole vector.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), mean) };
    }
    let [step, inverse] = steps(_mm512_reduce_max_epu32(largest));
    buffers.keys.resize(padded * dim, 0);
    // Padding must be zero; the real keys are written below.
    buffers.keys[count / LANES * LANES * dim..].fill(0);
    for c in (0..dim).step_by(LANES) {
        // 16 channels of a key go to four vectors, four bytes to each.
        let mean = load_f32(&buffers.mean, c);
        for key in 0..count {
            let value = _mm512_sub_ps(load_f32(k, key * dim + c), mean);
            let value = _mm512_mul_ps(value, _mm512_set1_ps(inverse));
            let bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(value));
            let mut four = [0_i8; LANES];
            // SAFETY: `four` holds the 16 bytes.
            unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), bytes) };
            let block = (key / LANES) * steps_of_key + c / DEPTH;
            for (t, four) in four.chunks_exact(DEPTH).enumerate() {
                let at = ((block + t) * LANES + key % LANES) * DEPTH;
                buffers.keys[at..at + DEPTH].copy_from_slice(four);
            }
        }
    }
    // What queries shifted by 128 add to a score too much, from the same instruction: 128 times
    // each key.
    buffers.start.resize(padded, 0);
    let blocks = buffers.keys.chunks_exact(LANES * dim);
    for (block, start) in blocks.zip(buffers.start.chunks_exact_mut(LANES)) {
        let mut sum = _mm512_setzero_si512();
        for four in block.chunks_exact(LANES * DEPTH) {
            // SAFETY: a whole vector.
            let four = unsafe { _mm512_loadu_si512(four.as_ptr().cast()) };
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(i8::MIN), four);
        }
        let sum = _mm512_sub_epi32(_mm512_setzero_si512(), sum);
        // SAFETY: a whole vector.
        unsafe { _mm512_storeu_si512(start.as_mut_ptr().cast(), sum) };
    }
    buffers.start[count..].fill(padding_score(dim));
    step
}

/// Quantizes the values as `[keys / 4][dim_v / 16][16][4]`, the groups of keys in the order of
/// [`group_of`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn values(head: &Head<'_>, buffers: &mut Buffers, padded: usize) {
    let (dim, count, v) = (head.dim_v, head.key_count(), head.v);
    buffers.value_scale.resize(dim, 0.0);
    buffers.values.resize(padded * dim, 0);
    // The last tile may hold padding, which must be zero; the rest is written below.
    buffers.values[(padded - TILE) * dim..].fill(0);
    for c in (0..dim).step_by(LANES) {
        let mut largest = _mm512_setzero_si512();
        for key in 0..count {
            largest = _mm512_max_epu32(largest, magnitude(load_f32(v, key * dim + c)));
        }
        let (mut bits, mut inverses) = ([0_u32; LANES], [0.0; LANES]);
        // SAFETY: a whole vector.
        unsafe { _mm512_storeu_si512(bits.as_mut_ptr().cast(), largest) };
        for (i, bits) in bits.into_iter().enumerate() {
            [buffers.value_scale[c + i], inverses[i]] = steps(bits);
        }
        let inverse = load_f32(&inverses, 0);
        for group in 0..count.div_ceil(DEPTH) {
            let mut four = [_mm_setzero_si128(); DEPTH];
            for (i, bytes) in four.iter_mut().enumerate() {
                let key = group * DEPTH + i;
                if key < count {
                    let value = _mm512_mul_ps(load_f32(v, key * dim + c), inverse);
                    *bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(value));
                }
            }
            // Transposes four keys of 16 channels to 16 channels of four keys.
            let (ab, cd) =
                (_mm_unpacklo_epi8(four[0], four[1]), _mm_unpacklo_epi8(four[2], four[3]));
            let (ef, gh) =
                (_mm_unpackhi_epi8(four[0], four[1]), _mm_unpackhi_epi8(four[2], four[3]));
            let parts = [
                _mm_unpacklo_epi16(ab, cd),
                _mm_unpackhi_epi16(ab, cd),
                _mm_unpacklo_epi16(ef, gh),
                _mm_unpackhi_epi16(ef, gh),
            ];
            // Weights come in this order: see `group_of`.
            let place = group / GROUPS * GROUPS + group_of(group % GROUPS);
            let at = (place * (dim / LANES) + c / LANES) * LANES * DEPTH;
            let to = buffers.values[at..at + LANES * DEPTH].chunks_exact_mut(LANES);
            for (to, part) in to.zip(parts) {
                // SAFETY: 16 bytes.
                unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), part) };
            }
        }
    }
}

/// Quantizes a query, adds 128 to each channel, and returns its step.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn query(q: &[f32], to: &mut [u8]) -> f32 {
    let mut largest = _mm512_setzero_si512();
    for c in (0..q.len()).step_by(LANES) {
        largest = _mm512_max_epu32(largest, magnitude(load_f32(q, c)));
    }
    let [step, inverse] = steps(_mm512_reduce_max_epu32(largest));
    for (c, to) in (0..q.len()).step_by(LANES).zip(to.chunks_exact_mut(LANES)) {
        let value = _mm512_mul_ps(load_f32(q, c), _mm512_set1_ps(inverse));
        let shifted = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(128));
        // SAFETY: 16 bytes.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(shifted)) };
    }
    step
}
