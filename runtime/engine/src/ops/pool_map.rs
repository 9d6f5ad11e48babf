//! 2x2 max-pooling of a map of planes.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, values};
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::max_pool_planes;

attributes! {
    /// A map `[1, channels, rows, columns]`, of even sides, to half its size.
    pub(crate) struct PoolMap {
        pub(crate) channels: usize,
        pub(crate) rows: usize,
        pub(crate) columns: usize,
    }
}

impl KernelOp for PoolMap {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.PoolMap"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let &Self { channels, rows, columns } = self;
        ensure_volume("a map", &inputs[0], &[channels, rows, columns])?;
        Ok(fixed(&[1, channels, rows / 2, columns / 2]))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let mut out = out.try_as_plain_ram_mut()?;
        let size = [self.rows, self.columns];
        Ok(max_pool_planes(values(inputs[0])?, size, out.as_slice_mut::<f32>()?)?)
    }
}
