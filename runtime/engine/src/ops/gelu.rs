//! GELU that no other operation takes.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, values};
use super::share::by_rows;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::gelu;

/// Values that are a row to the threads.
const ROW: usize = 256;

attributes! {
    /// Of any shape.
    pub(crate) struct Gelu {}
}

impl KernelOp for Gelu {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.Gelu"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        Ok(inputs[0].clone())
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let x = values(inputs[0])?;
        by_rows(out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?, ROW, |first, out| {
            out.copy_from_slice(&x[first * ROW..][..out.len()]);
            gelu(out);
            Ok(())
        })
    }
}
