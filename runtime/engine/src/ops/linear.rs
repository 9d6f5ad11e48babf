//! Linear layers, in f32 and in int8, with what is added to them and their activation.

use super::attributes::{Attributes, attributes};
use super::op::{Arity, KernelOp, values};
use super::padding::Padding;
use super::share::{by_parts, by_rows};
use std::cell::RefCell;
use std::sync::Arc;
use tract_onnx::pb::{AttributeProto, NodeProto};
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::tract_core::ops::array::MultiBroadcastTo;
use uniultra_kernels::{
    Activation, Epilogue, Input, LinearF32, LinearI8, LinearScratch, Output, Residual,
};

thread_local! {
    /// Buffers of a thread, as large as a block of the widest layer, kept from frame to frame.
    static SCRATCH: RefCell<LinearScratch> = RefCell::default();
}

/// Rows of a padded map that are worth a thread's attention.
const MIN_LINES: usize = 4;

attributes! {
    /// `x [.., K]` to `[.., N]`. Inputs are `x` and those of the residual, constants `weight [K, N]`, in
    /// int8 `scale [N]`, `bias [N]`, and `[N]` around a padded map.
    pub(crate) struct Linear {
        /// Whether the weights are int8.
        pub(crate) integer: bool,
        /// K.
        pub(crate) inputs: usize,
        /// N.
        pub(crate) outputs: usize,
        /// Added before the activation.
        pub(crate) residual: ResidualKind,
        pub(crate) activation: Activation,
        /// The step by which the layer makes int8 of its input; without it, the input has the type of
        /// the weights.
        pub(crate) input_scale: Option<f32>,
        /// The step of the int8 output; without it, the output is f32.
        pub(crate) output_scale: Option<f32>,
        /// The map that the output becomes, if it is f32 and nothing is added to it.
        pub(crate) padding: Option<Padding>,
    }
}

/// What is added to a layer's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResidualKind {
    /// Nothing.
    None,
    /// One input, `[.., N]`.
    Values,
    /// Three inputs: that, `[rows, 1]` and `[1, N]`, of which the last two are multiplied.
    WithProduct,
}

impl ResidualKind {
    const ALL: [Self; 3] = [Self::None, Self::Values, Self::WithProduct];

    /// How many inputs it has.
    fn inputs(self) -> usize {
        match self {
            Self::None => 0,
            Self::Values => 1,
            Self::WithProduct => 3,
        }
    }
}

/// Writes which of `all` the value is.
macro_rules! choice {
    ($kind:ty, $all:expr) => {
        impl Attributes for $kind {
            fn write(&self, name: &str, to: &mut Vec<AttributeProto>) {
                let index = $all.iter().position(|choice| choice == self);
                index.unwrap_or_default().write(name, to);
            }

            fn read(name: &str, node: &NodeProto) -> TractResult<Self> {
                let choice = $all.get(usize::read(name, node)?).copied();
                choice.with_context(|| format!("{}: unknown {name}", node.op_type))
            }
        }
    };
}

choice!(ResidualKind, ResidualKind::ALL);
choice!(Activation, [Activation::Identity, Activation::Relu, Activation::Gelu]);

/// The weights of a layer, ready to be multiplied by, and what surrounds a padded map.
#[derive(Debug)]
pub(crate) struct Packed {
    weights: Weights,
    /// `[N]`, or nothing.
    padding: Vec<f32>,
}

#[derive(Debug)]
enum Weights {
    Real(LinearF32),
    Integer(LinearI8),
}

impl Linear {
    /// The name of layers with f32 weights.
    pub(crate) const REAL: &'static str = "uniultra.Linear";
    /// The name of layers with int8 weights.
    pub(crate) const INTEGER: &'static str = "uniultra.LinearInteger";

