//! `QuantizeLinear` to int8 with one scale, as an operation on the kernel.

use super::graph::{Chains, float, operation};
use super::recycle;
use super::split::by_rows;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::quantize;

pub(super) const NAME: &str = "uniultra.Quantize";
/// Values that are a row to the threads.
const ROW: usize = 256;

pub(super) fn replace(chains: &mut Chains) {
    for output in chains.outputs_of("QuantizeLinear") {
        let node = chains.producer(&output, "QuantizeLinear").and_then(|node| {
            let scale = float("scale", chains.int8_scale(node)?);
            Some(operation(NAME, vec![node.input.first()?.clone()], &output, vec![scale]))
        });
        if let Some(node) = node {
            chains.replace(node);
        }
    }
}

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let scale = node.attribute.iter().find(|a| a.name == "scale").map(|a| a.f);
    Ok((expand(Quantize { scale: scale.context("scale of a quantization")? }), vec![]))
}

#[derive(Clone, Debug, PartialEq)]
struct Quantize {
    scale: f32,
}

impl Eq for Quantize {}

impl Expansion for Quantize {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, f32::datum_type())?;
        s.equals(&outputs[0].datum_type, i8::datum_type())?;
        s.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Quantize {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    op_as_typed_op!();
}

impl EvalOp for Quantize {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [x] = &inputs[..] else { bail!("quantization: expected one input") };
        let values = x.try_as_plain_ram()?.as_slice::<f32>()?;
        let mut out = recycle::tensor(i8::datum_type(), x.shape())?;
        let mut plain = out.try_as_plain_ram_mut()?;
        by_rows(plain.as_slice_mut::<i8>()?, ROW, |first, part| {
            Ok(quantize(&values[first * ROW..][..part.len()], self.scale, part)?)
        })?;
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Quantize {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x] = inputs else { bail!("quantization: expected one input") };
        ensure!(x.datum_type == f32::datum_type(), "quantization of {:?}", x.datum_type);
        Ok(tvec!(i8::fact(x.shape.clone())))
    }

    /// One product a value.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x] = inputs else { bail!("quantization: expected one input") };
        Ok(tvec!((Cost::FMA(f32::datum_type()), x.shape.volume())))
    }

    as_op!();
}
