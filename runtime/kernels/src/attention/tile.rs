//! The float kernel of all processors but ARM's, which have `neon`: a few vectors of queries against
//! all keys, in tiles that stay in the first cache.
//!
//! **A lane is a query.** The obvious layout has channels in the lanes, and adds up the lanes of
//! each score. But a head has only 16 channels: a score would be one multiplication and then a
//! reduction of four or five dependent steps. With one query a lane, the products, softmax's
//! maximum and softmax's sum all stay within their lanes, at any number of channels. Keys and
//! values need no packing: the kernel broadcasts one number of theirs at a time. The price is to
//! transpose each query once, and each result back, which all keys share.
//!
//! **Softmax is online.** A tile of keys is scored, turned into weights and added to the sums
//! before the next one is touched, so the scores never leave the cache. The true maximum is known
//! only after the last tile. Each tile therefore uses the maximum so far, and a tile that raises it
//! first scales down what was summed before.

use super::TILE;
use crate::exp::exp2_nonpositive;
use crate::transpose::{SIDE, transpose_square};
use rten_simd::ops::{FloatOps, NumOps};
use rten_simd::{Isa, SimdOp};
use std::f32::consts::LOG2_E;

/// Keys, or channels of the values, in a tile of sums next to two or more vectors of queries. A
/// fused multiply-add takes about four cycles and two start in each, so eight independent sums keep
/// the units busy. With 4 x 2 sums, two vectors of queries and a broadcast, 11 of AVX2's 16
/// registers are in use.
const TOGETHER: usize = 4;
/// The same next to a single vector of queries, again for eight sums.
const TOGETHER_WITH_ONE: usize = 8;

/// One head's tokens, `q [queries, dim]`, `k [keys, dim]` and `v [keys, dim_v]`, and its result,
/// `out [queries, dim_v]`.
pub(super) struct Attend<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) out: &'a mut [f32],
    pub(super) work: &'a mut Vec<f32>,
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) dim: usize,
    pub(super) dim_v: usize,
}

impl SimdOp for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let lanes = isa.f32().len();
        let mut first = 0;
        while first < self.queries {
            let left = self.queries - first;
            // Vectors of four queries: each broadcast then serves 16 of them.
            if lanes == 4 && left > 2 * lanes {
                self.block::<I, 4>(isa, first, left.min(4 * lanes));
                first += 4 * lanes;
            } else if left > lanes {
                self.block::<I, 2>(isa, first, left.min(2 * lanes));
                first += 2 * lanes;
            } else {
                self.block::<I, 1>(isa, first, left);
                first += lanes;
            }
        }
    }
}

impl Attend<'_> {
    /// Computes `count` queries from `first`, in `Q` vectors.
    #[inline(always)]
    fn block<I: Isa, const Q: usize>(&mut self, isa: I, first: usize, count: usize) {
        let ops = isa.f32();
        let (dim, dim_v) = (self.dim, self.dim_v);
        let width = Q * ops.len();
        // Lanes without a query keep values of an earlier block. No lane reads another, and
        // `columns_to_rows` leaves these out.
        let len = (dim + dim_v + TILE) * width;
        if self.work.len() < len {
            self.work.resize(len, 0.0);
        }
        let (columns, rest) = self.work[..len].split_at_mut(dim * width);
        let (sums, scores) = rest.split_at_mut(dim_v * width);
        rows_to_columns(&self.q[first * dim..][..count * dim], dim, columns, width);
        for vector in columns.chunks_exact_mut(ops.len()) {
            // e^s is 2^(s log2 e). Scaling the queries once spares a multiplication for each score.
            ops.store(ops.mul(ops.load(vector), ops.splat(LOG2_E)), vector);
        }
        sums.fill(0.0);

        // One maximum and one total for each query, in its lane.
        let mut max = [ops.splat(f32::NEG_INFINITY); Q];
        let mut total = [ops.zero(); Q];
        let mut start = 0;
        while start < self.keys {
            let tile = TILE.min(self.keys - start);
            let k = &self.k[start * dim..][..tile * dim];
            let v = &self.v[start * dim_v..][..tile * dim_v];
            let before = max;
            // `Q` is known at compile time: one of the two calls is compiled.
            if Q == 1 {
                products::<I, Q, TOGETHER_WITH_ONE>(isa, columns, k, dim, scores, &mut max);
            } else {
                products::<I, Q, TOGETHER>(isa, columns, k, dim, scores, &mut max);
            }
            // Before the first tile nothing is summed and the maximum is minus infinity: the
            // difference could be NaN.
            let mut shrink = [ops.zero(); Q];
            if start > 0 {
                for i in 0..Q {
                    shrink[i] = exp2_nonpositive(isa, ops.sub(before[i], max[i]));
                    total[i] = ops.mul(total[i], shrink[i]);
                }
            }
            // Scores become weights in place. They are at most 1, so nothing overflows.
            for row in scores[..tile * width].chunks_exact_mut(width) {
                for i in 0..Q {
                    let part = &mut row[i * ops.len()..];
                    let weight = exp2_nonpositive(isa, ops.sub(ops.load(part), max[i]));
                    ops.store(weight, part);
                    total[i] = ops.add(total[i], weight);
                }
            }
            let scores = &scores[..tile * width];
            if Q == 1 {
                weigh::<I, Q, TOGETHER_WITH_ONE>(isa, scores, v, dim_v, sums, &shrink);
            } else {
                weigh::<I, Q, TOGETHER>(isa, scores, v, dim_v, sums, &shrink);
            }
            start += tile;
        }

        // Dividing the sums of values by the sum of weights at the end takes `dim_v` divisions a
        // query instead of one for each key.
        for sum in sums.chunks_exact_mut(width) {
            for i in 0..Q {
                let part = &mut sum[i * ops.len()..];
                let mean = ops.div(ops.load(part), total[i]);
                ops.store(mean, part);
            }
        }
        columns_to_rows(sums, width, &mut self.out[first * dim_v..][..count * dim_v], dim_v);
    }
}

