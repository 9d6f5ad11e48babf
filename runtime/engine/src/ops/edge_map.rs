//! The edge map of the patch embedding: a 3x3 convolution and GELU.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, product, real_macs, values};
use super::share::pool;
use rayon::prelude::*;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{EdgeMap as Kernel, gelu};

/// Lines of a map that are worth a thread's attention.
pub(super) const MIN_LINES: usize = 8;

attributes! {
    /// Tokens `[1, rows, columns, channels]`, with constant weights and bias, to a map
    /// `[1, outputs, rows, columns]`.
    pub(crate) struct EdgeMap {
        pub(crate) outputs: usize,
        pub(crate) channels: usize,
        pub(crate) rows: usize,
        pub(crate) columns: usize,
    }
}

impl KernelOp for EdgeMap {
    type Packed = Kernel;

    const NAMES: &'static [&'static str] = &["uniultra.EdgeMap"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 2 }
    }

    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Kernel> {
        let [weight, bias] = constants else { bail!("expected weights and bias of an edge map") };
        Ok(Kernel::new(values(weight)?, [self.outputs, self.channels], values(bias)?)?)
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let &Self { outputs, channels, rows, columns } = self;
        ensure_volume("tokens of an edge map", &inputs[0], &[rows, columns, channels])?;
        Ok(fixed(&[1, outputs, rows, columns]))
    }

    fn cost(&self, _: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(real_macs(product(&[self.outputs, self.channels, self.rows, self.columns, 9])))
    }

    fn run(&self, map: &Kernel, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let &Self { outputs, rows, columns, .. } = self;
        let (tokens, size) = (values(inputs[0])?, [rows, columns]);
        let mut plain = out.try_as_plain_ram_mut()?;
        let out = plain.as_slice_mut::<f32>()?;
        let Some(pool) = pool().filter(|_| rows >= 2 * MIN_LINES) else {
            map.run(tokens, size, 0, out, &mut Vec::new())?;
            gelu(out);
            return Ok(());
        };
        let share = rows.div_ceil(2 * pool.current_num_threads()).max(MIN_LINES);
        let part = |first: usize| -> TractResult<Vec<f32>> {
            let mut lines = vec![0.0; outputs * share.min(rows - first) * columns];
            map.run(tokens, size, first, &mut lines, &mut Vec::new())?;
            gelu(&mut lines);
            Ok(lines)
        };
        let parts = || (0..rows.div_ceil(share)).into_par_iter().map(|i| part(i * share)).collect();
        let parts: Vec<Vec<f32>> = pool.install(|| -> TractResult<_> { parts() })?;
        for (index, part) in parts.iter().enumerate() {
            let lines = share.min(rows - index * share) * columns;
            let planes = out.chunks_exact_mut(rows * columns).zip(part.chunks_exact(lines));
            for (plane, part) in planes {
                plane[index * share * columns..][..lines].copy_from_slice(part);
            }
        }
        Ok(())
    }
}
