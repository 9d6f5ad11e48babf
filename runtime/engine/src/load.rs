//! From the bytes of an ONNX file to a plan: vet, put the kernels in, parse, check, optimise.

use crate::EngineError;
use crate::breakdown::caught;
use crate::ops::register;
use crate::patterns::{Choices, fuse};
use crate::vet::vet_onnx;
use crate::widen::widen_weights;
use prost::Message;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use tract_core::internal::translator::Translate;
use tract_core::internal::{
    Datum, DimLike, IntoRunnable, OutletId, TDim, TVec, TractError, TractResult, TypedFact,
    TypedModel, TypedOp, TypedRunnableModel, bail,
};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{InferenceModel, InferenceModelExt};
use tract_onnx::tract_hir::infer::{InferenceFact, InferenceNode, InferenceOp};
use uniultra_manifest::{Dim, Network, TensorSpec, WeightFormat};

/// A network ready to run.
pub(crate) type Plan = Arc<TypedRunnableModel>;

/// Whose operations a plan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Ours where there are any; see `patterns`.
    Fused(Choices),
    /// The engine's alone, for comparison.
    Plain,
}

/// Builds the plan of one network of a pack whose weights are stored as `weights` says.
pub(crate) fn plan(
    bytes: Cow<'_, [u8]>,
    network: &Network,
    weights: WeightFormat,
    kernels: Kernels,
) -> Result<Plan, EngineError> {
    let proto = decode(&network.file, &bytes)?;
    drop(bytes);
    let proto = ready(&network.file, proto, weights, kernels)?;
    build(&network.file, proto, |model| contract(model, network))
}

/// Decodes a file, which may still hold anything.
pub(crate) fn decode(file: &str, bytes: &[u8]) -> Result<ModelProto, EngineError> {
    ModelProto::decode(bytes).map_err(|error| EngineError::Graph {
        file: file.to_string(),
        problem: format!("expected an ONNX model: {error:#}"),
    })
}

/// Vets a decoded file and puts the kernels in.
pub(crate) fn ready(
    file: &str,
    mut proto: ModelProto,
    weights: WeightFormat,
    kernels: Kernels,
) -> Result<ModelProto, EngineError> {
    let refused = |problem: String| EngineError::Graph { file: file.to_string(), problem };
    vet_onnx(&proto).map_err(refused)?;
    if let Some(graph) = &mut proto.graph {
        widen_weights(graph, weights).map_err(refused)?;
        if let Kernels::Fused(choices) = kernels {
            fuse(graph, choices);
        }
    }
    Ok(proto)
}

/// Makes a plan of a vetted graph, if `check` finds nothing wrong.
pub(crate) fn build(
    file: &str,
    proto: ModelProto,
    check: impl FnOnce(&TypedModel) -> TractResult<()>,
) -> Result<Plan, EngineError> {
    let failed = |reason: String| EngineError::Prepare { file: file.to_string(), reason };
    // The vetted graph may still be nonsense (ranks that do not fit, say), and tract's analysers
    // assert in places. A scanner must see an error then, not the end of the process.
    let built = caught(file, || {
        let mut onnx = tract_onnx::onnx();
        register(&mut onnx);
        let parsed = onnx.parse(&proto, None)?.model;
        // `parsed` has its own copy of all weights, and typing packs them once more. Three copies at once would be the
        // peak of the memory.
        drop(proto);
        let mut model = typed(parsed)?;
        check(&model)?;
        // Not `into_optimized`, whose first half looks for what a pack's graph does not have, and takes as long.
        model.optimize()?;
        model.into_runnable()
    });
    built?.map_err(|error: TractError| failed(format!("{error:#}")))
}