/// Copies row `i` of `rows [_, dim]` to column `i` of `columns [dim, width]`, by squares of 4 x 4:
/// each row and each column is then touched a vector at a time.
#[inline(always)]
fn rows_to_columns(rows: &[f32], dim: usize, columns: &mut [f32], width: usize) {
    let (count, whole) = (rows.len() / dim, dim - dim % SIDE);
    let fours = count - count % SIDE;
    for (four, rows) in rows.chunks_exact(SIDE * dim).enumerate() {
        let row = |i: usize| &rows[i * dim..][..dim];
        for first in (0..whole).step_by(SIDE) {
            let square = transpose_square([row(0), row(1), row(2), row(3)], first);
            for (d, values) in square.iter().enumerate() {
                columns[(first + d) * width + four * SIDE..][..SIDE].copy_from_slice(values);
            }
        }
    }
    for (i, row) in rows.chunks_exact(dim).enumerate() {
        let from = if i < fours { whole } else { 0 };
        for (d, value) in row.iter().enumerate().skip(from) {
            columns[d * width + i] = *value;
        }
    }
}

/// Copies column `i` of `columns [dim, width]` to row `i` of `rows [_, dim]`.
#[inline(always)]
pub(super) fn columns_to_rows(columns: &[f32], width: usize, rows: &mut [f32], dim: usize) {
    let (count, whole) = (rows.len() / dim, dim - dim % SIDE);
    let fours = count - count % SIDE;
    for (four, rows) in rows.chunks_exact_mut(SIDE * dim).enumerate() {
        for first in (0..whole).step_by(SIDE) {
            let line = |d: usize| &columns[(first + d) * width..][..width];
            let square = transpose_square([line(0), line(1), line(2), line(3)], four * SIDE);
            for (i, values) in square.iter().enumerate() {
                rows[i * dim + first..][..SIDE].copy_from_slice(values);
            }
        }
    }
    for (i, row) in rows.chunks_exact_mut(dim).enumerate() {
        let from = if i < fours { whole } else { 0 };
        for (d, value) in row.iter_mut().enumerate().skip(from) {
            *value = columns[d * width + i];
        }
    }
}

/// Scores of a tile, `scores[key] = columns . k[key]`; raises each query's maximum to them.
#[inline(always)]
fn products<I: Isa, const Q: usize, const R: usize>(
    isa: I,
    columns: &[f32],
    k: &[f32],
    dim: usize,
    scores: &mut [f32],
    max: &mut [I::F32; Q],
) {
    let width = Q * isa.f32().len();
    let together = k.chunks_exact(R * dim);
    let (whole, rest) = (k.len() / (R * dim), together.remainder());
    for (keys, scores) in together.zip(scores.chunks_exact_mut(R * width)) {
        score_rows::<I, Q, R>(isa, columns, keys, dim, scores, max);
    }
    let scores = &mut scores[whole * R * width..];
    for (key, scores) in rest.chunks_exact(dim).zip(scores.chunks_exact_mut(width)) {
        score_rows::<I, Q, 1>(isa, columns, key, dim, scores, max);
    }
}

