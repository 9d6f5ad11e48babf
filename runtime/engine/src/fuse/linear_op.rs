//! Linear layers as operations of ours, in f32 and in int8.

use super::layer::LayerAttributes;
use super::split::by_rows;
use std::sync::Arc;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Epilogue, Input, LinearF32, LinearI8, LinearScratch, Output};

/// Inputs `x`, `weight [K, N]`, `bias [N]`.
pub(super) const REAL: &str = "uniultra.Linear";
/// Inputs `x`, `weight [K, N]` of int8, `scale [N]`, `bias [N]`.
pub(super) const INTEGER: &str = "uniultra.LinearInteger";

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let attributes = LayerAttributes::read(node).context("attributes of a linear layer")?;
    Ok((expand(Linear { integer: node.op_type == INTEGER, attributes }), vec![]))
}

/// A layer whose weights are not packed yet.
#[derive(Clone, Debug)]
struct Linear {
    integer: bool,
    attributes: LayerAttributes,
}

impl Linear {
    fn output_type(&self) -> DatumType {
        match self.attributes.output_scale {
            Some(_) => i8::datum_type(),
            None => f32::datum_type(),
        }
    }

    fn input_type(&self) -> DatumType {
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
        check_input_arity(inputs, if self.integer { 4 } else { 3 })?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, self.input_type())?;
        s.equals(&outputs[0].datum_type, self.output_type())?;
        s.given_2(&inputs[0].shape, &inputs[1].shape, move |s, mut x, weight| {
            ensure!(weight.len() == 2 && x.last() == weight.first(), "{x:?} times {weight:?}");
            if let Some(last) = x.last_mut() {
                last.clone_from(&weight[1]);
            }
            s.equals(&outputs[0].shape, x)
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let constant = |input: usize| -> TractResult<Arc<Tensor>> {
            let fact = model.outlet_fact(inputs[input])?;
            fact.konst.clone().context("constant weights of a linear layer")
        };
        let weight = constant(1)?;
        let &[k, n] = weight.shape() else { bail!("weights: {:?}", weight.shape()) };
        let vectors = (2..inputs.len()).map(constant).collect::<TractResult<Vec<_>>>()?;
        let floats = |index: usize| vectors[index].try_as_plain_ram()?.as_slice::<f32>();
        let weights = if self.integer {
            let weight = weight.try_as_plain_ram()?.as_slice::<i8>()?;
            Weights::Integer(LinearI8::new(weight, [k, n], floats(0)?, floats(1)?)?)
        } else {
            let weight = weight.try_as_plain_ram()?.as_slice::<f32>()?;
            Weights::Real(LinearF32::new(weight, [k, n], floats(0)?)?)
        };
        let op = Packed { weights: Arc::new(weights), linear: self.clone() };
        model.wire_node(prefix, op, &inputs[..1])
    }
}

#[derive(Debug)]
enum Weights {
    Real(LinearF32),
    Integer(LinearI8),
}

/// A layer ready to run: `x [.., K]` to `[.., N]`.
#[derive(Clone, Debug)]
struct Packed {
    weights: Arc<Weights>,
    linear: Linear,
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights)
            && self.linear.attributes == other.linear.attributes
    }
}

impl Eq for Packed {}

impl Packed {
    fn sizes(&self) -> [usize; 2] {
        match &*self.weights {
            Weights::Real(layer) => layer.sizes(),
            Weights::Integer(layer) => layer.sizes(),
        }
    }

    /// The rows of `x` from `first` that `out` has room for.
    fn run(&self, x: &Tensor, first: usize, out: Output<'_>) -> TractResult<()> {
        let attributes = &self.linear.attributes;
        let epilogue = Epilogue { activation: attributes.activation, residual: None };
        let [k, n] = self.sizes();
        let len = match &out {
            Output::Real(values) => values.len(),
            Output::Quantized { values, .. } => values.len(),
        };
        let range = first * k..(first + len.checked_div(n).unwrap_or(0)) * k;
        let (x, scratch) = (x.try_as_plain_ram()?, &mut LinearScratch::default());
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
        let [x] = &inputs[..] else { bail!("linear layer: expected one input") };
        let [k, n] = self.sizes();
        ensure!(x.shape().last() == Some(&k), "expected [.., {k}], found {:?}", x.shape());
        let mut shape: TVec<usize> = x.shape().into();
        if let Some(last) = shape.last_mut() {
            *last = n;
        }
        let mut out = Tensor::zero_dt(self.linear.output_type(), &shape)?;
        let mut plain = out.try_as_plain_ram_mut()?;
        match self.linear.attributes.output_scale {
            None => by_rows(plain.as_slice_mut::<f32>()?, n, |first, rows| {
                self.run(x, first, Output::Real(rows))
            })?,
            Some(scale) => by_rows(plain.as_slice_mut::<i8>()?, n, |first, values| {
                self.run(x, first, Output::Quantized { scale, values })
            })?,
        }
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Packed {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x] = inputs else { bail!("linear layer: expected one input") };
        let [k, n] = self.sizes();
        ensure!(x.datum_type == self.linear.input_type(), "linear layer on {:?}", x.datum_type);
        let mut shape = x.shape.to_tvec();
        ensure!(shape.last() == Some(&k.to_dim()), "expected [.., {k}], found {shape:?}");
        if let Some(last) = shape.last_mut() {
            *last = n.to_dim();
        }
        Ok(tvec!(self.linear.output_type().fact(shape)))
    }

    /// The product and the weights that it reads; bias and activation are not counted.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x] = inputs else { bail!("linear layer: expected one input") };
        let [k, n] = self.sizes();
        let weight = if self.linear.integer { i8::datum_type() } else { f32::datum_type() };
        Ok(tvec!(
            (Cost::FMA(weight), x.shape.volume() * n),
            (Cost::Params(weight), (k * n).to_dim())
        ))
    }

    as_op!();
}
