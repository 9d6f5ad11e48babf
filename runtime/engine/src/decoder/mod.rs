//! The mask decoder, in a part that runs once a frame and one that runs once a click.

mod divide;
mod fold;

use crate::EngineError;
use crate::load::{Kernels, Plan, build, contract, contract_of_part, decode, names, ready};
use divide::{Divided, divide};
use fold::fold;
use std::borrow::Cow;
use std::sync::Arc;
use tract_core::internal::{
    Datum, IntoArcTensor, IntoTValue, TValue, TVec, Tensor, TractError, tensor0,
};
use tract_onnx::pb::{
    ModelProto, TensorShapeProto, TypeProto, tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension::Value as DimValue, type_proto,
};
use uniultra_manifest::{Network, WeightFormat};

/// The decoder's plans.
#[derive(Debug)]
pub(crate) struct MaskDecoder(Parts);

#[derive(Debug)]
enum Parts {
    /// A decoder that is not made as ours are: all of it runs for every click.
    Whole {
        plan: Plan,
        side: usize,
    },
    Divided {
        image: Plan,
        masked: Plan,
        click: Plan,
    },
}

/// A click as the graph takes it.
pub(crate) struct Click {
    /// `[1, N, 2]`.
    pub(crate) coords: Tensor,
    /// `[1, N]`.
    pub(crate) labels: Tensor,
    /// `[1, 1, S/4, S/4]`.
    pub(crate) mask: Option<Tensor>,
}

/// Runs a plan.
pub(crate) type Run<'r> = &'r dyn Fn(&Plan, TVec<TValue>) -> Result<TVec<TValue>, EngineError>;

impl MaskDecoder {
    /// Builds the decoder's plans; `side` is that of the mask prompt, S/4.
    pub(crate) fn open(
        bytes: Cow<'_, [u8]>,
        network: &Network,
        weights: WeightFormat,
        side: usize,
        kernels: Kernels,
    ) -> Result<Self, EngineError> {
        let file = &network.file;
        let model = ready(file, decode(file, &bytes)?, weights, kernels)?;
        drop(bytes);
        names(file, &model, network)?;
        let whole = |model| {
            let plan = build(file, model, |model| contract(model, network))?;
            Ok(Self(Parts::Whole { plan, side }))
        };
        if kernels == Kernels::Plain {
            return whole(model);
        }
        let model = fold(file, model)?;
        let Divided { image, masked, mut click } = match divide(model) {
            Ok(divided) => divided,
            Err(model) => return whole(*model),
        };
        let part = |model| build(file, model, |model| contract_of_part(model, network));
        let (image, masked) = (part(image)?, part(masked)?);
        declare(file, &mut click, &image)?;
        Ok(Self(Parts::Divided { image, masked, click: part(click)? }))
    }

    /// Runs what needs no click, on the encoder's outputs. A decoder that is not divided has
    /// nothing to prepare.
    pub(crate) fn prepare(
        &self,
        encoded: &[Arc<Tensor>],
        run: Run<'_>,
    ) -> Result<Option<Arc<[Arc<Tensor>]>>, EngineError> {
        let Parts::Divided { image, .. } = &self.0 else { return Ok(None) };
        let prepared = run(image, values(encoded))?;
        Ok(Some(prepared.into_iter().map(IntoArcTensor::into_arc_tensor).collect()))
    }

    /// Runs the rest. `prepared` is what [`prepare`](Self::prepare) gave for `encoded`, if it is at
    /// hand.
    pub(crate) fn decode(
        &self,
        encoded: &[Arc<Tensor>],
        prepared: Option<&[Arc<Tensor>]>,
        click: Click,
        run: Run<'_>,
    ) -> Result<TVec<TValue>, EngineError> {
        let Click { coords, labels, mask } = click;
        let (plan, mut inputs) = match (&self.0, mask, prepared) {
            (Parts::Whole { plan, side }, mask, _) => {
                let has_mask = tensor0(f32::from(u8::from(mask.is_some())));
                let has_mask = has_mask.into_shape(&[1]).map_err(|e| run_error(&e))?;
                let mask = match mask {
                    Some(mask) => mask,
                    None => {
                        Tensor::zero::<f32>(&[1, 1, *side, *side]).map_err(|e| run_error(&e))?
                    }
                };
                let points = [coords, labels, mask, has_mask].map(IntoTValue::into_tvalue);
                let mut inputs = values(encoded);
                inputs.extend(points);
                return run(plan, inputs);
            }
            (Parts::Divided { masked, click, .. }, Some(mask), _) => {
                let mut inputs = values(encoded);
                inputs.push(mask.into_tvalue());
                (click, run(masked, inputs)?)
            }
            (Parts::Divided { click, .. }, None, Some(prepared)) => (click, values(prepared)),
            (Parts::Divided { image, click, .. }, None, None) => {
                (click, run(image, values(encoded))?)
            }
        };
        inputs.extend([coords, labels].map(IntoTValue::into_tvalue));
        run(plan, inputs)
    }
}

fn values(tensors: &[Arc<Tensor>]) -> TVec<TValue> {
    tensors.iter().map(|tensor| Arc::clone(tensor).into_tvalue()).collect()
}

fn run_error(error: &TractError) -> EngineError {
    EngineError::Run { network: "mask decoder", reason: format!("{error:#}") }
}

/// Gives the click's part the types and shapes of what it starts from.
fn declare(file: &str, click: &mut ModelProto, image: &Plan) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::Prepare { file: file.to_string(), reason };
    let model = image.model();
    let outlets = model.output_outlets().map_err(|e| failed(format!("{e:#}")))?;
    let inputs = click.graph.iter_mut().flat_map(|graph| graph.input.iter_mut());
    for (input, outlet) in inputs.zip(outlets) {
        let fact = model.outlet_fact(*outlet).map_err(|e| failed(format!("{e:#}")))?;
        let elem_type = match fact.datum_type {
            t if t == f32::datum_type() => DataType::Float,
            t if t == i8::datum_type() => DataType::Int8,
            other => {
                return Err(failed(format!("{}: expected f32 or i8, found {other:?}", input.name)));
            }
        };
        let sizes = fact.shape.as_concrete();
        let sizes = sizes.ok_or_else(|| failed(format!("{}: of no fixed shape", input.name)))?;
        let dim = sizes.iter().map(|&size| Dimension {
            value: i64::try_from(size).ok().map(DimValue::DimValue),
            ..Dimension::default()
        });
        let shape = Some(TensorShapeProto { dim: dim.collect() });
        let tensor = type_proto::Tensor { elem_type: elem_type as i32, shape };
        let value = Some(type_proto::Value::TensorType(tensor));
        input.r#type = Some(TypeProto { value, ..TypeProto::default() });
    }
    Ok(())
}
