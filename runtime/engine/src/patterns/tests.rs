//! Small graphs run as they are and fused.

mod layers;
mod maps;
mod search;

use super::*;
use crate::ops::linear::Linear;
use crate::ops::register;
use std::sync::Arc;
use tract_core::internal::*;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as DimValue};
use tract_onnx::pb::{
    AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, type_proto,
};
use tract_onnx::prelude::InferenceModelExt;

const ATTENTION: &str = "uniultra.Attention";
const EDGE_MAP: &str = "uniultra.EdgeMap";
const GELU: &str = "uniultra.Gelu";
const MAGNITUDE: &str = "uniultra.EdgeMagnitude";
const MASKS: &str = "uniultra.Masks";
const NORM: &str = "uniultra.LayerNorm";
const PATCHES: &str = "uniultra.Patches";
const PLANES: &str = "uniultra.Planes";
const POOL_MAP: &str = "uniultra.PoolMap";
const POOL_TOKENS: &str = "uniultra.PoolTokens";
const QUANTIZE: &str = "uniultra.Quantize";
const TOKENS: &str = "uniultra.Tokens";

const FLOAT: Choices = Choices { integer_attention: false, coarse_attention: false };

/// tract multiplies by a scale's reciprocal where ONNX divides: the same for a power of two.
const STEP: f32 = 1.0 / 64.0;

fn info(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = dims.iter().map(|dim| Dimension {
        value: Some(dim.map_or(DimValue::DimParam("N".to_string()), DimValue::DimValue)),
        ..Dimension::default()
    });
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto { dim: dim.collect() }),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..AttributeProto::default()
    }
}

/// A graph of one input `x` and the output `y`.
struct Draft(GraphProto);

impl Draft {
    fn new(dims: &[Option<i64>]) -> Self {
        let output = ValueInfoProto { name: "y".to_string(), ..ValueInfoProto::default() };
        Self(GraphProto {
            input: vec![info("x", dims)],
            output: vec![output],
            ..Default::default()
        })
    }

    fn constant(&mut self, name: &str, dims: &[i64], data_type: DataType, raw_data: Vec<u8>) {
        self.0.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: data_type as i32,
            name: name.to_string(),
            raw_data,
            ..TensorProto::default()
        });
    }

    fn floats(&mut self, name: &str, dims: &[i64], values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, DataType::Float, bytes);
    }

    /// A node whose inputs and output are words of `line`: `y = Add x bias`.
    fn node(&mut self, line: &str, attribute: Vec<AttributeProto>) {
        let mut words = line.split_whitespace().filter(|word| *word != "=").map(str::to_string);
        let output = words.next().unwrap();
        let op_type = words.next().unwrap();
        self.0.node.push(NodeProto {
            name: output.clone(),
            output: vec![output],
            op_type,
            input: words.collect(),
            attribute,
            ..NodeProto::default()
        });
    }

    /// `name = Reshape from shape`.
    fn reshape(&mut self, name: &str, from: &str, shape: &[i64]) {
        let bytes = shape.iter().flat_map(|v| v.to_le_bytes()).collect();
        let constant = format!("{name}_shape");
        self.constant(&constant, &[shape.len() as i64], DataType::Int64, bytes);
        self.node(&format!("{name} = Reshape {from} {constant}"), vec![]);
    }

    fn transpose(&mut self, name: &str, from: &str, perm: &[i64]) {
        let perm = vec![integers("perm", perm)];
        self.node(&format!("{name} = Transpose {from}"), perm);
    }

    fn quantize(&mut self, name: &str, from: &str, scale: f32) {
        let (step, zero) = (format!("{name}_scale"), format!("{name}_zero"));
        self.floats(&step, &[], &[scale]);
        self.constant(&zero, &[], DataType::Int8, vec![0]);
        self.node(&format!("{name} = QuantizeLinear {from} {step} {zero}"), vec![]);
    }

    /// An int8 layer from the int8 value `x` to the f32 value `name`.
    fn layer(&mut self, name: &str, x: &str, [k, n]: [usize; 2]) {
        let weight = (0..k * n).map(|i| (i * 37 + 11) as u8).collect();
        let [k_dim, n_dim] = [k as i64, n as i64];
        self.constant(&format!("{name}_w"), &[k_dim, n_dim], DataType::Int8, weight);
        let scale: Vec<f32> = (0..n).map(|i| 1e-3 * (1.0 + i as f32 * 0.1)).collect();
        self.floats(&format!("{name}_s"), &[n_dim], &scale);
        let bias: Vec<f32> = (0..n).map(|i| (i as f32).sin()).collect();
        self.floats(&format!("{name}_b"), &[n_dim], &bias);
        self.node(&format!("{name}_i = MatMulInteger {x} {name}_w"), vec![]);
        let to = AttributeProto {
            name: "to".to_string(),
            i: DataType::Float as i64,
            r#type: 2,
            ..AttributeProto::default()
        };
        self.node(&format!("{name}_f = Cast {name}_i"), vec![to]);
        self.node(&format!("{name}_m = Mul {name}_f {name}_s"), vec![]);
        self.node(&format!("{name} = Add {name}_m {name}_b"), vec![]);
    }
}

