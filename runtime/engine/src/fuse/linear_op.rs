//! Linear layers as operations of ours, in f32 and in int8.

use super::kernel_op::values;
use super::layer::LayerAttributes;
use super::padding::Padding;
use super::recycle;
use super::split::{by_parts, by_rows};
use std::cell::RefCell;
use std::sync::Arc;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::tract_core::ops::array::MultiBroadcastTo;
use uniultra_kernels::{Epilogue, Input, LinearF32, LinearI8, LinearScratch, Output, Residual};

thread_local! {
    /// Buffers of a thread, as large as a block of the widest layer, kept from frame to frame.
    static SCRATCH: RefCell<LinearScratch> = RefCell::default();
}

/// Inputs `x`, `weight [K, N]`, `bias [N]`, and what the residual takes.
pub(super) const REAL: &str = "uniultra.Linear";
/// Inputs `x`, `weight [K, N]` of int8, `scale [N]`, `bias [N]`, and what the residual takes.
pub(super) const INTEGER: &str = "uniultra.LinearInteger";

/// Rows of a padded map that are worth a thread's attention.
const MIN_LINES: usize = 4;

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let attributes = LayerAttributes::read(node).context("attributes of a linear layer")?;
    Ok((expand(Linear { integer: node.op_type == INTEGER, attributes }), vec![]))
}

/// A layer whose weights are not packed yet.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    integer: bool,
    attributes: LayerAttributes,
}

impl Linear {
    /// Inputs without those of the residual.
    fn own_inputs(&self) -> usize {
        if self.integer { 4 } else { 3 }
    }

    /// All inputs of a layer that does not pad.
    pub(super) fn inputs(&self) -> usize {
        self.own_inputs() + self.attributes.residual.inputs()
    }

    fn output_type(&self) -> DatumType {
        match self.attributes.output_scale {
            Some(_) => i8::datum_type(),
            None => f32::datum_type(),
        }
    }

    pub(super) fn input_type(&self) -> DatumType {
        match self.attributes.input_scale {
            None if self.integer => i8::datum_type(),
            _ => f32::datum_type(),
        }
    }
}

impl Expansion for Linear {
    fn name(&self) -> StaticName {
        if self.integer { INTEGER.into() } else { REAL.into() }
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let own = self.own_inputs();
        let end = own + self.attributes.residual.inputs();
        check_input_arity(inputs, end + usize::from(self.attributes.padding.is_some()))?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, self.input_type())?;
        s.equals(&outputs[0].datum_type, self.output_type())?;
        let shaped = [0, 1].into_iter().chain(own..end);
        s.given_all(shaped.map(|index| &inputs[index].shape), move |s, shapes| {
            let shape = output_shape(&shapes)?;
            let shape = match &self.attributes.padding {
                Some(padding) => padded_shape(padding, &shape)?,
                None => shape,
            };
            s.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let (op, inputs) = self.pack(prefix, model, inputs)?;
        model.wire_node(prefix, op, &inputs)
    }
}

impl Linear {
    pub(super) fn of(integer: bool, attributes: LayerAttributes) -> Self {
        Self { integer, attributes }
    }

