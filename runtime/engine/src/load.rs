//! From the bytes of an ONNX file to a plan: vet, put the kernels in, parse, check, optimise.

use crate::EngineError;
use crate::fuse::{fuse, register};
use crate::vet::vet_onnx;
use crate::widen::widen_weights;
use prost::Message;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_core::internal::{
    Datum, DimLike, IntoRunnable, TDim, TractResult, TypedModel, TypedRunnableModel, bail,
};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::InferenceModelExt;
use uniultra_manifest::{Dim, Network, TensorSpec, WeightFormat};

/// A network ready to run.
pub(crate) type Plan = Arc<TypedRunnableModel>;

/// Whose operations a plan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Ours where there are any; see `fuse`.
    Fused,
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
    prepare(&network.file, proto, weights, kernels, |model| contract(model, network))
}

/// Decodes a file, which may still hold anything.
pub(crate) fn decode(file: &str, bytes: &[u8]) -> Result<ModelProto, EngineError> {
    ModelProto::decode(bytes).map_err(|error| EngineError::Graph {
        file: file.to_string(),
        problem: format!("expected an ONNX model: {error:#}"),
    })
}

/// Vets a decoded file and makes a plan of it, if `check` finds nothing wrong.
pub(crate) fn prepare(
    file: &str,
    mut proto: ModelProto,
    weights: WeightFormat,
    kernels: Kernels,
    check: impl FnOnce(&TypedModel) -> TractResult<()>,
) -> Result<Plan, EngineError> {
    let failed = |reason: String| EngineError::Prepare { file: file.to_string(), reason };
    let refused = |problem: String| EngineError::Graph { file: file.to_string(), problem };
    vet_onnx(&proto).map_err(refused)?;
    if let Some(graph) = &mut proto.graph {
        widen_weights(graph, weights).map_err(refused)?;
        if kernels == Kernels::Fused {
            fuse(graph);
        }
    }

    // The vetted graph may still be nonsense (ranks that do not fit, say), and tract's analysers
    // assert in places. A scanner must see an error then, not the end of the process.
    let built = catch_unwind(AssertUnwindSafe(|| {
        let mut onnx = tract_onnx::onnx();
        register(&mut onnx);
        let model = onnx.parse(&proto, None)?.model;
        drop(proto);
        let model = model.into_typed()?;
        check(&model)?;
        model.into_optimized()?.into_runnable()
    }));
    match built {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(error)) => Err(failed(format!("{error:#}"))),
        Err(_) => Err(failed("the graph contradicts itself".to_string())),
    }
}

/// Inputs and outputs are those that the manifest declares, by name, type and shape.
fn contract(model: &TypedModel, network: &Network) -> TractResult<()> {
    let inputs = model.input_outlets()?.to_vec();
    let outputs = model.output_outlets()?.to_vec();
    for (what, outlets, specs) in
        [("input", inputs, &network.inputs), ("output", outputs, &network.outputs)]
    {
        if outlets.len() != specs.len() {
            bail!("expected {} {what}s, found {}", specs.len(), outlets.len());
        }
        for (outlet, spec) in outlets.iter().zip(specs) {
            let node = model.node(outlet.node);
            let name = model.outlet_label(*outlet).unwrap_or(&node.name);
            if name != spec.name {
                bail!("expected {what} `{}`, found `{name}`", spec.name);
            }
            let fact = model.outlet_fact(*outlet)?;
            if fact.datum_type != f32::datum_type() || !shape_fits(&fact.shape, spec) {
                bail!("{what} `{name}`: expected f32 {:?}, found {fact:?}", spec.shape);
            }
        }
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