fn operations(graph: &GraphProto) -> Vec<&str> {
    graph.node.iter().map(|node| node.op_type.as_str()).collect()
}

fn fused(graph: &GraphProto) -> GraphProto {
    let mut graph = graph.clone();
    fuse(&mut graph, FLOAT);
    graph
}

fn plan(graph: &GraphProto) -> TractResult<Arc<TypedRunnableModel>> {
    let proto = ModelProto {
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 20 }],
        graph: Some(graph.clone()),
        ..ModelProto::default()
    };
    let mut onnx = tract_onnx::onnx();
    register(&mut onnx);
    onnx.parse(&proto, None)?.model.into_optimized()?.into_runnable()
}

fn run(graph: &GraphProto, x: &Tensor) -> Tensor {
    let mut outputs = plan(graph).unwrap().run(tvec!(x.clone().into_tvalue())).unwrap();
    outputs.remove(0).into_tensor()
}

fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let value = |i: usize| ((i * 7919) % 2003) as f32 / 500.0 - 2.0;
    Tensor::from_shape(shape, &(0..count).map(value).collect::<Vec<_>>()).unwrap()
}

fn assert_bits(a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape());
    let [a, b] = [a, b].map(|t| t.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec());
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert_eq!(a.to_bits(), b.to_bits(), "{i}: {a} for {b}");
    }
}

fn assert_close(a: &Tensor, b: &Tensor) {
    // Values of the order of 10, and GELU within 4e-7 of them.
    a.close_enough(b, Approximation::Custom(2e-5, 1e-5, 0.0)).unwrap();
}

/// Two int8 layers with ReLU between them, on a dynamic number of rows.
fn two_layers() -> Draft {
    let mut draft = Draft::new(&[None, Some(19)]);
    draft.quantize("q", "x", STEP);
    draft.layer("a", "q", [19, 33]);
    draft.node("r = Relu a", vec![]);
    draft.quantize("rq", "r", STEP);
    draft.layer("y", "rq", [33, 5]);
    draft
}

#[test]
fn int8_chains_keep_their_bits() {
    let draft = two_layers();
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [Linear::INTEGER; 2]);
    for rows in [1, 7, 200] {
        let x = numbers(&[rows, 19]);
        assert_bits(&run(&fused, &x), &run(&draft.0, &x));
    }
}

#[test]
fn a_shared_int8_input_is_made_once() {
    let mut draft = Draft::new(&[Some(12), Some(19)]);
    draft.quantize("q", "x", STEP);
    draft.layer("a", "q", [19, 8]);
    draft.layer("b", "q", [19, 8]);
    draft.node("y = Add a b", vec![]);
    let fused = fused(&draft.0);
    let layer = Linear::INTEGER;
    // The second layer adds the first.
    assert_eq!(operations(&fused), [QUANTIZE, layer, layer]);
    let x = numbers(&[12, 19]);
    assert_bits(&run(&fused, &x), &run(&draft.0, &x));
}

#[test]
fn values_that_others_read_stay() {
    // The first layer's sum is also an output.
    let mut draft = two_layers();
    draft.0.output.push(ValueInfoProto { name: "a".to_string(), ..ValueInfoProto::default() });
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [Linear::INTEGER, "Relu", Linear::INTEGER]);
    let x = numbers(&[6, 19]);
    assert_bits(&run(&fused, &x), &run(&draft.0, &x));
}

#[test]
fn other_zero_points_and_scales_stay() {
    for change in [
        |g: &mut GraphProto| g.initializer[1].raw_data = vec![3],
        |g: &mut GraphProto| g.initializer[0].dims = vec![1],
        |g: &mut GraphProto| g.initializer[1].data_type = DataType::Uint8 as i32,
    ] {
        let mut draft = Draft::new(&[Some(4), Some(4)]);
        draft.quantize("q", "x", STEP);
        draft.node("y = Cast q", vec![integers("none", &[1])]);
        change(&mut draft.0);
        assert_eq!(operations(&fused(&draft.0)), ["QuantizeLinear", "Cast"]);
    }
}

#[test]
fn real_layers_and_norms() {
    let mut draft = Draft::new(&[Some(2), None, Some(24)]);
    let ramp = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<f32>>();
    draft.floats("gain", &[24], &ramp(24));
    draft.floats("shift", &[24], &ramp(24)[..24]);
    draft.node("n = LayerNormalization x gain shift", vec![float("epsilon", 1e-6)]);
    draft.floats("w", &[24, 40], &ramp(24 * 40));
    draft.floats("b", &[40], &ramp(40));
    draft.node("p = MatMul n w", vec![]);
    draft.node("s = Add b p", vec![]);
    draft.node("y = Gelu s", vec![]);
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [NORM, Linear::REAL]);
    for rows in [1, 90] {
        let x = numbers(&[2, rows, 24]);
        assert_close(&run(&fused, &x), &run(&draft.0, &x));
    }
}

