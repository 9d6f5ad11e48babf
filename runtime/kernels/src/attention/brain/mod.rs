//! Attention with operands in bf16, for processors with AVX512_BF16: an instruction multiplies two pairs of values in
//! each lane and adds both products in f32, so queries, keys, weights and values take half of the instructions.
//!
//! The layout is that of [`tile`](super::tile): a lane is a query. What one instruction multiplies has to be a pair
//! in one lane: two channels of a query for the scores, the weights of two keys for the sums. A pair is a `u32` here.
//!
//! What is lost: a bf16 has 8 bits, so a product is off by up to 2^-8 of itself, and the sums, which stay in f32, by
//! less, because errors cancel. Keys and values are rounded after their mean is taken from them, which makes them
//! smaller: adding the same number to all scores of a query changes no weight, and the mean of the values is added to the
//! result. The exponential has 4 terms instead of 6; it is off by 1e-4, and a weight's rounding
//! by 20 times that. bf16 has f32's range: nothing overflows, and what is not finite stays so.
//!
//! For models in 8 bits, whose layers round far more. The f32 models keep f32 attention on x86.

mod pack;

use crate::attention::TILE;
use crate::attention::integer::{Head, LANES};
use crate::attention::tile::columns_to_rows;
use pack::{mean_of_rows, pack_channels, pack_keys, pack_queries};
use std::arch::x86_64::*;
use std::mem::transmute;

/// Keys, or channels of the values, in a tile of sums next to two vectors of queries. With 8 x 2 sums, two vectors and
/// a broadcast, 19 of 32 registers are in use, and 16 independent sums cover the instruction's latency.
const TOGETHER: usize = 8;

/// 2^r for r in [-0.5, 0.5], within 7.5e-5 of itself.
const EXP2: [f32; 4] = [0.999_928_06, 0.693_260_97, 0.242_611_13, 0.055_171_67];

/// Buffers of a thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    /// Pairs of channels, `[keys][dim / 2]`.
    k: Vec<u32>,
    /// Pairs of keys, `[keys / 2][dim_v]`.
    v: Vec<u32>,
    /// Pairs of channels of a block of queries, `[dim / 2][queries]`.
    columns: Vec<u32>,
    /// Scores of a tile, `[keys][queries]`.
    scores: Vec<f32>,
    /// Weights of a tile in pairs of keys, `[keys / 2][queries]`.
    weights: Vec<u32>,
    /// Sums, `[dim_v][queries]`.
    sums: Vec<f32>,
    /// Means of the keys, then of the values.
    mean: Vec<f32>,
    mean_v: Vec<f32>,
}

