//! How strong the edges of a map are.

use super::attributes::attributes;
use super::edge_map::MIN_LINES;
use super::op::{Arity, KernelOp, ensure_volume, fixed, values};
use super::share::by_parts;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::edge_magnitude;

attributes! {
    /// A map `[1, channels, rows, columns]` and kernels `[count, 1, 3, 3]` to `[1, 1, rows, columns]`.
    pub(crate) struct EdgeMagnitude {
        pub(crate) channels: usize,
        pub(crate) rows: usize,
        pub(crate) columns: usize,
    }
}

impl KernelOp for EdgeMagnitude {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.EdgeMagnitude"];

    fn arity(&self) -> Arity {
        Arity { inputs: 2, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let &Self { channels, rows, columns } = self;
        ensure_volume("a map", &inputs[0], &[channels, rows, columns])?;
        Ok(fixed(&[1, 1, rows, columns]))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let [map, kernels] = inputs else { bail!("expected a map and kernels") };
        let &Self { channels, rows, columns } = self;
        let (map, kernels, sizes) = (values(map)?, values(kernels)?, [channels, rows, columns]);
        let mut out = out.try_as_plain_ram_mut()?;
        by_parts(out.as_slice_mut::<f32>()?, columns, MIN_LINES, |first, out| {
            Ok(edge_magnitude(map, sizes, kernels, first, out)?)
        })
    }
}
