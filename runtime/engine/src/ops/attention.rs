//! Attention, from projected queries, keys and values to what is attended to.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, values};
use super::share::{each, pool};
use rayon::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Attention as Kernel, MapView, Scratch};

thread_local! {
    /// Buffers of a thread, as large as its largest attention needs, kept from frame to frame.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

attributes! {
    /// Where queries, keys or values are in a tensor; see [`MapView`].
    pub(crate) struct Operand {
        /// Columns of the map.
        pub(crate) columns: usize,
        /// Channels of the map.
        pub(crate) channels: usize,
        /// The first of the channels that are read.
        pub(crate) first: usize,
        /// Rows of a window; 0 if the one window is the whole map.
        pub(crate) window_rows: usize,
        /// Columns of a window.
        pub(crate) window_columns: usize,
        /// Rows of the map; 0 if there may be any number.
        pub(crate) rows: usize,
    }
}

attributes! {
    /// `q`, `k` and `v` to `[rows * columns, heads * value_channels]`.
    pub(crate) struct Attention {
        pub(crate) q: Operand,
        pub(crate) k: Operand,
        pub(crate) v: Operand,
        pub(crate) heads: usize,
        /// Channels of a head's queries and keys.
        pub(crate) head_channels: usize,
        /// Channels of a head's values.
        pub(crate) value_channels: usize,
        /// Rows of the output; 0 if it has as many as the queries.
        pub(crate) rows: usize,
        /// Columns of the output.
        pub(crate) columns: usize,
        /// In 8-bit integers, where the kernel can.
        pub(crate) in_integers: bool,
        /// With operands in fewer bits, where that is faster; integers come first.
        pub(crate) in_fewer_bits: bool,
    }
}

impl Operand {
    /// All channels of any number of rows.
    pub(crate) fn rows(channels: usize) -> Self {
        Self { columns: 1, channels, first: 0, window_rows: 0, window_columns: 1, rows: 0 }
    }

    fn ensure_fits(&self, shape: &[TDim]) -> TractResult<()> {
        let volume = self.rows.checked_mul(self.columns).and_then(|n| n.checked_mul(self.channels));
        let volume = volume.with_context(|| format!("attention: {self:?}"))?;
        let found: TDim = shape.iter().product();
        ensure!(self.rows == 0 || found == volume.to_dim(), "attention on {shape:?}");
        Ok(())
    }

    fn view<'t>(&self, tensor: &'t Tensor) -> TractResult<MapView<'t>> {
        let &Self { columns, channels, first, window_rows, window_columns, .. } = self;
        let values = values(tensor)?;
        let all = values.len().checked_div(columns * channels).unwrap_or(0);
        let rows = if window_rows == 0 { all } else { window_rows };
        Ok(MapView { values, columns, channels, first, window: [rows, window_columns] })
    }
}

impl Attention {
    /// Rows of plain queries of this shape.
    fn query_rows(&self, shape: &[TDim]) -> TDim {
        match shape {
            [rows, last] if *last == self.q.channels.to_dim() => rows.clone(),
            _ => shape.iter().product::<TDim>() / self.q.channels,
        }
    }
}

impl KernelOp for Attention {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.Attention"];

    fn arity(&self) -> Arity {
        Arity { inputs: 3, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        for (operand, shape) in [&self.q, &self.k, &self.v].into_iter().zip(inputs) {
            operand.ensure_fits(shape)?;
        }
        ensure!(self.q.channels > 0, "attention without channels");
        let rows = match self.rows {
            0 => self.query_rows(&inputs[0]),
            rows => (rows * self.columns).to_dim(),
        };
        Ok(tvec!(rows, (self.heads * self.value_channels).to_dim()))
    }

    /// Both products; softmax is not counted.
    fn cost(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        let [q, k, _] = inputs else { bail!("attention: expected 3 inputs") };
        let keys = self.k.window_rows * self.k.window_columns;
        let integers = self.in_integers && Kernel::fits_integers(keys, self.head_channels);
        let kind = if integers { i8::datum_type() } else { f32::datum_type() };
        let keys = match self.k.window_rows {
            0 => k.iter().product::<TDim>() / self.k.channels,
            _ => keys.to_dim(),
        };
        let queries = q.iter().product::<TDim>() / self.q.channels;
        let each = self.heads * (self.head_channels + self.value_channels);
        Ok(tvec!((Cost::FMA(kind), queries * keys * each)))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let [q, k, v] = inputs else { bail!("attention: expected 3 inputs") };
        let [q, k, v] = [self.q.view(q)?, self.k.view(k)?, self.v.view(v)?];
        let rows = if self.rows == 0 { q.window[0] } else { self.rows };
        let channels = [self.head_channels, self.value_channels];
        let attention = Kernel::new([q, k, v], self.heads, channels, [rows, self.columns])?;
        let attention = if self.in_fewer_bits { attention.in_fewer_bits() } else { attention };
        let attention = if self.in_integers { attention.in_integers() } else { attention };
        let mut plain = out.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        let bands = attention.bands().count();
        match pool() {
            Some(pool) if bands < pool.current_num_threads() => {
                // Few queries: a head for each thread.
                let compute = |task| {
                    SCRATCH.with_borrow_mut(|scratch| {
                        attention.compute(task, scratch);
                        scratch.result().to_vec()
                    })
                };
                let results: Vec<Vec<f32>> = pool.install(|| {
                    let share = attention.tasks() / (8 * pool.current_num_threads());
                    let tasks = (0..attention.tasks()).into_par_iter();
                    tasks.with_min_len(share.max(1)).map(compute).collect()
                });
                for (task, result) in results.iter().enumerate() {
                    attention.place(task, result, values)?;
                }
                Ok(())
            }
            _ => {
                let mut rest = values;
                let mut parts = Vec::with_capacity(bands);
                for len in attention.bands() {
                    let (part, after) = rest.split_at_mut(len);
                    parts.push(part);
                    rest = after;
                }
                each(&mut parts, |band, part| {
                    SCRATCH.with_borrow_mut(|scratch| Ok(attention.run_band(band, scratch, part)?))
                })
            }
        }
    }
}