#[test]
fn norms_are_quantized_in_one_pass() {
    let mut draft = Draft::new(&[None, Some(24)]);
    draft.floats("gain", &[24], &[1.0; 24]);
    draft.floats("shift", &[24], &[0.0; 24]);
    draft.node("n = LayerNormalization x gain shift", vec![float("epsilon", 1e-6)]);
    draft.quantize("q", "n", 0.02);
    draft.layer("y", "q", [24, 8]);
    // As the layer reads int8 alone, it makes int8 of the norm's output; a second reader shares it.
    draft.layer("z", "q", [24, 8]);
    draft.0.output.push(ValueInfoProto { name: "z".to_string(), ..ValueInfoProto::default() });
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [NORM, Linear::INTEGER, Linear::INTEGER]);
    let x = numbers(&[300, 24]);
    let (found, plain) = (run(&fused, &x), run(&draft.0, &x));
    // A rounding of the norm may tip a value to the next int8 step: 0.02 of it.
    found.close_enough(&plain, Approximation::Custom(0.2, 0.0, 0.0)).unwrap();
}

#[test]
fn shipped_graphs_are_fused_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/uniultra-mini/");
    for (file, attention) in [("image_encoder.onnx", 12), ("mask_decoder.onnx", 7)] {
        let bytes = std::fs::read(format!("{folder}{file}")).unwrap();
        let proto = <ModelProto as prost::Message>::decode(&bytes[..]).unwrap();
        let mut graph = proto.graph.unwrap();
        crate::widen::widen_weights(&mut graph, uniultra_manifest::WeightFormat::F16).unwrap();
        fuse(&mut graph, FLOAT);
        let found = operations(&graph);
        let count = |name: &str| found.iter().filter(|op| **op == name).count();
        assert_eq!(count(ATTENTION), attention, "{file}");
        assert_eq!(count("Softmax") + count("LayerNormalization"), 0, "{file}");
        assert!(count(Linear::REAL) > 40, "{file}");
        assert_eq!(count(MASKS), usize::from(file == "mask_decoder.onnx"), "{file}");
    }
}

/// Attention of one head of 4 channels in the four 4 x 4 windows of an 8 x 8 map, which `x` holds if
/// it has 64 rows.
fn windows(rows: i64) -> GraphProto {
    let mut draft = Draft::new(&[Some(rows), Some(12)]);
    draft.reshape("split", "x", &[2, 4, 2, 4, 3, 1, 4]);
    draft.transpose("moved", "split", &[4, 0, 2, 5, 1, 3, 6]);
    draft.reshape("grouped", "moved", &[3, 4, 1, 16, 4]);
    draft.constant("axis", &[1], DataType::Int64, vec![0; 8]);
    for (i, name) in ["q", "k", "v"].into_iter().enumerate() {
        for (bound, value) in [("from", i as i64), ("to", i as i64 + 1)] {
            let bytes = value.to_le_bytes().to_vec();
            draft.constant(&format!("{name}_{bound}"), &[1], DataType::Int64, bytes);
        }
        draft.node(&format!("{name}_part = Slice grouped {name}_from {name}_to axis"), vec![]);
        draft.reshape(name, &format!("{name}_part"), &[4, 1, 16, 4]);
    }
    draft.transpose("keys", "k", &[0, 1, 3, 2]);
    draft.node("scores = MatMul q keys", vec![]);
    draft.node("weights = Softmax scores", vec![]);
    draft.node("attended = MatMul weights v", vec![]);
    draft.reshape("placed", "attended", &[2, 2, 1, 4, 4, 4]);
    draft.transpose("back", "placed", &[0, 3, 1, 4, 2, 5]);
    draft.reshape("map", "back", &[8, 8, 4]);
    draft.reshape("y", "map", &[64, 4]);
    draft.0
}

#[test]
fn windows_of_a_map_of_another_size_are_refused() {
    let graph = windows(64);
    assert_eq!(operations(&fused(&graph)), [ATTENTION]);
    let x = numbers(&[64, 12]);
    assert_close(&run(&fused(&graph), &x), &run(&graph, &x));
    assert!(plan(&fused(&windows(128))).is_err());
}

#[test]
fn a_norm_of_another_width_is_refused() {
    let norm = |channels: i64| {
        let mut draft = Draft::new(&[Some(4), Some(16)]);
        for (name, value) in [("gain", 1.0), ("shift", 0.0)] {
            draft.floats(name, &[channels], &vec![value; channels as usize]);
        }
        draft.node("y = LayerNormalization x gain shift", vec![]);
        fused(&draft.0)
    };
    assert_eq!(operations(&norm(16)), [NORM]);
    assert!(plan(&norm(16)).is_ok());
    assert!(plan(&norm(8)).is_err());
}