    /// Shape of the layer's output, without padding, from those of its inputs.
    fn sum_shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [x, residual @ ..] = inputs else { bail!("linear layer: expected an input") };
        let mut out = x.clone();
        let Some(last) = out.last_mut() else { bail!("linear layer: expected a row") };
        ensure!(*last == self.inputs.to_dim(), "expected [.., {}], found {x:?}", self.inputs);
        *last = self.outputs.to_dim();
        let sum = match residual {
            [] => return Ok(out),
            [values] => multi_broadcast(&[&out, values])?,
            [values, product @ ..] => {
                let product = multi_broadcast(product)?;
                multi_broadcast(&[&out, values, &product])?
            }
        };
        ensure!(sum.last() == out.last(), "{sum:?} of a layer that gives {out:?}");
        Ok(sum)
    }

    /// The number of rows, if the inputs are as large as the kernel reads them.
    pub(super) fn rows(&self, inputs: &[&Tensor]) -> TractResult<usize> {
        let [x, residual @ ..] = inputs else { bail!("linear layer: expected an input") };
        let (k, n) = (self.inputs, self.outputs);
        ensure!(x.shape().last() == Some(&k), "expected [.., {k}], found {:?}", x.shape());
        let rows = x.len().checked_div(k).unwrap_or(0);
        for (input, expected) in residual.iter().zip([rows * n, rows, n]) {
            ensure!(input.len() == expected, "residual of {rows} rows: {:?}", input.shape());
        }
        Ok(rows)
    }

    /// The rows of the input from `first` that `out` has room for.
    pub(super) fn run_rows(
        &self,
        packed: &Packed,
        inputs: &[&Tensor],
        first: usize,
        out: Output<'_>,
    ) -> TractResult<()> {
        let (k, n) = (self.inputs, self.outputs);
        let len = match &out {
            Output::Real(values) => values.len(),
            Output::Quantized { values, .. } => values.len(),
        };
        let rows = first..first + len.checked_div(n).unwrap_or(0);
        let residual = match &inputs[1..] {
            [] => Residual::None,
            [residual] => Residual::Values(&values(residual)?[rows.start * n..rows.end * n]),
            [residual, factors, columns] => Residual::WithProduct {
                values: &values(residual)?[rows.start * n..rows.end * n],
                rows: &values(factors)?[rows.clone()],
                columns: values(columns)?,
            },
            _ => bail!("linear layer: found {} inputs", inputs.len()),
        };
        let epilogue = Epilogue { residual, activation: self.activation };
        let range = rows.start * k..rows.end * k;
        let x = inputs[0].try_as_plain_ram()?;
        SCRATCH.with_borrow_mut(|scratch| -> TractResult<()> {
            match (&packed.weights, self.input_scale) {
                (Weights::Real(layer), _) => {
                    layer.run(&x.as_slice::<f32>()?[range], &epilogue, out, scratch)?;
                }
                (Weights::Integer(layer), None) => {
                    let x = Input::Quantized(&x.as_slice::<i8>()?[range]);
                    layer.run(x, &epilogue, out, scratch)?;
                }
                (Weights::Integer(layer), Some(scale)) => {
                    let x = Input::Real { scale, values: &x.as_slice::<f32>()?[range] };
                    layer.run(x, &epilogue, out, scratch)?;
                }
            }
            Ok(())
        })
    }
}

impl KernelOp for Linear {
    type Packed = Packed;

