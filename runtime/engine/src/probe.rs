//! A graph opened up: tensors inside it as outputs, for host tools that look at activations.

use crate::EngineError;
use crate::breakdown::caught;
use crate::load::{Kernels, Plan, build, decode, ready};
use tract_core::internal::{IntoTValue, TVec, Tensor, TractResult};
use tract_onnx::pb::{TypeProto, ValueInfoProto, tensor_proto::DataType, type_proto};
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
/// than the network itself: on the engine's operations alone, which have all of them.
#[derive(Debug)]
pub struct Probe {
    plan: Plan,
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
        let mut proto = decode(name, bytes)?;
        if let Some(graph) = &mut proto.graph {
            graph.output = tensors.iter().map(|tensor| float_tensor(tensor)).collect();
        }
        // f16 is the wider of the two formats: f32 weights are accepted as well.
        let proto = ready(name, proto, WeightFormat::F16, Kernels::Plain)?;
        let plan = build(name, proto, |_| Ok(()))?;
        Ok(Self { plan, name: name.to_string() })
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
        caught(&self.name, run)?.map_err(|error| failed(format!("{error:#}")))
    }
}

/// An output of a shape that follows from the graph.
fn float_tensor(name: &str) -> ValueInfoProto {
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: None };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}