/// Scores of `R` keys: a tile of `R` x `Q` sums.
#[inline(always)]
fn score_rows<I: Isa, const Q: usize, const R: usize>(
    isa: I,
    columns: &[f32],
    keys: &[f32],
    dim: usize,
    scores: &mut [f32],
    max: &mut [I::F32; Q],
) {
    let ops = isa.f32();
    let lanes = ops.len();
    assert!(columns.len() >= dim * Q * lanes && keys.len() >= R * dim);
    let mut sums = [[ops.zero(); Q]; R];
    for d in 0..dim {
        let mut column = [ops.zero(); Q];
        for (i, column) in column.iter_mut().enumerate() {
            // Checking the bounds would cost a compare for each load; one assertion covers the
            // loop.
            // SAFETY: `d < dim`, and `columns` holds `dim` rows of `Q` vectors (asserted above).
            *column = unsafe { ops.load_ptr(columns.as_ptr().add((d * Q + i) * lanes)) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `r < R` and `d < dim`, and `keys` holds `R` rows of `dim` (asserted above).
            let value = ops.splat(unsafe { *keys.get_unchecked(r * dim + d) });
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum = ops.mul_add(column, value, *sum);
            }
        }
    }
    // The maximum is taken while the sums are in registers: a pass over the scores would load them
    // again.
    for (row, scores) in sums.into_iter().zip(scores.chunks_exact_mut(Q * lanes)) {
        for i in 0..Q {
            max[i] = ops.max(max[i], row[i]);
            ops.store(row[i], &mut scores[i * lanes..]);
        }
    }
}

/// Adds a tile's weighted values, `sums[d] = shrink * sums[d] + weights . v[.., d]`. The sums of a
/// channel are loaded and stored once a tile, so scaling them down is nearly free.
#[inline(always)]
fn weigh<I: Isa, const Q: usize, const C: usize>(
    isa: I,
    weights: &[f32],
    v: &[f32],
    dim_v: usize,
    sums: &mut [f32],
    shrink: &[I::F32; Q],
) {
    let width = Q * isa.f32().len();
    let mut d = 0;
    while d + C <= dim_v {
        let sums = &mut sums[d * width..];
        weigh_channels::<I, Q, C>(isa, weights, v, [d, dim_v], sums, shrink);
        d += C;
    }
    for d in d..dim_v {
        weigh_channels::<I, Q, 1>(isa, weights, v, [d, dim_v], &mut sums[d * width..], shrink);
    }
}

/// The sums of `C` channels from `d`: a tile of `C` x `Q` sums.
#[inline(always)]
fn weigh_channels<I: Isa, const Q: usize, const C: usize>(
    isa: I,
    weights: &[f32],
    v: &[f32],
    [d, dim_v]: [usize; 2],
    out: &mut [f32],
    shrink: &[I::F32; Q],
) {
    let ops = isa.f32();
    let lanes = ops.len();
    let keys = weights.len() / (Q * lanes);
    assert!(d + C <= dim_v && v.len() >= keys * dim_v && out.len() >= C * Q * lanes);
    // rten-simd's dispatch compiles this code for the processor's instructions by inlining it. The
    // compiler did not inline the closures of `array::from_fn` here, so these are loops.
    let mut sums = [[ops.zero(); Q]; C];
    for (c, sums) in sums.iter_mut().enumerate() {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = ops.mul(ops.load(&out[(c * Q + i) * lanes..]), shrink[i]);
        }
    }
    // The same tile as in `score_rows`, with keys as the inner dimension and channels as the rows.
    for key in 0..keys {
        let mut weight = [ops.zero(); Q];
        for (i, weight) in weight.iter_mut().enumerate() {
            // SAFETY: `weights` holds `keys` rows of `Q` vectors, by the division above.
            *weight = unsafe { ops.load_ptr(weights.as_ptr().add((key * Q + i) * lanes)) };
        }
        for (c, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `d + c < dim_v` and `v` holds `keys` rows of `dim_v` (asserted above).
            let value = ops.splat(unsafe { *v.get_unchecked(key * dim_v + d + c) });
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = ops.mul_add(weight, value, *sum);
            }
        }
    }
    for (c, sums) in sums.into_iter().enumerate() {
        for (i, sum) in sums.into_iter().enumerate() {
            ops.store(sum, &mut out[(c * Q + i) * lanes..]);
        }
    }
}
