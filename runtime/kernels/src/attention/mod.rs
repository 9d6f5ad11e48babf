//! Fused multi-head attention: `softmax(q k^T) v` without the scores ever being in memory.
//!
//! The kernel reads queries, keys and values where their projection left them, windows and heads
//! included ([`MapView`]), and writes the result in the order in which the next projection reads
//! it. The graph's reshapes and transposes around attention therefore cost nothing.
//!
//! A task is a few hundred queries of one head of one window. Each query is computed by itself, in
//! an order that depends only on the number of keys. A band is the tasks of all heads and of all
//! windows that lie side by side. It makes up whole rows of the output, so a thread can own it.

#[cfg(target_arch = "x86_64")]
mod brain;
#[cfg(any(test, target_arch = "aarch64"))]
mod fixed;
mod integer;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scratch;
#[cfg(any(test, not(target_arch = "aarch64")))]
mod tile;
mod view;

pub use scratch::Scratch;
pub use view::MapView;

use crate::KernelError;
use crate::error::expect_size;
use std::ops::Range;

/// Keys of a tile. With the 32 queries of an AVX-512 block the scores take 16 KiB, half of the
/// smallest first-level caches. The other half holds the tile's keys and values, 8 KiB each at 16
/// channels. Shorter tiles would scale the sums more often.
const TILE: usize = 128;

/// Approximate queries of a task. Each task gathers its keys and values anew, and in integers also
/// quantizes them, so it needs enough queries to make that a small part of its work.
const TASK_ROWS: usize = 256;
const INTEGER_TASK_ROWS: usize = 1024;

/// One attention over whole maps, ready to run.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    q: MapView<'a>,
    k: MapView<'a>,
    v: MapView<'a>,
    heads: usize,
    dim: usize,
    dim_v: usize,
    output: [usize; 2],
    in_integers: bool,
    /// With operands in bf16.
    #[cfg(target_arch = "x86_64")]
    in_bf16: bool,
    /// In fixed point, instead of f32.
    #[cfg(target_arch = "aarch64")]
    in_fixed: bool,
    /// In f16, where the values fit.
    #[cfg(target_arch = "aarch64")]
    in_halves: bool,
}

/// A window's head and some of its query rows.
struct Task {
    window: usize,
    head: usize,
    rows: Range<usize>,
}

