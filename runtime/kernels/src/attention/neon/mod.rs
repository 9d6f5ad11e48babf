//! Float attention on ARM: a block of queries, one vector of them, against all keys, 16 channels at
//! a time; in f32, and in f16 where the processor has FEAT_FP16.
//!
//! NEON multiplies a vector by one lane of another, so nothing has to be broadcast, and it has 32
//! registers:
//!
//! - **Scores.** A lane is a query. The queries' 16 channels are 16 vectors that stay in registers.
//!   A key's channels are loaded once, and each of their lanes multiplies a vector of queries.
//! - **Sums.** A lane is a channel, and a lane of the weights picks the query. All sums of a block
//!   stay in registers while the values stream by, and they end up in rows, as the output needs
//!   them.
//!
//! Softmax is online, as in `tile`. A tile of keys serves several blocks of queries before the next
//! one is read, so keys and values come from the first cache.

mod half;
mod real;
#[cfg(test)]
mod tests;

use super::{Attention, MapView, TILE, Task};
use std::f32::consts::LOG2_E;

/// Channels of a panel. Channels beyond the last are zeros, which change no sum.
const PANEL: usize = 16;
/// Queries that a tile of keys serves. With 16 channels, their columns, sums, maxima and totals
/// take 4.4 KiB in f32.
const GROUP: usize = 32;
/// Keys whose scores are computed together. Keys are padded to a multiple of it.
const TOGETHER: usize = 4;
/// Most queries of a block.
const LANES: usize = 8;

/// Buffers of a thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    real: Parts<f32>,
    half: Parts<u16>,
}

/// A task's tokens by panels, `[panels, tokens, PANEL]`, and what is made of them.
#[derive(Clone, Debug, Default)]
struct Parts<T> {
    q: Vec<T>,
    k: Vec<T>,
    v: Vec<T>,
    /// Queries by blocks and panels, `[blocks, panels, PANEL, queries]`.
    columns: Vec<T>,
    scores: Vec<T>,
    /// Of each block.
    softmax: Vec<Softmax>,
    /// Sums of weighted values, `[blocks, panels, queries, PANEL]`.
    sums: Vec<f32>,
}

/// Largest scores of a block's queries, and the sums of their weights.
#[derive(Clone, Copy, Debug)]
struct Softmax {
    max: [f32; LANES],
    total: [f32; LANES],
}

/// How a kernel calculates.
trait Arithmetic {
    /// Of queries, keys, values, scores and weights.
    type Value: Copy + Default;
    /// Queries of a block.
    const LANES: usize;

    /// Copies 16 channels.
    fn convert(from: &[f32; PANEL], scale: f32, to: &mut [Self::Value; PANEL]);

    /// Turns `rows [LANES, PANEL]` into `columns [PANEL, LANES]`.
    fn transpose(rows: &[Self::Value], columns: &mut [Self::Value]);

    /// Scores of `k [keys, PANEL]`, added to those of earlier panels unless this is the first;
    /// raises the maxima to them.
    fn score(
        columns: &[Self::Value],
        k: &[Self::Value],
        is_first: bool,
        scores: &mut [Self::Value],
        max: &mut [f32; LANES],
    );

    /// Gives the last `count` keys no weight.
    fn mask(scores: &mut [Self::Value], count: usize);

    /// `sums = shrink * sums + weights . v`, for one panel of `v [keys, PANEL]`; all but the first
    /// `count` keys are padding. With the first panel, it adds the weights to the totals.
    fn weigh(
        scores: &mut [Self::Value],
        v: &[Self::Value],
        count: usize,
        is_first: bool,
        shrink: &[f32; LANES],
        softmax: &mut Softmax,
        sums: &mut [f32],
    );
}

/// Whether the processor calculates in f16.
pub(super) fn has_halves() -> bool {
    half::is_available()
}

