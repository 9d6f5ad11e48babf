//! The mask decoder, in a part that runs once a frame and one that runs once a click.

mod divide;
mod fold;
#[cfg(test)]
mod tests;

use crate::EngineError;
use crate::load::{Kernels, Plan, build, contract, contract_of_part, decode, names, ready};
use divide::{Divided, divide};
use fold::fold;
use std::borrow::Cow;
use std::sync::Arc;
use tract_core::internal::{
    Datum, IntoArcTensor, IntoTValue, TValue, TVec, Tensor, TractError, TractResult,
};
use tract_onnx::pb::{
    ModelProto, TensorShapeProto, TypeProto, tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension::Value as DimValue, type_proto,
};
use uniultra_manifest::{Network, WeightFormat};

/// The decoder's plans.
#[derive(Debug)]
pub(crate) struct MaskDecoder {
    parts: Parts,
    /// Last inputs of every plan.
    constants: Vec<Arc<Tensor>>,
}

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
        let mut model = ready(file, decode(file, &bytes)?, weights, kernels)?;
        drop(bytes);
        names(file, &model, network)?;
        if kernels == Kernels::Plain {
            let plan = build(file, model, |model| contract(model, network))?;
            return Ok(Self { parts: Parts::Whole { plan, side }, constants: Vec::new() });
        }
        let folded = fold(file, &mut model)?;
        let constants = folded.values;
        let part = |model| build(file, model, |model| contract_of_part(model, network));
        let Divided { image, masked, mut click } = match divide(model, &folded.names) {
            Ok(divided) => divided,
            Err(model) => {
                return Ok(Self { parts: Parts::Whole { plan: part(*model)?, side }, constants });
            }
        };
        let (image, masked) = (part(image)?, part(masked)?);
        declare(file, &mut click, &image)?;
        let click = part(click)?;
        Ok(Self { parts: Parts::Divided { image, masked, click }, constants })
    }

    /// Runs what needs no click, on the encoder's outputs. A decoder that is not divided has
    /// nothing to prepare.
    pub(crate) fn prepare(
        &self,
        encoded: &[Arc<Tensor>],
        run: Run<'_>,
    ) -> Result<Option<Arc<[Arc<Tensor>]>>, EngineError> {
        let Parts::Divided { image, .. } = &self.parts else { return Ok(None) };
        let prepared = self.run(image, values(encoded), run)?;
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
        let (masked, plan) = match &self.parts {
            Parts::Divided { masked, click, .. } => (masked, click),
            Parts::Whole { plan, side } => {
                let mut inputs = values(encoded);
                inputs.extend([coords, labels].map(IntoTValue::into_tvalue));
                inputs.extend(mask_inputs(mask, *side).map_err(|e| run_error(&e))?);
                return self.run(plan, inputs, run);
            }
        };
        let mut inputs = match prepared {
            Some(prepared) => values(prepared),
            None => values(&self.prepare(encoded, run)?.unwrap_or_default()),
        };
        if let Some(mask) = mask {
            let mut with_mask = values(encoded);
            with_mask.push(mask.into_tvalue());
            let changed = self.run(masked, with_mask, run)?;
            for (input, changed) in inputs.iter_mut().zip(changed) {
                *input = changed;
            }
        }
        inputs.extend([coords, labels].map(IntoTValue::into_tvalue));
        self.run(plan, inputs, run)
    }

    fn run(
        &self,
        plan: &Plan,
        mut inputs: TVec<TValue>,
        run: Run<'_>,
    ) -> Result<TVec<TValue>, EngineError> {
        inputs.extend(values(&self.constants));
        run(plan, inputs)
    }
}

/// `mask_input` and `has_mask_input`.
fn mask_inputs(mask: Option<Tensor>, side: usize) -> TractResult<[TValue; 2]> {
    let has_mask = Tensor::from_shape(&[1], &[f32::from(u8::from(mask.is_some()))])?;
    let mask = mask.map_or_else(|| Tensor::zero::<f32>(&[1, 1, side, side]), Ok)?;
    Ok([mask, has_mask].map(IntoTValue::into_tvalue))
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
