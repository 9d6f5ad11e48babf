//! Linear layers, `x [rows, K] W [K, N] + bias`, with what follows them in the same pass.
//!
//! Weights are packed once. Rows are done by blocks that stay in the cache until activation,
//! residual and quantization are applied too. A row's bits depend on that row alone.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod integer;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod real;
#[cfg(target_arch = "aarch64")]
mod sdot;
#[cfg(target_arch = "aarch64")]
mod smull;
#[cfg(test)]
mod tests;
pub(crate) mod tile;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub use integer::{Input, LinearI8};
pub use real::LinearF32;

use crate::KernelError;
use crate::error::same;
use crate::gelu::gelu;
use crate::quantize::Quantize;
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp, SimdUnaryOp};
use tile::ROWS;

/// Output values of a block of rows: 32 KiB.
const BLOCK_VALUES: usize = 8192;

/// The function after a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// None.
    Identity,
    /// `max(x, 0)`; NaN stays.
    Relu,
    /// GELU with the exact error function; see [`gelu`].
    Gelu,
}

/// What follows the products and the bias, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// What is added.
    pub residual: Residual<'a>,
    /// The function of the sum.
    pub activation: Activation,
}

/// What is added to the output of a layer, `[rows, N]`.
#[derive(Clone, Copy, Debug)]
pub enum Residual<'a> {
    /// Nothing.
    None,
    /// `[rows, N]`.
    Values(&'a [f32]),
    /// `values + rows * columns`, each operation rounded.
    WithProduct {
        /// `[rows, N]`.
        values: &'a [f32],
        /// A factor of each row.
        rows: &'a [f32],
        /// A factor of each column, `[N]`.
        columns: &'a [f32],
    },
}

impl<'a> Residual<'a> {
    /// Whether it fits to `rows` rows of `outputs` values.
    fn check(&self, rows: usize, outputs: usize) -> Result<(), KernelError> {
        let len = rows.saturating_mul(outputs);
        match *self {
            Self::None => Ok(()),
            Self::Values(values) => same("values of a residual", len, values.len()),
            Self::WithProduct { values, rows: factors, columns } => {
                same("values of a residual", len, values.len())?;
                same("factors of the rows of a residual", rows, factors.len())?;
                same("factors of the columns of a residual", outputs, columns.len())
            }
        }
    }

    /// That of `count` rows of `outputs` values from `first`.
    fn rows(&self, first: usize, count: usize, outputs: usize) -> Residual<'a> {
        let part = |values: &'a [f32]| &values[first * outputs..(first + count) * outputs];
        match *self {
            Self::None => Residual::None,
            Self::Values(values) => Residual::Values(part(values)),
            Self::WithProduct { values, rows, columns } => {
                let rows = &rows[first..first + count];
                Residual::WithProduct { values: part(values), rows, columns }
            }
        }
    }

    fn add_to(&self, sums: &mut [f32]) {
        match *self {
            Self::None => {}
            Self::Values(values) => {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            Self::WithProduct { values, rows, columns } => {
                let width = columns.len().max(1);
                let lines = sums.chunks_exact_mut(width).zip(values.chunks_exact(width));
                for ((sums, values), row) in lines.zip(rows) {
                    for ((sum, value), column) in sums.iter_mut().zip(values).zip(columns) {
                        *sum += value + row * column;
                    }
                }
            }
        }
    }
}

/// Where the result goes, `[rows, N]`.
#[derive(Debug)]
pub enum Output<'a> {
    /// As it is.
    Real(&'a mut [f32]),
    /// As [`quantize`](crate::quantize) makes it.
    Quantized {
        /// Step of the int8 values.
        scale: f32,
        /// The result.
        values: &'a mut [i8],
    },
}

impl Output<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Real(values) => values.len(),
            Self::Quantized { values, .. } => values.len(),
        }
    }
}

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub struct LinearScratch {
    rows: Vec<f32>,
    quantized: Vec<i8>,
    repacked: Repacked,
}

/// Rows as an integer path reads them.
#[derive(Clone, Debug, Default)]
struct Repacked {
    #[cfg(target_arch = "x86_64")]
    bytes: Vec<u8>,
    #[cfg(target_arch = "aarch64")]
    signed: Vec<i8>,
    shorts: Vec<i16>,
    sums: Vec<i32>,
}

/// Rows of a block: whole tiles, however wide a row is.
fn block_rows(outputs: usize) -> usize {
    (BLOCK_VALUES / outputs.max(1)).max(ROWS) / ROWS * ROWS
}

/// The sizes of a whole call, and the number of rows.
fn check(
    inputs: usize,
    outputs: usize,
    x: usize,
    epilogue: &Epilogue<'_>,
    out: &Output<'_>,
) -> Result<usize, KernelError> {
    let rows = x.checked_div(inputs).unwrap_or(0);
    same("values of a linear layer's input", rows * inputs, x)?;
    same("values of a linear layer's output", rows * outputs, out.len())?;
    epilogue.residual.check(rows, outputs)?;
    Ok(rows)
}

/// Runs `products(first row, rows, target)` on each block, then the rest.
fn by_blocks(
    [rows, outputs]: [usize; 2],
    epilogue: &Epilogue<'_>,
    out: Output<'_>,
    buffer: &mut Vec<f32>,
    mut products: impl FnMut(usize, usize, &mut [f32]),
) {
    let block = block_rows(outputs);
    let finish = |first, count, values: &mut [f32]| {
        epilogue.residual.rows(first, count, outputs).add_to(values);
        match epilogue.activation {
            Activation::Identity => {}
            Activation::Relu => Relu.map_mut(values),
            Activation::Gelu => gelu(values),
        }
    };
    match out {
        Output::Real(values) => {
            for first in (0..rows).step_by(block) {
                let count = block.min(rows - first);
                let range = first * outputs..(first + count) * outputs;
                let target = &mut values[range];
                products(first, count, target);
                finish(first, count, target);
            }
        }
        Output::Quantized { scale, values } => {
            buffer.resize(block * outputs, 0.0);
            for first in (0..rows).step_by(block) {
                let count = block.min(rows - first);
                let range = first * outputs..(first + count) * outputs;
                let target = &mut buffer[..count * outputs];
                products(first, count, target);
                finish(first, count, target);
                Quantize { x: target, scale, out: &mut values[range] }.dispatch();
            }
        }
    }
}

struct Relu;

impl SimdUnaryOp<f32> for Relu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        // Not `max`, which loses NaN on some processors.
        ops.select(ops.zero(), x, ops.lt(x, ops.zero()))
    }
}
