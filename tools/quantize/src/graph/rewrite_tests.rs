//! Random small graphs: what is rewritten runs, and computes what the layers' 8-bit numbers say.

use super::*;
use crate::calibrate::{ChannelAxis, TensorStats};
use crate::config::QuantizeConfig;
use crate::graph::{NetworkKind, find_layers};
use crate::numbers::int8_layer;
use proptest::prelude::*;
use uniultra_engine::{Probe, ProbeTensor};
use uniultra_onnx::{
    AttributeType, DimensionProto, DimensionValue, ModelProto, OperatorSetIdProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// One layer of a random graph.
#[derive(Clone, Copy, Debug)]
struct Link {
    outputs: usize,
    bias: bool,
    /// What follows: nothing, `Relu` or `Gelu`.
    activation: u8,
    /// The product the other way round, between transpositions.
    left: bool,
}

fn values(count: usize, seed: usize) -> Vec<f32> {
    let value = |i: usize| (((i + 1) * (2 * seed + 7919)) % 1009) as f32 / 504.5 - 1.0;
    (0..count).map(value).collect()
}

fn info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&size: &usize| DimensionProto { value: Some(DimensionValue::Value(size as i64)) };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: DataType::Float.into(), shape });
    ValueInfoProto { name: name.to_string(), r#type: Some(TypeProto { tensor_type }) }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        s: value.as_bytes().to_vec(),
        kind: AttributeType::String.into(),
        ..AttributeProto::default()
    }
}

/// A chain of layers, and the name of each layer's output.
fn graph(rows: usize, inputs: usize, links: &[Link]) -> (GraphProto, Vec<String>) {
    let mut tensors = Vec::new();
    let mut graph = GraphProto { input: vec![info("x", &[rows, inputs])], ..Default::default() };
    let (mut x, mut width) = ("x".to_string(), inputs);
    for (i, link) in links.iter().enumerate() {
        let name = |leaf: &str| format!("l{i}/{leaf}");
        let (w, b) = (name("weight"), name("bias"));
        let weight = values(width * link.outputs, i);
        let shape = if link.left { [link.outputs, width] } else { [width, link.outputs] };
        graph.initializer.push(TensorProto::floats(&w, &shape, &weight));
        let mut node = |op: &str, inputs: &[&str], attributes: Vec<AttributeProto>| {
            graph.node.push(NodeProto::new(op, &name(op), inputs, attributes));
            name(op)
        };
        let swap = || {
            vec![AttributeProto {
                name: "perm".to_string(),
                ints: vec![1, 0],
                kind: AttributeType::Ints.into(),
                ..AttributeProto::default()
            }]
        };
        let mut y = if link.left {
            let turned = node("Transpose", &[&x], swap());
            node("MatMul", &[&w, &turned], vec![])
        } else {
            node("MatMul", &[&x, &w], vec![])
        };
        if link.bias {
            y = node("Add", &[&b, &y], vec![]);
        }
        y = match link.activation {
            1 => node("Relu", &[&y], vec![]),
            2 => node("Gelu", &[&y], vec![text("approximate", "none")]),
            _ => y,
        };
        if link.left {
            let back = format!("l{i}/back");
            graph.node.push(NodeProto::new("Transpose", &back, &[&y], swap()));
            y = back;
        }
        if link.bias {
            let shape = if link.left { vec![link.outputs, 1] } else { vec![link.outputs] };
            let bias = values(link.outputs, i + 50);
            graph.initializer.push(TensorProto::floats(&b, &shape, &bias));
        }
        tensors.push(y.clone());
        (x, width) = (y, link.outputs);
    }
    graph.output = vec![info(&x, &[rows, width])];
    (graph, tensors)
}