/// Computes a task: `out [rows, dim_v]`.
pub(super) fn attend(
    attention: &Attention<'_>,
    task: &Task,
    buffers: &mut Buffers,
    out: &mut [f32],
) {
    // A block of halves has eight queries. With four or fewer, f32 takes fewer instructions.
    let in_halves = attention.in_halves && task.rows.len() > 4;
    if in_halves && half::attend(attention, task, &mut buffers.half, out) {
        return;
    }
    real::attend(attention, task, &mut buffers.real, out);
}

impl<T: Copy + Default> Parts<T> {
    /// Copies a task's tokens.
    #[inline(always)]
    fn gather<A: Arithmetic<Value = T>>(&mut self, attention: &Attention<'_>, task: &Task) {
        let (keys, queries) = (attention.k.tokens(), &task.rows);
        let [rows, padded] = [queries.len().next_multiple_of(A::LANES), padded(keys)];
        // e^s is 2^(s log2 e). Scaling the queries spares a multiplication for each score.
        let q = Tokens { first: queries.start, count: queries.len(), padded: rows, scale: LOG2_E };
        let k = Tokens { first: 0, count: keys, padded, scale: 1.0 };
        q.gather::<A>(&attention.q, task, attention.dim, &mut self.q);
        k.gather::<A>(&attention.k, task, attention.dim, &mut self.k);
        k.gather::<A>(&attention.v, task, attention.dim_v, &mut self.v);
    }

    /// Computes a task from its tokens.
    #[inline(always)]
    fn attend<A: Arithmetic<Value = T>>(&mut self, keys: usize, dim_v: usize, out: &mut [f32]) {
        let (queries, padded) = (out.len() / dim_v, padded(keys));
        let panels = self.k.len() / (padded * PANEL);
        let panels_v = self.v.len() / (padded * PANEL);
        let (panel, blocks) = (A::LANES * PANEL, queries.div_ceil(A::LANES));
        self.columns.resize(panels * panel * GROUP / A::LANES, T::default());
        self.scores.resize(TILE * A::LANES, T::default());
        let Self { q, k, v, columns, scores, softmax, sums } = self;
        for first in (0..blocks).step_by(GROUP / A::LANES) {
            let count = (GROUP / A::LANES).min(blocks - first);
            let columns = &mut columns[..count * panels * panel];
            for (b, columns) in columns.chunks_exact_mut(panels * panel).enumerate() {
                for (p, columns) in columns.chunks_exact_mut(panel).enumerate() {
                    let row = p * blocks * A::LANES + (first + b) * A::LANES;
                    A::transpose(&q[row * PANEL..][..panel], columns);
                }
            }
            softmax.clear();
            softmax.resize(count, Softmax::EMPTY);
            sums.clear();
            sums.resize(count * panels_v * panel, 0.0);
            for start in (0..keys).step_by(TILE) {
                let real = TILE.min(keys - start);
                let tile = Tile { start, keys, real };
                let blocks = columns
                    .chunks_exact(panels * panel)
                    .zip(softmax.iter_mut())
                    .zip(sums.chunks_exact_mut(panels_v * panel));
                for ((columns, softmax), sums) in blocks {
                    tile.attend::<A>([k, v], columns, scores, softmax, sums);
                }
            }
            let out = &mut out[first * A::LANES * dim_v..];
            let blocks = softmax.iter().zip(sums.chunks_exact(panels_v * panel));
            for ((softmax, sums), out) in blocks.zip(out.chunks_mut(A::LANES * dim_v)) {
                softmax.finish(sums, A::LANES, out, dim_v);
            }
        }
    }
}

/// Keys with their padding.
fn padded(keys: usize) -> usize {
    keys.next_multiple_of(TOGETHER)
}

/// Some tokens of a window.
struct Tokens {
    first: usize,
    count: usize,
    padded: usize,
    scale: f32,
}