/// Whether the processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// Computes a head.
pub(super) fn attend(head: &mut Head<'_>, buffers: &mut Buffers) {
    assert!(head.dim.is_multiple_of(LANES) && head.dim_v.is_multiple_of(LANES));
    assert!(is_available());
    // SAFETY: the processor has the instructions, as was just asked.
    unsafe { attend_all(head, buffers) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn attend_all(head: &mut Head<'_>, buffers: &mut Buffers) {
    mean_of_rows(head.k, head.dim, &mut buffers.mean);
    mean_of_rows(head.v, head.dim_v, &mut buffers.mean_v);
    pack_channels(head.k, &buffers.mean, &mut buffers.k);
    pack_keys(head.v, &buffers.mean_v, &mut buffers.v);
    let queries = head.q.len() / head.dim;
    let mut first = 0;
    while first < queries {
        // 16 channels are what UniUltra has: that many steps are known at compile time.
        let left = queries - first;
        match (left > LANES, head.dim == LANES) {
            (true, true) => block::<2, { LANES / 2 }>(head, buffers, first, left.min(2 * LANES)),
            (true, false) => block::<2, 0>(head, buffers, first, left.min(2 * LANES)),
            (false, _) => block::<1, 0>(head, buffers, first, left),
        }
        first += if left > LANES { 2 * LANES } else { LANES };
    }
}

/// `count` queries from `first`, in `Q` vectors. `STEPS` is `dim / 2`, or 0 if that is not known.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn block<const Q: usize, const STEPS: usize>(
    head: &mut Head<'_>,
    buffers: &mut Buffers,
    first: usize,
    count: usize,
) {
    let (dim, dim_v, width) = (head.dim, head.dim_v, Q * LANES);
    let keys = head.k.len() / dim;
    let steps = if STEPS > 0 { STEPS } else { dim / 2 };
    let Buffers { k, v, columns, scores, weights, sums, mean_v, .. } = buffers;
    // Lanes without a query keep values of an earlier block. No lane reads another.
    columns.resize(steps * width, 0);
    scores.resize(TILE * width, 0.0);
    weights.resize(TILE / 2 * width, 0);
    sums.clear();
    sums.resize(dim_v * width, 0.0);
    pack_queries(&head.q[first * dim..][..count * dim], dim, columns, width);

    let mut max = [_mm512_set1_ps(f32::NEG_INFINITY); Q];
    let mut total = [_mm512_setzero_ps(); Q];
    for start in (0..keys).step_by(TILE) {
        let tile = TILE.min(keys - start);
        let before = max;
        let mut rows = k[start * steps..][..tile * steps].chunks_exact(TOGETHER * steps);
        let mut to = scores.chunks_exact_mut(TOGETHER * width);
        for (rows, to) in rows.by_ref().zip(to.by_ref()) {
            score::<Q, TOGETHER, STEPS>(columns, rows, steps, to, &mut max);
        }
        let done = tile - tile % TOGETHER;
        for (row, to) in
            rows.remainder().chunks_exact(steps).zip(scores[done * width..].chunks_exact_mut(width))
        {
            score::<Q, 1, STEPS>(columns, row, steps, to, &mut max);
        }
        // Before the first tile nothing is summed, and minus infinity minus itself is NaN.
        let mut shrink = [_mm512_setzero_ps(); Q];
        if start > 0 {
            for i in 0..Q {
                shrink[i] = exp2(_mm512_sub_ps(before[i], max[i]));
                total[i] = _mm512_mul_ps(total[i], shrink[i]);
            }
        }
        let pairs = tile.div_ceil(2);
        weigh_scores::<Q>(&scores[..tile * width], &mut weights[..pairs * width], &max, &mut total);
        let v = &v[start / 2 * dim_v..][..pairs * dim_v];
        let weights = &weights[..pairs * width];
        for c in (0..dim_v).step_by(TOGETHER) {
            weigh_values::<Q>(weights, v, [c, dim_v], &mut sums[c * width..], &shrink);
        }
    }
    for (sum, mean) in sums.chunks_exact_mut(width).zip(mean_v) {
        for (part, total) in sum.as_chunks_mut::<LANES>().0.iter_mut().zip(total) {
            let above = _mm512_div_ps(load(part), total);
            store(part, _mm512_add_ps(above, _mm512_set1_ps(*mean)));
        }
    }
    let to = &mut head.out[first * head.width..][..count * head.width];
    columns_to_rows(sums, width, to, head.width);
}

/// Scores of `R` keys; raises each query's maximum to them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn score<const Q: usize, const R: usize, const STEPS: usize>(
    columns: &[u32],
    keys: &[u32],
    steps: usize,
    scores: &mut [f32],
    max: &mut [__m512; Q],
) {
    let steps = if STEPS > 0 { STEPS } else { steps };
    assert!(columns.len() >= steps * Q * LANES && keys.len() >= R * steps);
    assert!(scores.len() >= R * Q * LANES);
    let mut sums = [[_mm512_setzero_ps(); Q]; R];
    for step in 0..steps {
        let mut column = [_mm512_setzero_si512(); Q];
        for (i, column) in column.iter_mut().enumerate() {
            // SAFETY: `columns` holds `steps` rows of `Q` vectors (asserted above).
            *column =
                unsafe { _mm512_loadu_si512(columns.as_ptr().add((step * Q + i) * LANES).cast()) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `keys` holds `R` rows of `steps` pairs (asserted above).
            let key = unsafe { *keys.get_unchecked(r * steps + step) };
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum = multiply_pairs(*sum, column, key);
            }
        }
    }
    for (row, to) in sums.into_iter().zip(scores.chunks_exact_mut(Q * LANES)) {
        for (i, to) in to.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            max[i] = _mm512_max_ps(max[i], row[i]);
            store(to, row[i]);
        }
    }
}

