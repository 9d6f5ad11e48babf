//! Planes to tokens in one pass: by rows, or by blocks as the mask decoder's upscaling has them.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, values};
use super::share::by_parts;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Blocks as Order, planes_to_tokens};

/// Rows of cells that are worth a thread's attention.
const MIN_BANDS: usize = 4;

attributes! {
    /// In which order pixels follow each other: cell by cell, and in a cell quarter by quarter.
    pub(crate) struct Blocks {
        /// Cells down.
        pub(crate) rows: usize,
        /// Cells across.
        pub(crate) columns: usize,
        /// How often a cell is divided into quarters; 0 if cells are pixels.
        pub(crate) levels: usize,
    }
}

impl Blocks {
    pub(super) fn order(&self) -> TractResult<Order> {
        Ok(Order::new([self.rows, self.columns], u32::try_from(self.levels)?)?)
    }
}

attributes! {
    /// Planes `[channels, rows, columns]` to tokens by blocks, `[count, width]`.
    pub(crate) struct Tokens {
        pub(crate) blocks: Blocks,
        pub(crate) channels: usize,
        pub(crate) count: usize,
        pub(crate) width: usize,
    }
}

impl KernelOp for Tokens {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.Tokens"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [rows, columns] = self.blocks.order()?.size();
        ensure_volume("planes", &inputs[0], &[self.channels, rows, columns])?;
        Ok(fixed(&[self.count, self.width]))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let (channels, order, planes) = (self.channels, self.blocks.order()?, values(inputs[0])?);
        let mut out = out.try_as_plain_ram_mut()?;
        by_parts(out.as_slice_mut::<f32>()?, order.band() * channels, MIN_BANDS, |first, out| {
            Ok(planes_to_tokens(&order, planes, channels, first, out)?)
        })
    }
}
