//! Quantization to int8 with one scale.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, real_macs, values};
use super::share::by_rows;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::quantize;

/// Values that are a row to the threads.
const ROW: usize = 256;

attributes! {
    /// Of any shape.
    pub(crate) struct Quantize {
        /// The step of the int8 values.
        pub(crate) scale: f32,
    }
}

impl KernelOp for Quantize {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.Quantize"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 0 }
    }

    fn output_type(&self) -> DatumType {
        i8::datum_type()
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        Ok(inputs[0].clone())
    }

    /// One product a value.
    fn cost(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(real_macs(inputs[0].iter().product::<TDim>()))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let x = values(inputs[0])?;
        by_rows(out.try_as_plain_ram_mut()?.as_slice_mut::<i8>()?, ROW, |first, out| {
            Ok(quantize(&x[first * ROW..][..out.len()], self.scale, out)?)
        })
    }
}
