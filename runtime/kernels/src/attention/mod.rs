//! Fused multi-head attention: `softmax(q k^T) v` without the scores ever being in memory.
//!
//! Queries, keys and values are read where their projection left them, windows and heads included
//! ([`MapView`]), and the result is written as the next projection reads it. A task is a few
//! hundred query rows of one head of one window; each query row is computed by itself, in an order
//! that depends on nothing but the number of keys. The tasks of all heads and of the windows beside
//! each other give a band: whole rows of the output, which a thread can write by itself.

mod integer;
mod tile;
mod view;

pub use tile::Scratch;
pub use view::MapView;

use crate::KernelError;
use crate::error::same;
use std::ops::Range;

/// Query rows of a task, about: enough to be worth gathering the keys and values, and, in integers,
/// quantizing them.
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
    /// Any scale is the caller's to fold into the queries.
    ///
    /// # Errors
    /// [`KernelError`] if a view is not cut into whole windows, the three do not have as many,
    /// keys and values differ in number, or channels are missing.
    pub fn new(
        [q, k, v]: [MapView<'a>; 3],
        heads: usize,
        [dim, dim_v]: [usize; 2],
        output: [usize; 2],
    ) -> Result<Self, KernelError> {
        for (what, view, dim) in [("queries", &q, dim), ("keys", &k, dim), ("values", &v, dim_v)] {
            view.check(what, heads.saturating_mul(dim))?;
        }
        same("windows of keys", q.windows(), k.windows())?;
        same("windows of values", q.windows(), v.windows())?;
        same("values of a window", k.tokens(), v.tokens())?;
        let fits = output[0] <= q.rows() && output[1] <= q.columns;
        if !fits || dim == 0 || dim_v == 0 || heads == 0 || k.tokens() == 0 {
            let found = format!("output {output:?}, {heads} heads of {dim} and {dim_v} channels");
            return Err(KernelError::Windows { what: "attention", found });
        }
        Ok(Self { q, k, v, heads, dim, dim_v, output, in_integers: false })
    }

    /// The same with queries, keys, values and weights rounded to 8 bits: several times faster
    /// where the processor has int8 dot products, with errors of a few steps of 127. Windows of less
    /// than 32 or more than 65,536 keys, and heads of more than 256 channels, stay in float.
    #[must_use]
    pub fn in_integers(mut self) -> Self {
        self.in_integers = Self::fits_integers(self.k.tokens(), self.dim);
        self
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

    /// Whole rows of a window.
    fn task_rows(&self) -> usize {
        let rows = if self.in_integers { INTEGER_TASK_ROWS } else { TASK_ROWS };
        let [height, width] = self.q.window;
        (rows / width).clamp(1, height) * width
    }

    fn task(&self, index: usize) -> Task {
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
        same("attention output", self.output_len(), out.len())?;
        same("attention task", task.rows.len() * self.dim_v, values.len())?;
        self.put(&task, values, 0, out);
        Ok(())
    }

    /// Copies a task's result to rows of the output, of which `out` starts with row `top`.
    fn put(&self, task: &Task, values: &[f32], top: usize, out: &mut [f32]) {
        let channels = self.heads * self.dim_v;
        let places = self.q.places(task.window, task.rows.start);
        for ([y, x], value) in places.zip(values.chunks_exact(self.dim_v)) {
            if y < self.output[0] && x < self.output[1] {
                let start = ((y - top) * self.output[1] + x) * channels + task.head * self.dim_v;
                view::copy_token(value, &mut out[start..start + self.dim_v]);
            }
        }
    }

    /// How many values each band of the output has, from the first on.
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
    /// [`KernelError::Size`] if it has not.
    pub fn run_band(
        &self,
        index: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        same("attention band", self.bands().nth(index).unwrap_or(0), out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        let (blocks, across) = (self.blocks(), self.q.columns / self.q.window[1]);
        let (down, block) = (index / blocks, index % blocks);
        let top = down * self.q.window[0] + block * self.task_rows() / self.q.window[1];
        for window in down * across..(down + 1) * across {
            for head in 0..self.heads {
                let task = (window * self.heads + head) * blocks + block;
                self.compute(task, scratch);
                self.put(&self.task(task), scratch.result(), top, out);
            }
        }
        Ok(())
    }

    /// Runs all bands on this thread.
    ///
    /// # Errors
    /// [`KernelError::Size`] if `out` has another length than [`output_len`](Self::output_len).
    pub fn run(&self, scratch: &mut Scratch, mut out: &mut [f32]) -> Result<(), KernelError> {
        same("attention output", self.output_len(), out.len())?;
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