/// Turns a tile's scores into weights, in pairs of keys, and adds them to the totals. An odd last key has a partner
/// of weight zero.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn weigh_scores<const Q: usize>(
    scores: &[f32],
    weights: &mut [u32],
    max: &[__m512; Q],
    total: &mut [__m512; Q],
) {
    let width = Q * LANES;
    for (rows, to) in scores.chunks(2 * width).zip(weights.chunks_exact_mut(width)) {
        let (even, odd) = rows.split_at(width);
        for i in 0..Q {
            let weight = |row: &[f32]| match row[i * LANES..].first_chunk() {
                Some(row) => exp2(_mm512_sub_ps(load(row), max[i])),
                None => _mm512_setzero_ps(),
            };
            let first = weight(even);
            let second = if odd.is_empty() { _mm512_setzero_ps() } else { weight(odd) };
            total[i] = _mm512_add_ps(total[i], _mm512_add_ps(first, second));
            store_pairs(&mut to[i * LANES..], paired(first, second));
        }
    }
}

/// Adds the weighted values of [`TOGETHER`] channels from `c`: `sums = shrink * sums + weights . v[.., c]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn weigh_values<const Q: usize>(
    weights: &[u32],
    v: &[u32],
    [c, dim_v]: [usize; 2],
    out: &mut [f32],
    shrink: &[__m512; Q],
) {
    let pairs = weights.len() / (Q * LANES);
    assert!(c + TOGETHER <= dim_v && v.len() >= pairs * dim_v);
    assert!(out.len() >= TOGETHER * Q * LANES);
    let mut sums = [[_mm512_setzero_ps(); Q]; TOGETHER];
    for (sums, from) in sums.iter_mut().zip(out.chunks_exact(Q * LANES)) {
        for (i, from) in from.as_chunks::<LANES>().0.iter().enumerate() {
            sums[i] = _mm512_mul_ps(load(from), shrink[i]);
        }
    }
    for pair in 0..pairs {
        let mut weight = [_mm512_setzero_si512(); Q];
        for (i, weight) in weight.iter_mut().enumerate() {
            // SAFETY: `weights` holds `pairs` rows of `Q` vectors, by the division above.
            *weight =
                unsafe { _mm512_loadu_si512(weights.as_ptr().add((pair * Q + i) * LANES).cast()) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `v` holds `pairs` rows of `dim_v` (asserted above), and `c + r < dim_v`.
            let value = unsafe { *v.get_unchecked(pair * dim_v + c + r) };
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = multiply_pairs(*sum, weight, value);
            }
        }
    }
    for (sums, to) in sums.into_iter().zip(out.chunks_exact_mut(Q * LANES)) {
        for (sum, to) in sums.into_iter().zip(to.as_chunks_mut::<LANES>().0) {
            store(to, sum);
        }
    }
}

/// `sum` and both products of each lane's pair with the pair `other`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn multiply_pairs(sum: __m512, pairs: __m512i, other: u32) -> __m512 {
    let other = _mm512_set1_epi32(other.cast_signed());
    _mm512_dpbf16_ps(sum, as_bf16(pairs), as_bf16(other))
}

/// The same bits as the type that the instruction's intrinsic takes.
#[inline(always)]
fn as_bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both types are 512 bits, and any bits are a value of either.
    unsafe { transmute::<__m512i, __m512bh>(pairs) }
}

/// Each lane's two values, rounded, as a pair.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn paired(first: __m512, second: __m512) -> __m512i {
    // Sixteen of each behind each other, then interleaved.
    // SAFETY: the types have the same 512 bits.
    let halves: __m512i = unsafe { transmute(_mm512_cvtne2ps_pbh(second, first)) };
    const ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut i = 0;
        while i < LANES {
            order[2 * i] = i as u16;
            order[2 * i + 1] = (i + LANES) as u16;
            i += 1;
        }
        order
    };
    // SAFETY: the constant is a vector.
    let order = unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) };
    _mm512_permutexvar_epi16(order, halves)
}

/// `2^x` for `x` of at most 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn exp2(x: __m512) -> __m512 {
    let whole = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
    let rest = _mm512_sub_ps(x, whole);
    let [c0, c1, c2, c3] = EXP2.map(|c| _mm512_set1_ps(c));
    let fraction =
        _mm512_fmadd_ps(_mm512_fmadd_ps(_mm512_fmadd_ps(c3, rest, c2), rest, c1), rest, c0);
    _mm512_scalef_ps(fraction, whole)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(values: &[f32; LANES]) -> __m512 {
    // SAFETY: the array is a vector.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(to: &mut [f32; LANES], values: __m512) {
    // SAFETY: the array is a vector.
    unsafe { _mm512_storeu_ps(to.as_mut_ptr(), values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_pairs(to: &mut [u32], pairs: __m512i) {
    let to = &mut to[..LANES];
    // SAFETY: the slice is a vector.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs) }
}

#[cfg(test)]
mod tests;
