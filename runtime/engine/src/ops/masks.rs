//! The last layer of the upscaling and the masks that are made of its output, band by band, so that
//! the output, the largest tensor of a click, is never in memory as a whole.

use super::attributes::attributes;
use super::linear::{Linear, Packed};
use super::op::{Arity, KernelOp, fixed, values};
use super::planes::{Planes, Terms, UseTokens};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::Output;

thread_local! {
    /// The layer's output for a band.
    static LAYER_ROWS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

attributes! {
    /// Inputs of the layer, factors `[planes, channels]`, and constants of the layer, to
    /// `[1, planes, rows, columns]`.
    pub(crate) struct Masks {
        /// Its output is f32 and not padded.
        pub(crate) layer: Linear,
        /// Without bias and planes of half the size.
        pub(crate) planes: Planes,
    }
}

impl KernelOp for Masks {
    type Packed = Packed;

    const NAMES: &'static [&'static str] = &["uniultra.Masks"];

    fn arity(&self) -> Arity {
        let Arity { inputs, constants } = self.layer.arity();
        Arity { inputs: inputs + 1, constants }
    }

    fn input_type(&self, index: usize) -> DatumType {
        self.layer.input_type(index)
    }

    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Packed> {
        self.layer.pack(constants)
    }

    fn adapt(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &mut [OutletId],
    ) -> TractResult<()> {
        let [own @ .., _] = inputs else { bail!("masks: expected factors") };
        self.layer.adapt(prefix, model, own)
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [own @ .., _] = inputs else { bail!("masks: expected factors") };
        self.layer.shape(own)?;
        Ok(fixed(&self.planes.map()?))
    }

    /// Both products, and the layer's weights.
    fn cost(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        let mut cost = self.layer.cost(inputs)?;
        cost.push((Cost::FMA(f32::datum_type()), self.planes.macs().to_dim()));
        Ok(cost)
    }

    fn run(&self, packed: &Packed, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let [own @ .., factors] = inputs else { bail!("masks: expected factors") };
        let (k, n) = (self.layer.inputs, self.layer.outputs);
        let width = self.planes.channels;
        let [_, planes, rows, columns] = self.planes.map()?;
        self.layer.rows(own)?;
        let x = own.first().map_or(0, |x| x.len());
        ensure!(
            x.checked_div(k).unwrap_or(0) * n == rows * columns * width,
            "{x} values of {k} for {rows} x {columns} pixels of {width}"
        );
        ensure!(factors.len() == planes * width, "factors of masks: {:?}", factors.shape());
        let terms = Terms { factors: values(factors)?, bias: &[], half: None };
        let tokens = |pixels: Range<usize>, use_them: UseTokens<'_>| {
            LAYER_ROWS.with_borrow_mut(|rows| {
                rows.resize(pixels.len() * width, 0.0);
                let first = pixels.start * width / n;
                self.layer.run_rows(packed, own, first, Output::Real(rows))?;
                use_them(rows)
            })
        };
        let mut out = out.try_as_plain_ram_mut()?;
        self.planes.compute(tokens, terms, out.as_slice_mut::<f32>()?)
    }
}