impl<'a> Attention<'a> {
    /// Attention of `heads` heads of `dim` channels (`dim_v` in the values), whose output is the
    /// map `[output[0], output[1], heads * dim_v]`: the queries' map, or its top left part.
    /// The kernel applies no scale: the caller multiplies the queries by it.
    ///
    /// # Errors
    /// [`KernelError`] if a view is not made of whole windows, if the three differ in the number of
    /// windows, if keys and values differ in number, or if channels are missing.
    pub fn new(
        [q, k, v]: [MapView<'a>; 3],
        heads: usize,
        [dim, dim_v]: [usize; 2],
        output: [usize; 2],
    ) -> Result<Self, KernelError> {
        for (what, view, dim) in [("queries", &q, dim), ("keys", &k, dim), ("values", &v, dim_v)] {
            view.check(what, heads.saturating_mul(dim))?;
        }
        expect_size("windows of keys", q.windows(), k.windows())?;
        expect_size("windows of values", q.windows(), v.windows())?;
        expect_size("values of a window", k.tokens(), v.tokens())?;
        let fits = output[0] <= q.rows() && output[1] <= q.columns;
        if !fits || dim == 0 || dim_v == 0 || heads == 0 || k.tokens() == 0 {
            let found = format!("output {output:?}, {heads} heads of {dim} and {dim_v} channels");
            return Err(KernelError::Windows { what: "attention", found });
        }
        Ok(Self {
            q,
            k,
            v,
            heads,
            dim,
            dim_v,
            output,
            in_integers: false,
            #[cfg(target_arch = "x86_64")]
            in_bf16: false,
            #[cfg(target_arch = "aarch64")]
            in_fixed: false,
            #[cfg(target_arch = "aarch64")]
            in_halves: neon::has_halves(),
        })
    }

    /// The same attention with queries, keys, values and weights rounded to 8 bits. It is several
    /// times faster on processors with int8 dot products; results are off by a few steps of 127.
    /// Windows of fewer than 32 or more than 65,536 keys, and heads of more than 256 channels, stay
    /// in float.
    #[must_use]
    pub fn in_integers(mut self) -> Self {
        self.in_integers = Self::fits_integers(self.k.tokens(), self.dim);
        self
    }

    /// The same attention with queries, keys, weights and values rounded to fewer bits, where that is faster: to bf16
    /// on processors that multiply such (AVX512_BF16), and to 16 and 8 bits on ARM processors that do not calculate in
    /// f16, if heads have 16 channels and windows 32 to 8,192 keys. Elsewhere no change.
    #[must_use]
    pub fn in_fewer_bits(self) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            in_bf16: brain::is_available(),
            #[cfg(target_arch = "aarch64")]
            in_fixed: fixed::fits(self.k.tokens(), [self.dim, self.dim_v]),
            ..self
        }
    }

    /// The same attention in f32 on every processor.
    #[cfg(test)]
    fn in_f32(self) -> Self {
        Self {
            #[cfg(target_arch = "aarch64")]
            in_halves: false,
            ..self
        }
    }

    /// Whether [`in_integers`](Self::in_integers) changes windows of `keys` keys and heads of `dim`
    /// channels.
    #[must_use]
    pub fn fits_integers(keys: usize, dim: usize) -> bool {
        (integer::MIN_KEYS..=integer::MAX_KEYS).contains(&keys) && dim <= integer::MAX_DIM
    }

    /// Number of tasks that make up the whole.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.q.windows() * self.heads * self.blocks()
    }

    /// Number of values of the output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.heads * self.dim_v
    }

    fn blocks(&self) -> usize {
        self.q.tokens().div_ceil(self.task_rows())
    }

    /// Queries of a task. They are whole rows of a window, so that a band is whole rows of the
    /// output.
    fn task_rows(&self) -> usize {
        // A window wider than a task is still one row; a small window is one task.
        let rows = if self.in_integers { INTEGER_TASK_ROWS } else { TASK_ROWS };
        let [height, width] = self.q.window;
        (rows / width).clamp(1, height) * width
    }

    fn task(&self, index: usize) -> Task {
        // Windows outside, then heads, then blocks of queries: successive tasks of a head find its
        // keys and values in the cache.
        let (rest, block) = (index / self.blocks(), index % self.blocks());
        let first = block * self.task_rows();
        Task {
            window: rest / self.heads,
            head: rest % self.heads,
            rows: first..(first + self.task_rows()).min(self.q.tokens()),
        }
    }

    /// Computes one task and leaves the result in `scratch`, for [`place`](Self::place).
    pub fn compute(&self, index: usize, scratch: &mut Scratch) {
        let task = self.task(index % self.tasks().max(1));
        if self.in_integers {
            scratch.attend_integer(self, &task);
        } else {
            scratch.attend(self, &task);
        }
    }

    /// Copies what [`compute`](Self::compute) left for task `index` to its place in the output.
    ///
    /// # Errors
    /// [`KernelError::Size`] if `out` or `values` has another length.
    pub fn place(&self, index: usize, values: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
        let task = self.task(index % self.tasks().max(1));
        expect_size("attention output", self.output_len(), out.len())?;
        expect_size("attention task", task.rows.len() * self.dim_v, values.len())?;
        self.write(&task, values, 0, out);
        Ok(())
    }

    /// Copies a task's result into `out`, which holds rows of the output from `top` on. Tokens
    /// outside the output are the map's padding and are dropped.
    fn write(&self, task: &Task, values: &[f32], top: usize, out: &mut [f32]) {
        let channels = self.heads * self.dim_v;
        let [y, x] = self.q.place(task.window, task.rows.start);
        let width = self.q.window[1];
        let columns = width.min(self.output[1].saturating_sub(x));
        if columns == 0 {
            return;
        }
        let rows = values.chunks_exact(width * self.dim_v);
        for (y, row) in (y..self.output[0]).zip(rows) {
            let start = ((y - top) * self.output[1] + x) * channels;
            let tokens = out[start..][..columns * channels].chunks_exact_mut(channels);
            for (token, value) in tokens.zip(row.chunks_exact(self.dim_v)) {
                view::copy_token(value, &mut token[task.head * self.dim_v..][..self.dim_v]);
            }
        }
    }

    /// The number of output values of each band, in order. It is 0 for a band that is only padding.
    pub fn bands(&self) -> impl Iterator<Item = usize> {
        let (height, band) = (self.q.window[0], self.task_rows() / self.q.window[1]);
        let starts = (0..self.output[0]).step_by(height).flat_map(move |top| {
            (0..height)
                .step_by(band)
                .map(move |first| [top + first, top + height.min(first + band)])
        });
        let row = self.output[1] * self.heads * self.dim_v;
        let last = self.output[0];
        starts.map(move |[first, end]| (end.min(last) - first.min(last)) * row)
    }

    /// Computes band `index` into `out`, which has as many values as [`bands`](Self::bands) says.
    ///
    /// # Errors
    /// [`KernelError::Size`] if `out` has another length.
    pub fn run_band(
        &self,
        index: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        expect_size("attention band", self.bands().nth(index).unwrap_or(0), out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        // Bands go down the map: the blocks of a row of windows, then those of the next row.
        let (blocks, across) = (self.blocks(), self.q.columns / self.q.window[1]);
        let (down, block) = (index / blocks, index % blocks);
        let top = down * self.q.window[0] + block * self.task_rows() / self.q.window[1];
        // Each task writes its own head of its own window; together they fill the band.
        for window in down * across..(down + 1) * across {
            for head in 0..self.heads {
                let task = (window * self.heads + head) * blocks + block;
                self.compute(task, scratch);
                self.write(&self.task(task), scratch.result(), top, out);
            }
        }
        Ok(())
    }

    /// Runs all bands on this thread.
    ///
    /// # Errors
    /// [`KernelError::Size`] if `out` has another length than [`output_len`](Self::output_len).
    pub fn run(&self, scratch: &mut Scratch, mut out: &mut [f32]) -> Result<(), KernelError> {
        expect_size("attention output", self.output_len(), out.len())?;
        for (index, len) in self.bands().enumerate() {
            let (band, rest) = out.split_at_mut(len);
            self.run_band(index, scratch, band)?;
            out = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