/// What a layer's 8-bit numbers make of rows of activations: the definition, without a graph.
fn computed(layer: &Layer, int8: &Int8Layer, activation: u8, rows: &[f32]) -> Vec<f32> {
    let activate = |y: f32| match activation {
        1 => y.max(0.0),
        2 => y * 0.5 * (1.0 + libm::erff(y / std::f32::consts::SQRT_2)),
        _ => y,
    };
    let dequantized = |x: &f32| (x / int8.input_scale).round_ties_even().clamp(-128.0, 127.0);
    let mut outputs = Vec::new();
    for row in rows.chunks_exact(layer.inputs) {
        let steps: Vec<f32> = row.iter().map(dequantized).collect();
        for (n, weight) in int8.weight.values.chunks_exact(layer.inputs).enumerate() {
            // Sums of products of 8-bit numbers are exact in single precision at these widths.
            let sum: f32 = weight.iter().zip(&steps).map(|(&w, x)| f32::from(w) * x).sum();
            let bias = int8.bias.as_ref().map_or(0.0, |bias| bias[n]);
            outputs.push(activate(sum * int8.weight.scales[n] * int8.input_scale + bias));
        }
    }
    outputs
}

fn file(graph: &GraphProto) -> Vec<u8> {
    uniultra_onnx::encode(&ModelProto {
        ir_version: 9,
        graph: Some(graph.clone()),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 20 }],
        ..ModelProto::default()
    })
}

fn run(graph: &GraphProto, tensors: &[&str], x: &ProbeTensor) -> Vec<ProbeTensor> {
    let probe = Probe::open("graph", &file(graph), tensors).unwrap();
    probe.run(std::slice::from_ref(x)).unwrap()
}

fn link() -> impl Strategy<Value = Link> {
    (8_usize..40, any::<bool>(), 0_u8..3, any::<bool>())
        .prop_map(|(outputs, bias, activation, left)| Link { outputs, bias, activation, left })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rewritten_graphs_compute_their_8_bit_numbers(
        rows in 1_usize..20, inputs in 8_usize..70,
        links in prop::collection::vec(link(), 1..4), correct_bias in any::<bool>(),
    ) {
        let (float, tensors) = graph(rows, inputs, &links);
        let layers = find_layers(NetworkKind::ImageEncoder, &float).unwrap().layers;
        prop_assert_eq!(layers.len(), links.len());
        let x = ProbeTensor { shape: vec![rows, inputs], values: values(rows * inputs, 900) };
        let config = QuantizeConfig { correct_bias, ..QuantizeConfig::default() };
        let int8: Vec<_> = layers.iter().map(|layer| {
            let axis = match layer.kind {
                LayerKind::LinearLeft => ChannelAxis::First,
                _ => ChannelAxis::Last,
            };
            let mut stats = TensorStats::new(axis, 1);
            let seen = if layer.input == "x" {
                x.clone()
            } else {
                run(&float, &[&layer.input], &x).remove(0)
            };
            stats.add(&layer.input, &seen).unwrap();
            int8_layer(layer, &stats, None, &config).0
        }).collect();
        let pairs: Vec<_> = layers.iter().zip(&int8).collect();
        let rewritten = rewrite(&float, &pairs);

        let crossings = Crossings::count(&rewritten);
        prop_assert_eq!(crossings.integer_products, links.len());
        prop_assert_eq!(crossings.dequantize, 0);
        prop_assert!(is_quantized(&rewritten) && !is_quantized(&float));
        prop_assert!(rewritten.node.iter().all(|node| node.op_type != "MatMul"));

        let names: Vec<&str> = tensors.iter().map(String::as_str).collect();
        let outputs = run(&rewritten, &names, &x);
        let mut seen = &x;
        for (((layer, int8), link), output) in layers.iter().zip(&int8).zip(&links).zip(&outputs) {
            prop_assert_eq!(&output.shape, &vec![rows, layer.outputs]);
            let expected = computed(layer, int8, link.activation, &seen.values);
            let largest = expected.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
            // The engine multiplies by 1 / scale where this test divides, so an activation half way
            // between two steps may round to the other one: one step of the largest weight, which
            // Gelu enlarges by 1.13 at most. The rest is single precision.
            let weight = int8.weight.scales.iter().fold(0.0_f32, |most, s| most.max(*s)) * 127.0;
            let bound = 1.2 * int8.input_scale * weight + 1e-4 * largest;
            let worst =
                expected.iter().zip(&output.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            prop_assert!(worst <= bound, "{}: {worst} of {bound}", layer.name);
            seen = output;
        }
    }

    #[test]
    fn nothing_rewritten_is_nothing_changed(
        rows in 1_usize..9, links in prop::collection::vec(link(), 1..4),
    ) {
        let (float, _) = graph(rows, 16, &links);
        prop_assert_eq!(rewrite(&float, &[]), float);
    }
}
