//! Linear layers, `x [rows, K] W [K, N] + bias`, with what follows them in the same pass.
//!
//! Weights are packed once. Rows are done by blocks that stay in the cache until activation,
//! residual and quantization are applied too. A row's bits depend on that row alone.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod integer;
mod portable;
mod real;
#[cfg(test)]
mod tests;
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

/// Output values of a block of rows: 32 KiB.
const BLOCK_VALUES: usize = 8192;
/// Rows computed together, at most; blocks hold whole groups.
const GROUP: usize = 8;

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

/// What follows the products and the bias.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// Applied first.
    pub activation: Activation,
    /// `[rows, N]`, added last.
    pub residual: Option<&'a [f32]>,
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
    bytes: Vec<u8>,
    shorts: Vec<i16>,
    sums: Vec<i32>,
}

/// Rows of a block: whole groups, however wide a row is.
fn block_rows(outputs: usize) -> usize {
    (BLOCK_VALUES / outputs.max(1)).max(GROUP) / GROUP * GROUP
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
    if let Some(residual) = epilogue.residual {
        same("values of a residual", rows * outputs, residual.len())?;
    }
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
    let residual = |values: std::ops::Range<usize>| epilogue.residual.map(|r| &r[values]);
    match out {
        Output::Real(values) => {
            for first in (0..rows).step_by(block) {
                let count = block.min(rows - first);
                let range = first * outputs..(first + count) * outputs;
                let target = &mut values[range.clone()];
                products(first, count, target);
                finish(target, epilogue.activation, residual(range));
            }
        }
        Output::Quantized { scale, values } => {
            buffer.resize(block * outputs, 0.0);
            for first in (0..rows).step_by(block) {
                let count = block.min(rows - first);
                let range = first * outputs..(first + count) * outputs;
                let target = &mut buffer[..count * outputs];
                products(first, count, target);
                finish(target, epilogue.activation, residual(range.clone()));
                Quantize { x: target, scale, out: &mut values[range] }.dispatch();
            }
        }
    }
}

fn finish(values: &mut [f32], activation: Activation, residual: Option<&[f32]>) {
    match activation {
        Activation::Identity => {}
        Activation::Relu => Relu.map_mut(values),
        Activation::Gelu => gelu(values),
    }
    if let Some(residual) = residual {
        for (value, residual) in values.iter_mut().zip(residual) {
            *value += residual;
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

/// Lanes of f32 of the vectors that rten-simd picks on this processor.
struct Lanes;

impl SimdOp for Lanes {
    type Output = usize;

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) -> usize {
        isa.f32().len()
    }
}
