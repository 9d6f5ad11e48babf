//! 2x2 max-pooling of a map of tokens, or of some of its channels.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, values};
use super::share::by_parts;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::max_pool_tokens;

/// Rows of the result that are worth a thread's attention.
const MIN_ROWS: usize = 4;

attributes! {
    /// A map of tokens, `[2 rows, 2 columns, width]`, to `[rows, columns, channels]`.
    pub(crate) struct PoolTokens {
        pub(crate) rows: usize,
        pub(crate) columns: usize,
        /// Channels of the map.
        pub(crate) width: usize,
        /// The first of the channels that are pooled.
        pub(crate) first: usize,
        /// How many channels are pooled.
        pub(crate) channels: usize,
    }
}

impl KernelOp for PoolTokens {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.PoolTokens"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let &Self { rows, columns, width, channels, .. } = self;
        ensure_volume("a map of tokens", &inputs[0], &[2, rows, 2, columns, width])?;
        Ok(fixed(&[rows, columns, channels]))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let &Self { columns, width, first, channels, .. } = self;
        let (map, part, size) = (values(inputs[0])?, [first, channels], [2 * columns, width]);
        let mut out = out.try_as_plain_ram_mut()?;
        by_parts(out.as_slice_mut::<f32>()?, columns * channels, MIN_ROWS, |first, out| {
            Ok(max_pool_tokens(map, size, part, first, out)?)
        })
    }
}
