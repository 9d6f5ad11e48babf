//! The last layer of the upscaling and the masks that are made of its output, band by band, so that
//! the output, the largest tensor of a click, is never in memory as a whole.

use super::graph::{Chains, integers, integers_attribute, operation};
use super::kernel_op::{KernelOp, fixed, values};
use super::layer::LayerAttributes;
use super::linear_op::{INTEGER, Linear, Packed, REAL};
use super::planes::{PlanesOp, Terms};
use super::recycle;
use std::cell::RefCell;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::Output;

/// Inputs as of the layer, then factors `[planes, inputs]`.
pub(super) const NAME: &str = "uniultra.Masks";
/// Attribute: 1 for a layer in f32, 2 for one in int8.
const LAYER: &str = "layer";

thread_local! {
    /// The layer's output for a band.
    static LAYER_ROWS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn replace(chains: &mut Chains) {
    for masks in chains.outputs_of(PlanesOp::NAME) {
        if let Some(node) = fused(chains, &masks) {
            chains.replace(node);
        }
    }
}

/// Planes without a bias, of tokens that are a layer's output and nothing else's input.
fn fused(chains: &Chains, masks: &str) -> Option<NodeProto> {
    let node = chains.producer(masks, PlanesOp::NAME)?;
    let [tokens, factors] = node.input.as_slice() else { return None };
    let mut value = tokens.as_str();
    chains.reader(value)?;
    while let Some((before, _)) = chains.reshape(value) {
        value = before;
        chains.reader(value)?;
    }
    let kinds = [(REAL, 1), (INTEGER, 2)].into_iter();
    let mut layers = kinds.filter_map(|(name, kind)| Some((chains.producer(value, name)?, kind)));
    let (layer, kind) = layers.next()?;
    let (attributes, planes) = (LayerAttributes::read(layer)?, PlanesOp::read(node).ok()?);
    let &[_, n] = chains.weight_shape(layer.input.get(1)?, kind == 2)? else { return None };
    let fits = usize::try_from(n).is_ok_and(|n| planes.holds_rows_of(n));
    if attributes.output_scale.is_some() || attributes.padding.is_some() || !fits {
        return None;
    }
    let mut inputs = layer.input.clone();
    inputs.push(factors.clone());
    let mut attributes = layer.attribute.clone();
    attributes.extend(node.attribute.iter().cloned());
    attributes.push(integers(LAYER, &[kind]));
    Some(operation(NAME, inputs, masks, attributes))
}

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let attributes = LayerAttributes::read(node).context("attributes of masks")?;
    let integer = integers_attribute(node, LAYER) == Some(&[2]);
    let linear = Linear::of(integer, attributes);
    Ok((expand(Masks { linear, planes: PlanesOp::read(node)? }), vec![]))
}

/// Masks whose layer's weights are not packed yet.
#[derive(Clone, Debug)]
struct Masks {
    linear: Linear,
    planes: PlanesOp,
}

impl PlanesOp {
    /// `[1, planes, rows, columns]`.
    fn map(&self) -> TractResult<[usize; 4]> {
        let [rows, columns] = self.order()?.size();
        Ok([1, self.sizes[0], rows, columns])
    }
}

impl Expansion for Masks {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, self.linear.inputs() + 1)?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, self.linear.input_type())?;
        s.equals(&outputs[0].datum_type, f32::datum_type())?;
        s.equals(&outputs[0].shape, fixed(&self.planes.map()?))
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [own @ .., factors] = inputs else { bail!("masks: expected factors") };
        let (layer, mut inputs) = self.linear.pack(prefix, model, own)?;
        inputs.push(*factors);
        model.wire_node(prefix, PackedMasks { layer, planes: self.planes.clone() }, &inputs)
    }
}

/// Masks ready to be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PackedMasks {
    layer: Packed,
    planes: PlanesOp,
}

impl Op for PackedMasks {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    op_as_typed_op!();
}

impl EvalOp for PackedMasks {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let factors = inputs.pop().context("masks: expected factors")?;
        let [k, n] = self.layer.sizes();
        let [_, width] = self.planes.sizes;
        let map = self.planes.map()?;
        let pixels = map[2] * map[3];
        self.layer.check(&inputs)?;
        let x = inputs.first().map_or(0, |x| x.len());
        ensure!(
            x.checked_div(k).unwrap_or(0) * n == pixels * width,
            "{x} values of {k} for {pixels} pixels of {width}"
        );
        ensure!(factors.len() == map[1] * width, "factors of masks: {:?}", factors.shape());
        let mut out = recycle::tensor(f32::datum_type(), &map)?;
        let mut plain = out.try_as_plain_ram_mut()?;
        let terms = Terms { factors: values(&factors)?, bias: &[], half: None };
        let tokens = |pixels: std::ops::Range<usize>, use_them: super::planes::UseTokens<'_>| {
            LAYER_ROWS.with_borrow_mut(|rows| {
                rows.resize(pixels.len() * width, 0.0);
                self.layer.run(&inputs, pixels.start * width / n, Output::Real(rows))?;
                use_them(rows)
            })
        };
        self.planes.compute(tokens, terms, plain.as_slice_mut::<f32>()?)?;
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for PackedMasks {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [own @ .., factors] = inputs else { bail!("masks: expected factors") };
        self.layer.output_facts(own)?;
        ensure!(factors.datum_type == f32::datum_type(), "factors of masks: {factors:?}");
        Ok(tvec!(f32::fact(fixed(&self.planes.map()?))))
    }

    /// Both products, and the layer's weights.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let mut cost = self.layer.cost(&inputs[..inputs.len().saturating_sub(1)])?;
        cost.push((Cost::FMA(f32::datum_type()), self.planes.macs().to_dim()));
        Ok(cost)
    }

    as_op!();
}
