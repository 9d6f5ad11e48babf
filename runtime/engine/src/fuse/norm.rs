//! LayerNorm over the last axis as one operation, with GELU and quantized in the same pass where only
//! that is read.

use super::graph::{Chains, float, integer_attribute, integers, integers_attribute, operation};
use super::linear::activated;
use super::recycle;
use super::split::by_rows;
use std::sync::Arc;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Activation, LayerNorm, gelu, layer_norm, quantize};

/// Inputs `x [.., C]`, gain and shift `[C]`.
pub(super) const NAME: &str = "uniultra.LayerNorm";
/// Values normalised before they are quantized: what stays in the first cache.
const BLOCK_VALUES: usize = 4096;

pub(super) fn replace(chains: &mut Chains) {
    for output in chains.outputs_of("LayerNormalization") {
        if let Some(node) = find(chains, &output) {
            chains.replace(node);
        }
    }
}

fn find(chains: &Chains, normed: &str) -> Option<NodeProto> {
    let node = chains.producer(normed, "LayerNormalization")?;
    let [_, gain, shift] = node.input.as_slice() else { return None };
    let &[channels] = chains.weight_shape(gain, false)? else { return None };
    let last = integer_attribute(node, "axis").unwrap_or(-1) == -1;
    if !last || channels < 1 || chains.weight_shape(shift, false)? != [channels] {
        return None;
    }
    let epsilon = node.attribute.iter().find(|a| a.name == "epsilon").map_or(1e-5, |a| a.f);
    let mut attributes = vec![float("epsilon", epsilon)];
    let (activation, mut output) = activated(chains, normed);
    match activation {
        Activation::Identity => {}
        Activation::Gelu => attributes.push(integers("gelu", &[1])),
        Activation::Relu => output = normed,
    }
    if let Some(next) = chains.reader_of(output, "QuantizeLinear")
        && let Some(scale) = chains.int8_scale(next)
        && next.input.first().is_some_and(|input| input == output)
    {
        attributes.push(float("scale", scale));
        output = next.output.first()?;
    }
    Some(operation(NAME, node.input.clone(), output, attributes))
}

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let value = |name: &str| node.attribute.iter().find(|a| a.name == name).map(|a| a.f);
    let epsilon = value("epsilon").context("epsilon of LayerNorm")?;
    let gelu = integers_attribute(node, "gelu").is_some();
    Ok((expand(Norm { epsilon, gelu, scale: value("scale"), channels: 0, affine: None }), vec![]))
}

#[derive(Clone, Debug, PartialEq)]
struct Norm {
    epsilon: f32,
    /// Whether GELU follows.
    gelu: bool,
    /// Step of the int8 output; without it, the output is f32.
    scale: Option<f32>,
    /// Length of a row, once known; not zero then.
    channels: usize,
    /// Gain and shift, once known, unless they are 1 and 0.
    affine: Option<[Arc<Tensor>; 2]>,
}

impl Eq for Norm {}

impl Norm {
    fn output_type(&self) -> DatumType {
        if self.scale.is_some() { i8::datum_type() } else { f32::datum_type() }
    }
}

impl Expansion for Norm {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3)?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, f32::datum_type())?;
        s.equals(&outputs[0].datum_type, self.output_type())?;
        s.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let constant = |input: usize| -> TractResult<Arc<Tensor>> {
            let fact = model.outlet_fact(inputs[input])?;
            fact.konst.clone().context("constant gain and shift of LayerNorm")
        };
        let affine = [constant(1)?, constant(2)?];
        let all = |tensor: &Tensor, value: f32| -> TractResult<bool> {
            let plain = tensor.try_as_plain_ram()?;
            Ok(plain.as_slice::<f32>()?.iter().all(|&found| found == value))
        };
        let trivial = all(&affine[0], 1.0)? && all(&affine[1], 0.0)?;
        let channels = affine[0].len();
        ensure!(channels > 0 && affine[1].len() == channels, "gain and shift of LayerNorm");
        let op = Self { channels, affine: (!trivial).then_some(affine), ..self.clone() };
        model.wire_node(prefix, op, &inputs[..1])
    }
}

impl Op for Norm {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    op_as_typed_op!();
}

impl EvalOp for Norm {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [x] = &inputs[..] else { bail!("LayerNorm: expected one input") };
        let channels = self.channels;
        ensure!(x.shape().last() == Some(&channels), "{channels} channels of {:?}", x.shape());
        let values = x.try_as_plain_ram()?.as_slice::<f32>()?;
        let plain = match &self.affine {
            Some([gain, shift]) => Some([gain.try_as_plain_ram()?, shift.try_as_plain_ram()?]),
            None => None,
        };
        let affine = match &plain {
            Some([gain, shift]) => Some([gain.as_slice::<f32>()?, shift.as_slice::<f32>()?]),
            None => None,
        };
        let norm = LayerNorm { epsilon: self.epsilon, affine };
        let mut out = recycle::tensor(self.output_type(), x.shape())?;
        let mut plain = out.try_as_plain_ram_mut()?;
        let block = (BLOCK_VALUES / channels).max(1) * channels;
        let apply = |x: &[f32], out: &mut [f32]| -> TractResult<()> {
            layer_norm(&norm, channels, x, out)?;
            if self.gelu {
                gelu(out);
            }
            Ok(())
        };
        match self.scale {
            None => by_rows(plain.as_slice_mut::<f32>()?, channels, |first, rows| {
                let x = &values[first * channels..][..rows.len()];
                x.chunks(block).zip(rows.chunks_mut(block)).try_for_each(|(x, out)| apply(x, out))
            })?,
            Some(scale) => by_rows(plain.as_slice_mut::<i8>()?, channels, |first, rows| {
                let x = &values[first * channels..][..rows.len()];
                let mut normed = vec![0.0; block.min(x.len())];
                for (x, rows) in x.chunks(block).zip(rows.chunks_mut(block)) {
                    let normed = &mut normed[..x.len()];
                    apply(x, normed)?;
                    quantize(normed, scale, rows)?;
                }
                Ok(())
            })?,
        }
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Norm {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x] = inputs else { bail!("LayerNorm: expected one input") };
        ensure!(x.datum_type == f32::datum_type(), "LayerNorm of {:?}", x.datum_type);
        let channels = self.channels.to_dim();
        ensure!(x.shape.last() == Some(&channels), "{channels} channels of {:?}", x.shape);
        Ok(tvec!(self.output_type().fact(x.shape.clone())))
    }

    /// A value's part in mean and variance, and its scaling.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x] = inputs else { bail!("LayerNorm: expected one input") };
        Ok(tvec!((Cost::FMA(f32::datum_type()), x.shape.volume() * 3)))
    }

    as_op!();
}