    /// The layer with its weights packed, and what it reads when it runs.
    pub(super) fn pack(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<(Packed, TVec<OutletId>)> {
        let constant = |input: usize| -> TractResult<Arc<Tensor>> {
            let fact = model.outlet_fact(inputs[input])?;
            fact.konst.clone().context("constant weights of a linear layer")
        };
        let own = self.own_inputs();
        let end = own + self.attributes.residual.inputs();
        let weight = constant(1)?;
        let &[k, n] = weight.shape() else { bail!("weights: {:?}", weight.shape()) };
        let vectors = (2..own).map(constant).collect::<TractResult<Vec<_>>>()?;
        let floats = |index: usize| vectors[index].try_as_plain_ram()?.as_slice::<f32>();
        let weights = if self.integer {
            let weight = weight.try_as_plain_ram()?.as_slice::<i8>()?;
            Weights::Integer(LinearI8::new(weight, [k, n], floats(0)?, floats(1)?)?)
        } else {
            let weight = weight.try_as_plain_ram()?.as_slice::<f32>()?;
            Weights::Real(LinearF32::new(weight, [k, n], floats(0)?)?)
        };
        let padding = match self.attributes.padding {
            Some(_) => {
                let vector = values(&*constant(end)?)?.to_vec();
                ensure!(vector.len() == n, "padding of {} channels, {n} expected", vector.len());
                vector
            }
            None => Vec::new(),
        };
        // The kernel wants all of a residual, whereas the graph's sum would broadcast.
        let variable: Vec<_> = [0].into_iter().chain(own..end).collect();
        let shaped = [0, 1].into_iter().chain(own..end);
        let shapes = shaped.map(|input| Ok(model.outlet_fact(inputs[input])?.shape.to_tvec()));
        let out = output_shape(&shapes.collect::<TractResult<Vec<_>>>()?)?;
        let mut wired = tvec!();
        // Input, residual, factors of rows; those of columns are a row.
        let widths = [Some(k), Some(n), Some(1), None];
        for (place, (input, width)) in variable.into_iter().zip(widths).enumerate() {
            let outlet = inputs[input];
            let mut shape = out.clone();
            if let (Some(last), Some(width)) = (shape.last_mut(), width) {
                *last = width.to_dim();
            }
            if width.is_none() || model.outlet_fact(outlet)?.shape.to_tvec() == shape {
                wired.push(outlet);
            } else {
                let name = format!("{prefix}.broadcast-{place}");
                wired.extend(model.wire_node(
                    name,
                    MultiBroadcastTo::new(shape.into()),
                    &[outlet],
                )?);
            }
        }
        let op =
            Packed { weights: Arc::new(weights), padding: padding.into(), linear: self.clone() };
        Ok((op, wired))
    }
}

/// Shape of the output of a layer, from those of input, weights, and the residual's inputs.
fn output_shape(shapes: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
    let [x, weight, residual @ ..] = shapes else { bail!("a linear layer without weights") };
    ensure!(weight.len() == 2 && x.last() == weight.first(), "{x:?} times {weight:?}");
    let mut out = x.clone();
    if let Some(last) = out.last_mut() {
        last.clone_from(&weight[1]);
    }
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

/// The shape of a layer's padded map, if `shape` is that of the layer's own output.
fn padded_shape(padding: &Padding, shape: &[TDim]) -> TractResult<TVec<TDim>> {
    let [rows, columns] = padding.size;
    let (count, n) = match shape {
        [tokens @ .., n] => (tokens.iter().product::<TDim>(), n),
        [] => bail!("a layer without channels"),
    };
    ensure!(count == (rows * columns).to_dim(), "a map of {rows} x {columns}: found {shape:?}");
    Ok(tvec!(padding.padded[0].to_dim(), padding.padded[1].to_dim(), n.clone()))
}

#[derive(Debug)]
enum Weights {
    Real(LinearF32),
    Integer(LinearI8),
}

/// A layer ready to run: `x [.., K]` to `[.., N]`.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    weights: Arc<Weights>,
    /// What surrounds the map, `[N]`, or nothing.
    padding: Arc<[f32]>,
    linear: Linear,
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights)
            && self.padding == other.padding
            && self.linear.attributes == other.linear.attributes
    }
}

impl Eq for Packed {}

impl Packed {
    pub(super) fn sizes(&self) -> [usize; 2] {
        match &*self.weights {
            Weights::Real(layer) => layer.sizes(),
            Weights::Integer(layer) => layer.sizes(),
        }
    }

