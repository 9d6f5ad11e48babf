//! The kernel: a few vectors of queries against all keys, by tiles that stay in the first cache.
//!
//! A lane is a query, so neither softmax's maximum and sum nor the products need anything across
//! lanes, and keys and values are used as they are, one number broadcast at a time. Softmax is
//! computed online: where a tile of keys raises the maximum, what was summed before shrinks.

use super::integer::{Buffers, Head, LANES, attend};
use super::{Attention, MapView, Task};
use crate::exp::exp2_nonpositive;
use crate::transpose::{SIDE, square};
use rten_simd::ops::{FloatOps, NumOps};
use rten_simd::{Isa, SimdOp};
use std::f32::consts::LOG2_E;

/// Keys of a tile: with 32 queries of AVX-512 its scores take 16 KiB.
const TILE: usize = 128;
/// Keys, or channels of the values, computed together with several vectors of queries, or with one:
/// enough sums to keep the units busy within the 16 registers of AVX2.
const TOGETHER: usize = 4;
const TOGETHER_WITH_ONE: usize = 8;

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    out: Vec<f32>,
    work: Vec<f32>,
    integer: Buffers,
}

impl Scratch {
    /// What the last [`Attention::compute`] gave: `[rows, dim_v]`.
    #[must_use]
    pub fn result(&self) -> &[f32] {
        &self.out
    }

    /// Brings a task's tokens together, each padded with zeros to whole `unit`s.
    fn gather(&mut self, attention: &Attention<'_>, task: &Task, unit: usize) -> [usize; 2] {
        let (dim, dim_v) = (attention.dim, attention.dim_v);
        let strides = [dim, dim_v].map(|dim| dim.next_multiple_of(unit));
        let keys = attention.k.tokens();
        let bring = |view: &MapView<'_>, to: &mut Vec<f32>, sizes: [usize; 3], first: usize| {
            let [count, dim, stride] = sizes;
            if dim < stride {
                to.clear();
            }
            to.resize(count * stride, 0.0);
            view.gather(task.window, task.head, [dim, stride], first, to);
        };
        let [stride, stride_v] = strides;
        bring(&attention.q, &mut self.q, [task.rows.len(), dim, stride], task.rows.start);
        // Tasks of one head follow each other, but threads may not run them so.
        bring(&attention.k, &mut self.k, [keys, dim, stride], 0);
        bring(&attention.v, &mut self.v, [keys, dim_v, stride_v], 0);
        self.out.resize(task.rows.len() * dim_v, 0.0);
        strides
    }

    /// Computes a task in float.
    pub(super) fn attend(&mut self, attention: &Attention<'_>, task: &Task) {
        let [dim, dim_v] = self.gather(attention, task, 1);
        let (queries, keys) = (task.rows.len(), attention.k.tokens());
        let Self { q, k, v, out, work, .. } = self;
        Attend { q, k, v, out, work, queries, keys, dim, dim_v }.dispatch();
    }

    /// Computes a task in integers.
    pub(super) fn attend_integer(&mut self, attention: &Attention<'_>, task: &Task) {
        let [dim, dim_v] = self.gather(attention, task, LANES);
        let Self { q, k, v, out, integer, .. } = self;
        let mut head = Head { q, k, v, out, dim, dim_v, width: attention.dim_v };
        attend(&mut head, integer);
    }
}

struct Attend<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    out: &'a mut [f32],
    work: &'a mut Vec<f32>,
    queries: usize,
    keys: usize,
    dim: usize,
    dim_v: usize,
}

impl SimdOp for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let lanes = isa.f32().len();
        let mut first = 0;
        while first < self.queries {
            let left = self.queries - first;
            // Vectors of NEON are short, but there are 32 of them.
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
    /// `count` queries from `first`, in `Q` vectors.
    #[inline(always)]
    fn block<I: Isa, const Q: usize>(&mut self, isa: I, first: usize, count: usize) {
        let ops = isa.f32();
        let (dim, dim_v) = (self.dim, self.dim_v);
        let width = Q * ops.len();
        // What is left of another block in lanes without a query is in nothing's way.
        let len = (dim + dim_v + TILE) * width;
        if self.work.len() < len {
            self.work.resize(len, 0.0);
        }
        let (columns, rest) = self.work[..len].split_at_mut(dim * width);
        let (sums, scores) = rest.split_at_mut(dim_v * width);
        rows_to_columns(&self.q[first * dim..][..count * dim], dim, columns, width);
        for vector in columns.chunks_exact_mut(ops.len()) {
            // Scores are then powers of two's exponents.
            ops.store(ops.mul(ops.load(vector), ops.splat(LOG2_E)), vector);
        }
        sums.fill(0.0);

        let mut max = [ops.splat(f32::NEG_INFINITY); Q];
        let mut total = [ops.zero(); Q];
        let mut start = 0;
        while start < self.keys {
            let tile = TILE.min(self.keys - start);
            let k = &self.k[start * dim..][..tile * dim];
            let v = &self.v[start * dim_v..][..tile * dim_v];
            let before = max;
            if Q == 1 {
                products::<I, Q, TOGETHER_WITH_ONE>(isa, columns, k, dim, scores, &mut max);
            } else {
                products::<I, Q, TOGETHER>(isa, columns, k, dim, scores, &mut max);
            }
            // Nothing was summed before the first tile.
            let mut shrink = [ops.zero(); Q];
            if start > 0 {
                for i in 0..Q {
                    shrink[i] = exp2_nonpositive(isa, ops.sub(before[i], max[i]));
                    total[i] = ops.mul(total[i], shrink[i]);
                }
            }
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

/// Row `i` of `rows [_, dim]` to column `i` of `columns [dim, width]`.
#[inline(always)]
fn rows_to_columns(rows: &[f32], dim: usize, columns: &mut [f32], width: usize) {
    let (count, whole) = (rows.len() / dim, dim - dim % SIDE);
    let fours = count - count % SIDE;
    for (four, rows) in rows.chunks_exact(SIDE * dim).enumerate() {
        let row = |i: usize| &rows[i * dim..][..dim];
        for first in (0..whole).step_by(SIDE) {
            let square = square([row(0), row(1), row(2), row(3)], first);
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

/// Column `i` of `columns [dim, width]` to row `i` of `rows [_, dim]`.
#[inline(always)]
fn columns_to_rows(columns: &[f32], width: usize, rows: &mut [f32], dim: usize) {
    let (count, whole) = (rows.len() / dim, dim - dim % SIDE);
    let fours = count - count % SIDE;
    for (four, rows) in rows.chunks_exact_mut(SIDE * dim).enumerate() {
        for first in (0..whole).step_by(SIDE) {
            let line = |d: usize| &columns[(first + d) * width..][..width];
            let square = square([line(0), line(1), line(2), line(3)], four * SIDE);
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

/// `scores[key] = columns . k[key]`, and each query's maximum over them.
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
    for (row, scores) in sums.into_iter().zip(scores.chunks_exact_mut(Q * lanes)) {
        for i in 0..Q {
            max[i] = ops.max(max[i], row[i]);
            ops.store(row[i], &mut scores[i * lanes..]);
        }
    }
}

/// `sums[d] = shrink * sums[d] + weights . v[.., d]`.
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
    // Loops, not `array::from_fn`: its closures are not compiled for the wide instructions.
    let mut sums = [[ops.zero(); Q]; C];
    for (c, sums) in sums.iter_mut().enumerate() {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = ops.mul(ops.load(&out[(c * Q + i) * lanes..]), shrink[i]);
        }
    }
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
