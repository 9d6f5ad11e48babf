//! The patch embedding with its position, from the image to tokens.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, product, real_macs, values};
use super::share::by_parts;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Patches as Kernel, Window};

/// Rows of tokens that are worth a thread's attention.
const MIN_ROWS: usize = 4;

attributes! {
    /// `image [1, channels, height, width]` and `position [1, outputs, rows, columns]`, with constant
    /// weights and bias, to `[1, rows, columns, outputs]`.
    pub(crate) struct Patches {
        pub(crate) outputs: usize,
        pub(crate) channels: usize,
        pub(crate) height: usize,
        pub(crate) width: usize,
        /// Rows of tokens.
        pub(crate) rows: usize,
        /// Columns of tokens.
        pub(crate) columns: usize,
        pub(crate) kernel: Pair,
        pub(crate) stride: Pair,
        /// Zeros around the image.
        pub(crate) padding: Pair,
    }
}

attributes! {
    /// Of a window, down and across.
    pub(crate) struct Pair {
        pub(crate) y: usize,
        pub(crate) x: usize,
    }
}

impl Pair {
    fn sizes(&self) -> [usize; 2] {
        [self.y, self.x]
    }
}

impl KernelOp for Patches {
    type Packed = Kernel;

    const NAMES: &'static [&'static str] = &["uniultra.Patches"];

    fn arity(&self) -> Arity {
        Arity { inputs: 2, constants: 2 }
    }

    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Kernel> {
        let [weight, bias] = constants else { bail!("expected weights and bias of patches") };
        let window = Window {
            kernel: self.kernel.sizes(),
            stride: self.stride.sizes(),
            padding: self.padding.sizes(),
        };
        let sizes = [self.outputs, self.channels];
        Ok(Kernel::new(values(weight)?, sizes, window, values(bias)?)?)
    }

    /// The position becomes tokens, too: once, as it is constant.
    fn adapt(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &mut [OutletId],
    ) -> TractResult<()> {
        let [_, position] = inputs else { bail!("expected image and position of patches") };
        let moved =
            model.wire_node(format!("{prefix}.position"), AxisOp::Move(1, 3), &[*position])?;
        *position = moved[0];
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [image, position] = inputs else { bail!("expected image and position of patches") };
        let &Self { outputs, channels, height, width, rows, columns, .. } = self;
        ensure_volume("image", image, &[channels, height, width])?;
        ensure_volume("position", position, &[outputs, rows, columns])?;
        Ok(fixed(&[1, rows, columns, outputs]))
    }

    fn cost(&self, _: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        let &Self { outputs, channels, rows, columns, .. } = self;
        let Pair { y, x } = self.kernel;
        Ok(real_macs(product(&[outputs, channels, rows, columns, y, x])))
    }

    fn run(&self, patches: &Kernel, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let [image, position] = inputs else { bail!("expected image and position of patches") };
        let &Self { outputs, height, width, columns, .. } = self;
        let (image, position) = (values(image)?, values(position)?);
        let line = columns * outputs;
        let mut out = out.try_as_plain_ram_mut()?;
        by_parts(out.as_slice_mut::<f32>()?, line, MIN_ROWS, |first, out| {
            let position = &position[first * line..][..out.len()];
            let band = &mut Vec::new();
            patches.run(image, [height, width], [first, columns], position, out, band)?;
            Ok(())
        })
    }
}