impl Tokens {
    /// Copies `dim` channels of the tokens, by panels.
    #[inline(always)]
    fn gather<A: Arithmetic>(
        &self,
        view: &MapView<'_>,
        task: &Task,
        dim: usize,
        to: &mut Vec<A::Value>,
    ) {
        to.resize(dim.div_ceil(PANEL) * self.padded * PANEL, A::Value::default());
        for (p, panel) in to.chunks_exact_mut(self.padded * PANEL).enumerate() {
            let channel = view.first + task.head * dim + p * PANEL;
            let width = PANEL.min(dim - p * PANEL);
            let (rows, _) = panel.as_chunks_mut::<PANEL>();
            let mut copies = rows.iter_mut();
            for run in view.runs(task.window, self.first, self.count) {
                // The run comes first in `zip`, so that no copy is lost at its end.
                for (token, copy) in run.chunks_exact(view.channels).zip(copies.by_ref()) {
                    let token = &token[channel..];
                    match token.first_chunk::<PANEL>() {
                        Some(whole) if width == PANEL => A::convert(whole, self.scale, copy),
                        _ => {
                            let mut part = [0.0; PANEL];
                            part[..width].copy_from_slice(&token[..width]);
                            A::convert(&part, self.scale, copy);
                        }
                    }
                }
            }
            // Padding repeats the last token, so that it raises no maximum.
            let last = rows[self.count - 1];
            rows[self.count..].fill(last);
        }
    }
}

/// Some keys of a window.
struct Tile {
    start: usize,
    /// Of the window.
    keys: usize,
    /// Of the tile, without padding.
    real: usize,
}

impl Tile {
    /// Adds this tile to a block.
    #[inline(always)]
    fn attend<A: Arithmetic>(
        &self,
        [k, v]: [&[A::Value]; 2],
        columns: &[A::Value],
        scores: &mut [A::Value],
        softmax: &mut Softmax,
        sums: &mut [f32],
    ) {
        let (tile, rows) = (padded(self.real), padded(self.keys) * PANEL);
        let scores = &mut scores[..tile * A::LANES];
        let before = softmax.max;
        for (p, (columns, k)) in
            columns.chunks_exact(A::LANES * PANEL).zip(k.chunks_exact(rows)).enumerate()
        {
            // Scores are whole after the last panel only.
            let mut max = before;
            A::score(columns, &k[self.start * PANEL..][..tile * PANEL], p == 0, scores, &mut max);
            softmax.max = max;
        }
        if tile > self.real {
            A::mask(scores, tile - self.real);
        }
        // Before the first tile nothing is summed and the maximum is minus infinity: the
        // difference could be NaN.
        let mut shrink = [0.0; LANES];
        if self.start > 0 {
            for i in 0..LANES {
                shrink[i] = before[i] - softmax.max[i];
            }
            shrink = real::powers(shrink);
            for i in 0..LANES {
                softmax.total[i] *= shrink[i];
            }
        }
        for (p, (sums, v)) in
            sums.chunks_exact_mut(A::LANES * PANEL).zip(v.chunks_exact(rows)).enumerate()
        {
            let v = &v[self.start * PANEL..][..tile * PANEL];
            A::weigh(scores, v, self.real, p == 0, &shrink, softmax, sums);
        }
    }
}

impl Softmax {
    const EMPTY: Self = Self { max: [f32::NEG_INFINITY; LANES], total: [0.0; LANES] };

    /// Divides the sums of values by the sums of weights.
    #[inline(always)]
    fn finish(&self, sums: &[f32], lanes: usize, out: &mut [f32], dim_v: usize) {
        for (i, out) in out.chunks_exact_mut(dim_v).enumerate() {
            // The kernels lose a NaN or infinity among the scores, the maximum does not.
            let total = self.total[i] + 0.0 * self.max[i];
            let (whole, rest) = out.as_chunks_mut::<PANEL>();
            let mut panels = sums.chunks_exact(lanes * PANEL);
            for (out, sums) in whole.iter_mut().zip(panels.by_ref()) {
                let (sums, _) = sums.as_chunks::<PANEL>();
                *out = sums[i].map(|sum| sum / total);
            }
            for (out, sum) in rest.iter_mut().zip(panels.flat_map(|sums| &sums[i * PANEL..])) {
                *out = sum / total;
            }
        }
    }
}