/// Gives every operation its types and shapes. Each follows from the inputs in a graph that was exported with fixed
/// shapes, so one walk is enough. tract's own way also infers inputs from outputs, until nothing changes: a fifth of a
/// load's instructions, for graphs that need it.
fn typed(model: InferenceModel) -> TractResult<TypedModel> {
    match Forwards.translate_model(&model) {
        Ok(typed) => Ok(typed),
        Err(reason) => {
            log::debug!("types do not follow from the inputs alone: {reason:#}");
            model.into_typed()
        }
    }
}

#[derive(Debug)]
struct Forwards;

impl Translate<InferenceFact, Box<dyn InferenceOp>, TypedFact, Box<dyn TypedOp>> for Forwards {
    fn translate_node(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        node.op.to_typed(source, node, target, mapping)
    }
}

/// Inputs and outputs are those that the manifest declares, by name, type and shape.
pub(crate) fn contract(model: &TypedModel, network: &Network) -> TractResult<()> {
    let outlets = [model.input_outlets()?, model.output_outlets()?];
    for ((what, specs), outlets) in declared(network).into_iter().zip(outlets) {
        if outlets.len() != specs.len() {
            bail!("expected {} {what}s, found {}", specs.len(), outlets.len());
        }
        for (outlet, spec) in outlets.iter().zip(specs) {
            let name = label(model, *outlet);
            if name != spec.name {
                bail!("expected {what} `{}`, found `{name}`", spec.name);
            }
            fits(model, *outlet, what, spec)?;
        }
    }
    Ok(())
}

/// As [`contract`], of a part of a network: inputs and outputs that the manifest does not know are
/// the part's own, and others may be missing.
pub(crate) fn contract_of_part(model: &TypedModel, network: &Network) -> TractResult<()> {
    let outlets = [model.input_outlets()?, model.output_outlets()?];
    for ((what, specs), outlets) in declared(network).into_iter().zip(outlets) {
        for outlet in outlets {
            let name = label(model, *outlet);
            if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
                fits(model, *outlet, what, spec)?;
            }
        }
    }
    Ok(())
}

/// The names of a file's inputs and outputs are those that the manifest declares.
pub(crate) fn names(file: &str, proto: &ModelProto, network: &Network) -> Result<(), EngineError> {
    let refused = |reason| EngineError::Prepare { file: file.to_string(), reason };
    let graph = proto.graph.as_ref().ok_or_else(|| refused("no graph".to_string()))?;
    let found = [&graph.input, &graph.output];
    for ((what, specs), found) in declared(network).into_iter().zip(found) {
        if found.len() != specs.len() {
            return Err(refused(format!(
                "expected {} {what}s, found {}",
                specs.len(),
                found.len()
            )));
        }
        for (found, spec) in found.iter().zip(specs) {
            if found.name != spec.name {
                let reason = format!("expected {what} `{}`, found `{}`", spec.name, found.name);
                return Err(refused(reason));
            }
        }
    }
    Ok(())
}

fn declared(network: &Network) -> [(&'static str, &[TensorSpec]); 2] {
    [("input", &network.inputs), ("output", &network.outputs)]
}

fn label(model: &TypedModel, outlet: OutletId) -> &str {
    model.outlet_label(outlet).unwrap_or(&model.node(outlet.node).name)
}

fn fits(model: &TypedModel, outlet: OutletId, what: &str, spec: &TensorSpec) -> TractResult<()> {
    let fact = model.outlet_fact(outlet)?;
    if fact.datum_type != f32::datum_type() || !shape_fits(&fact.shape, spec) {
        bail!("{what} `{}`: expected f32 {:?}, found {fact:?}", spec.name, spec.shape);
    }
    Ok(())
}

fn shape_fits(found: &[TDim], spec: &TensorSpec) -> bool {
    found.len() == spec.shape.len()
        && found.iter().zip(&spec.shape).all(|(found, expected)| match expected {
            Dim::Fixed(size) => found.to_usize().is_ok_and(|found| found == *size),
            Dim::Dynamic(_) => found.to_usize().is_err(),
        })
}
