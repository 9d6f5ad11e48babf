//! A graph opened up: tensors inside it as outputs, for host tools that look at activations.

use crate::EngineError;
use crate::vet::vet_onnx;
use crate::widen::widen_weights;
use prost::Message;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_core::internal::{
    IntoRunnable, IntoTValue, TVec, Tensor, TractResult, TypedRunnableModel,
};
use tract_onnx::pb::{ModelProto, TypeProto, ValueInfoProto, tensor_proto::DataType, type_proto};
use tract_onnx::prelude::InferenceModelExt;
use uniultra_manifest::WeightFormat;

/// Row-major f32 values with their shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeTensor {
    /// Sizes, from the outermost axis in.
    pub shape: Vec<usize>,
    /// As many values as the shape says.
    pub values: Vec<f32>,
}

/// A network of a pack that gives chosen tensors inside it instead of its outputs. It runs slower
/// than the network itself: what is looked at cannot be optimised away.
#[derive(Debug)]
pub struct Probe {
    plan: Arc<TypedRunnableModel>,
    name: String,
}

impl Probe {
    /// Opens the bytes of an ONNX file named `name` in messages. `tensors` are names of f32 tensors
    /// in the graph, in the order in which [`Probe::run`] gives them.
    ///
    /// # Errors
    /// [`EngineError::Graph`] if the graph is refused or lacks a tensor, [`EngineError::Prepare`]
    /// if it cannot run.
    pub fn open(name: &str, bytes: &[u8], tensors: &[&str]) -> Result<Self, EngineError> {
        let refused = |problem| EngineError::Graph { file: name.to_string(), problem };
        let prepare = |reason| EngineError::Prepare { file: name.to_string(), reason };
        let mut proto = ModelProto::decode(bytes)
            .map_err(|error| refused(format!("expected an ONNX model: {error:#}")))?;
        if let Some(graph) = &mut proto.graph {
            graph.output = tensors.iter().map(|tensor| float_tensor(tensor)).collect();
        }
        vet_onnx(&proto).map_err(refused)?;
        if let Some(graph) = &mut proto.graph {
            // The wider of the two: f32 weights are accepted as well.
            widen_weights(graph, WeightFormat::F16).map_err(refused)?;
        }
        let built = catch_unwind(AssertUnwindSafe(|| {
            let model = tract_onnx::onnx().parse(&proto, None)?.model;
            model.into_typed()?.into_optimized()?.into_runnable()
        }));
        match built {
            Ok(Ok(plan)) => Ok(Self { plan, name: name.to_string() }),
            Ok(Err(error)) => Err(prepare(format!("{error:#}"))),
            Err(_) => Err(prepare("the graph contradicts itself".to_string())),
        }
    }

    /// Runs the graph on its inputs, in graph order; gives the chosen tensors.
    ///
    /// # Errors
    /// [`EngineError::Run`] if the inputs do not fit or a chosen tensor is not f32.
    pub fn run(&self, inputs: &[ProbeTensor]) -> Result<Vec<ProbeTensor>, EngineError> {
        let run = || -> TractResult<Vec<ProbeTensor>> {
            let inputs = inputs
                .iter()
                .map(|input| Ok(Tensor::from_shape(&input.shape, &input.values)?.into_tvalue()))
                .collect::<TractResult<TVec<_>>>()?;
            let outputs = self.plan.run(inputs)?;
            let read = |tensor: &Tensor| {
                let values = tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
                Ok(ProbeTensor { shape: tensor.shape().to_vec(), values })
            };
            outputs.iter().map(|tensor| read(tensor)).collect()
        };
        let failed = |reason| EngineError::Probe { file: self.name.clone(), reason };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(tensors)) => Ok(tensors),
            Ok(Err(error)) => Err(failed(format!("{error:#}"))),
            Err(_) => Err(failed("internal assertion".to_string())),
        }
    }
}

/// An output of a shape that follows from the graph.
fn float_tensor(name: &str) -> ValueInfoProto {
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: None };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}