    /// The number of rows, if the inputs are as large as they should be.
    pub(super) fn check(&self, inputs: &[TValue]) -> TractResult<usize> {
        let [x, residual @ ..] = inputs else { bail!("linear layer: expected an input") };
        let [k, n] = self.sizes();
        ensure!(x.shape().last() == Some(&k), "expected [.., {k}], found {:?}", x.shape());
        let rows = x.len().checked_div(k).unwrap_or(0);
        for (input, expected) in residual.iter().zip([rows * n, rows, n]) {
            ensure!(input.len() == expected, "residual of {rows} rows: {:?}", input.shape());
        }
        Ok(rows)
    }

    /// The rows of the input from `first` that `out` has room for.
    pub(super) fn run(&self, inputs: &[TValue], first: usize, out: Output<'_>) -> TractResult<()> {
        let attributes = &self.linear.attributes;
        let [k, n] = self.sizes();
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
        let epilogue = Epilogue { residual, activation: attributes.activation };
        let (x, range) = (&inputs[0], rows.start * k..rows.end * k);
        let x = x.try_as_plain_ram()?;
        SCRATCH.with_borrow_mut(|scratch| -> TractResult<()> {
            match (&*self.weights, attributes.input_scale) {
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

impl Op for Packed {
    fn name(&self) -> StaticName {
        Expansion::name(&self.linear)
    }

    op_as_typed_op!();
}

impl EvalOp for Packed {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let rows = self.check(&inputs)?;
        let (n, x) = (self.sizes()[1], &inputs[0]);
        let mut shape: TVec<usize> = x.shape().into();
        if let Some(last) = shape.last_mut() {
            *last = n;
        }
        if let Some(padding) = &self.linear.attributes.padding {
            ensure!(rows == padding.size[0] * padding.size[1], "{padding:?} of {rows} rows");
            let shape = [padding.padded[0], padding.padded[1], n];
            let mut out = recycle::tensor(f32::datum_type(), &shape)?;
            let mut plain = out.try_as_plain_ram_mut()?;
            let line = padding.padded[1] * n;
            by_parts(plain.as_slice_mut::<f32>()?, line, MIN_LINES, |first, out| {
                padding.fill(&self.padding, first, out, |token, out| {
                    self.run(&inputs, token, Output::Real(out))
                })
            })?;
            recycle::recycle(inputs);
            return Ok(tvec!(out.into_tvalue()));
        }
        let mut out = recycle::tensor(self.linear.output_type(), &shape)?;
        let mut plain = out.try_as_plain_ram_mut()?;
        match self.linear.attributes.output_scale {
            None => by_rows(plain.as_slice_mut::<f32>()?, n, |first, rows| {
                self.run(&inputs, first, Output::Real(rows))
            })?,
            Some(scale) => by_rows(plain.as_slice_mut::<i8>()?, n, |first, values| {
                self.run(&inputs, first, Output::Quantized { scale, values })
            })?,
        }
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Packed {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x, residual @ ..] = inputs else { bail!("linear layer: expected an input") };
        let [k, n] = self.sizes();
        ensure!(residual.len() == self.linear.attributes.residual.inputs(), "inputs of a layer");
        ensure!(x.datum_type == self.linear.input_type(), "linear layer on {:?}", x.datum_type);
        let mut shape = x.shape.to_tvec();
        ensure!(shape.last() == Some(&k.to_dim()), "expected [.., {k}], found {shape:?}");
        if let Some(last) = shape.last_mut() {
            *last = n.to_dim();
        }
        if let Some(padding) = &self.linear.attributes.padding {
            shape = padded_shape(padding, &shape)?;
        }
        Ok(tvec!(self.linear.output_type().fact(shape)))
    }

    /// The product and the weights that it reads; bias and activation are not counted.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x, ..] = inputs else { bail!("linear layer: expected an input") };
        let [k, n] = self.sizes();
        let weight = if self.linear.integer { i8::datum_type() } else { f32::datum_type() };
        Ok(tvec!(
            (Cost::FMA(weight), x.shape.volume() * n),
            (Cost::Params(weight), (k * n).to_dim())
        ))
    }

    as_op!();
}
