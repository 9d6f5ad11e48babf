//! Linear layers, `x [rows, K] W [K, N] + bias`, with the operations that follow in the same pass.
//!
//! A layer of this network is short: it does little work for each value that it writes. Written to
//! memory and read again, an activation or a residual sum would take a large part of the layer's
//! time. Rows are therefore computed in blocks small enough to stay in the first cache until
//! residual, activation and quantization are applied too (`by_blocks`). The integer paths of ARM
//! apply what this network has to sums that are still in registers (`finish`). A row's bits depend
//! on that row alone.
//!
//! | path | instructions | a lane is | packed weights |
//! | --- | --- | --- | --- |
//! | `real` | f32, by rten-simd | an output | panels `[K][2 vectors]` |
//! | `half` | ARMv8.2 f16 | an output | panels `[K][16]` |
//! | `vnni` | AVX-512 VNNI | an output | panels `[K / 4][32][4]` |
//! | `avx2` | AVX2 | an output | panels `[K / 2][16][2]` |
//! | `sdot` | ARMv8.2 dot products | an output | `[N / 4][K / 4][4][4]` |
//! | `smull` | ARMv8.0 NEON | an input | `[N / 4][K / 16][4][16]` |
//! | `portable` | any | an output, if the compiler vectorises it | `[K, N]` |

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod finish;
#[cfg(target_arch = "aarch64")]
mod half;
mod integer;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod pack;
mod portable;
mod real;
#[cfg(target_arch = "aarch64")]
mod real_neon;
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
use crate::error::expect_size;
use crate::gelu::gelu;
use crate::quantize::quantize_all;
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdUnaryOp};
use tile::ROWS;

/// Output values of a block of rows: 32 KiB, the size of most first-level caches.
const BLOCK_VALUES: usize = 8192;

/// The function after a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The sum unchanged.
    Identity,
    /// `max(x, 0)`; NaN gives NaN.
    Relu,
    /// GELU with the exact error function; see [`gelu`].
    Gelu,
}

/// The operations after the products and the bias, in the order of the fields.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// The values to add.
    pub residual: Residual<'a>,
    /// The function to apply to the sum.
    pub activation: Activation,
}

/// Values to add to the output of a layer, `[rows, N]`.
#[derive(Clone, Copy, Debug)]
pub enum Residual<'a> {
    /// Nothing.
    None,
    /// `[rows, N]`.
    Values(&'a [f32]),
    /// `values + rows * columns`, each operation rounded. The encoder's edge path has this form: a
    /// column of edge magnitudes times a row of weights, which never needs to be stored as a whole
    /// map.
    WithProduct {
        /// `[rows, N]`.
        values: &'a [f32],
        /// A factor for each row.
        rows: &'a [f32],
        /// A factor for each column, `[N]`.
        columns: &'a [f32],
    },
}

impl<'a> Residual<'a> {
    /// Checks that it fits `rows` rows of `outputs` values.
    fn check(&self, rows: usize, outputs: usize) -> Result<(), KernelError> {
        let len = rows.saturating_mul(outputs);
        match *self {
            Self::None => Ok(()),
            Self::Values(values) => expect_size("values of a residual", len, values.len()),
            Self::WithProduct { values, rows: factors, columns } => {
                expect_size("values of a residual", len, values.len())?;
                expect_size("factors of the rows of a residual", rows, factors.len())?;
                expect_size("factors of the columns of a residual", outputs, columns.len())
            }
        }
    }

    /// The part for `count` rows of `outputs` values from `first`.
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
    /// As f32.
    Real(&'a mut [f32]),
    /// As int8, rounded by [`quantize`](crate::quantize): the input of an integer layer.
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
    #[cfg(target_arch = "aarch64")]
    halves: Vec<u16>,
    quantized: Vec<i8>,
    repacked: Repacked,
}

/// Input rows in the form that an integer path reads.
#[derive(Clone, Debug, Default)]
struct Repacked {
    #[cfg(target_arch = "x86_64")]
    bytes: Vec<u8>,
    /// The last rows, padded.
    #[cfg(target_arch = "aarch64")]
    tail: Vec<i8>,
    /// Outputs padded to whole vectors.
    #[cfg(target_arch = "aarch64")]
    wide: Vec<f32>,
    shorts: Vec<i16>,
    sums: Vec<i32>,
}

/// Rows of a block: a multiple of a tile's rows, at least one tile.
fn block_rows(outputs: usize) -> usize {
    (BLOCK_VALUES / outputs.max(1)).max(ROWS) / ROWS * ROWS
}

/// Checks the sizes of a call and returns the number of rows.
fn check(
    inputs: usize,
    outputs: usize,
    x: usize,
    epilogue: &Epilogue<'_>,
    out: &Output<'_>,
) -> Result<usize, KernelError> {
    let rows = x.checked_div(inputs).unwrap_or(0);
    expect_size("values of a linear layer's input", rows * inputs, x)?;
    expect_size("values of a linear layer's output", rows * outputs, out.len())?;
    epilogue.residual.check(rows, outputs)?;
    Ok(rows)
}

/// Runs `products(first row, rows, target)` on each block of rows, then the operations that follow.
/// A quantized result needs a buffer of floats for one block only.
fn by_blocks(
    [rows, outputs]: [usize; 2],
    epilogue: &Epilogue<'_>,
    out: Output<'_>,
    buffer: &mut Vec<f32>,
    mut products: impl FnMut(usize, usize, &mut [f32]),
) {
    let block = block_rows(outputs);
    // Residual before activation, as in the graph: `Add`, then `Gelu`.
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
            // The next layer reads a quarter of the bytes that floats would take.
            // Bytes cannot hold the sums, so a block of floats is computed beside them.
            buffer.resize(block * outputs, 0.0);
            for first in (0..rows).step_by(block) {
                let count = block.min(rows - first);
                let range = first * outputs..(first + count) * outputs;
                let target = &mut buffer[..count * outputs];
                products(first, count, target);
                finish(first, count, target);
                quantize_all(target, scale, &mut values[range]);
            }
        }
    }
}

struct Relu;

impl SimdUnaryOp<f32> for Relu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        // Not `max`: x86's returns its second operand if one is NaN, so NaN would become 0.
        ops.select(ops.zero(), x, ops.lt(x, ops.zero()))
    }
}