    const NAMES: &'static [&'static str] = &[Self::REAL, Self::INTEGER];

    fn name(&self) -> &'static str {
        if self.integer { Self::INTEGER } else { Self::REAL }
    }

    fn arity(&self) -> Arity {
        let weights = if self.integer { 3 } else { 2 };
        Arity {
            inputs: 1 + self.residual.inputs(),
            constants: weights + usize::from(self.padding.is_some()),
        }
    }

    fn input_type(&self, index: usize) -> DatumType {
        match self.input_scale {
            None if self.integer && index == 0 => i8::datum_type(),
            _ => f32::datum_type(),
        }
    }

    fn output_type(&self) -> DatumType {
        if self.output_scale.is_some() { i8::datum_type() } else { f32::datum_type() }
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let sum = self.sum_shape(inputs)?;
        self.padding.as_ref().map_or(Ok(sum.clone()), |padding| padding.shape(&sum))
    }

    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Packed> {
        let [weight, vectors @ ..] = constants else { bail!("a linear layer without weights") };
        let sizes = [self.inputs, self.outputs];
        ensure!(weight.shape() == sizes, "weights of {sizes:?}: found {:?}", weight.shape());
        let weight = weight.try_as_plain_ram()?;
        let (weights, rest) = match vectors {
            [scale, bias, rest @ ..] if self.integer => {
                let (scale, bias) = (values(scale)?, values(bias)?);
                let layer = LinearI8::new(weight.as_slice::<i8>()?, sizes, scale, bias)?;
                (Weights::Integer(layer), rest)
            }
            [bias, rest @ ..] if !self.integer => {
                let weight = weight.as_slice::<f32>()?;
                let layer = LinearF32::new(weight, sizes, values(bias)?)?;
                (Weights::Real(layer.in_halves(weight)), rest)
            }
            _ => bail!("a linear layer without bias"),
        };
        let padding = rest.first().map_or(Ok(Vec::new()), |vector| {
            let vector = values(vector)?.to_vec();
            let n = self.outputs;
            ensure!(vector.len() == n, "padding of {} channels, {n} expected", vector.len());
            Ok(vector)
        })?;
        Ok(Packed { weights, padding })
    }

    /// The kernel wants all of a residual, whereas the graph's sum would repeat it.
    fn adapt(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &mut [OutletId],
    ) -> TractResult<()> {
        let shapes = inputs.iter().map(|input| Ok(model.outlet_fact(*input)?.shape.to_tvec()));
        let out = self.sum_shape(&shapes.collect::<TractResult<Vec<_>>>()?)?;
        // Input, residual, factors of rows; those of columns are a row as they are.
        let widths = [self.inputs, self.outputs, 1];
        for (place, (input, width)) in inputs.iter_mut().zip(widths).enumerate() {
            let mut shape = out.clone();
            if let Some(last) = shape.last_mut() {
                *last = width.to_dim();
            }
            if model.outlet_fact(*input)?.shape.to_tvec() != shape {
                let name = format!("{prefix}.broadcast-{place}");
                let repeated = MultiBroadcastTo::new(shape.into());
                *input = model.wire_node(name, repeated, &[*input])?[0];
            }
        }
        Ok(())
    }

    /// The product and the weights that it reads; bias and activation are not counted.
    fn cost(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x, ..] = inputs else { bail!("linear layer: expected an input") };
        let weight = if self.integer { i8::datum_type() } else { f32::datum_type() };
        Ok(tvec!(
            (Cost::FMA(weight), x.iter().product::<TDim>() * self.outputs),
            (Cost::Params(weight), self.inputs.saturating_mul(self.outputs).to_dim())
        ))
    }

    fn run(&self, packed: &Packed, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let (rows, n) = (self.rows(inputs)?, self.outputs);
        let mut plain = out.try_as_plain_ram_mut()?;
        if let Some(padding) = &self.padding {
            ensure!(rows == padding.rows * padding.columns, "{padding:?} of {rows} rows");
            let line = padding.padded_columns * n;
            return by_parts(plain.as_slice_mut::<f32>()?, line, MIN_LINES, |first, out| {
                padding.fill(&packed.padding, first, out, |token, out| {
                    self.run_rows(packed, inputs, token, Output::Real(out))
                })
            });
        }
        match self.output_scale {
            None => by_rows(plain.as_slice_mut::<f32>()?, n, |first, rows| {
                self.run_rows(packed, inputs, first, Output::Real(rows))
            }),
            Some(scale) => by_rows(plain.as_slice_mut::<i8>()?, n, |first, values| {
                self.run_rows(packed, inputs, first, Output::Quantized { scale, values })
            }),
        }
    }
}
