//! Equalisation of LayerNorm outputs against the weights that read them.
//!
//! A channel with large values dictates the scale of the whole tensor. Dividing it by `s` in the
//! LayerNorm's own gain and shift, and multiplying the weights that read it by `s`, computes the same
//! and is easier to quantize. `s = max|x|^a / max|w|^(1 - a)` (Xiao et al., SmoothQuant, 2023,
//! equation 4), made to have a geometric mean of 1.

use super::{Index, Layer, LayerKind};
use crate::QuantizeError;
use crate::calibrate::TensorStats;
use std::collections::BTreeMap;
use uniultra_onnx::{GraphProto, TensorProto, float_values};

/// Smallest magnitude that counts: a channel that is always zero is not scaled by infinity.
const FLOOR: f32 = 1e-5;

/// Equalises what can be; gives the number of tensors that were.
///
/// # Errors
/// [`QuantizeError::Onnx`] if a constant's bytes do not fit its shape.
pub(crate) fn equalize(
    graph: &mut GraphProto,
    layers: &mut [Layer],
    stats: &mut BTreeMap<String, TensorStats>,
    strength: f32,
) -> Result<usize, QuantizeError> {
    let mut changed = 0;
    let tensors: Vec<String> = stats.keys().cloned().collect();
    for tensor in tensors {
        let Some(found) = norm_of(graph, layers, &tensor)? else { continue };
        let Some(seen) = stats.get(&tensor).filter(|seen| seen.count > 0) else { continue };
        let channels = seen.channel_largest.len();
        let mut weights = vec![0.0_f32; channels];
        for layer in found.readers.iter().map(|&reader| &layers[reader]) {
            for (at, w) in layer.weight.iter().enumerate() {
                let channel = at % layer.inputs;
                weights[channel] = weights[channel].max(w.abs());
            }
        }
        let factors = factors(&seen.channel_largest, &weights, strength);
        let divided = seen.divided(&factors);
        stats.insert(tensor, divided);
        apply(graph, layers, &found, &factors);
        changed += 1;
    }
    Ok(changed)
}

/// Geometric mean 1.
fn factors(activations: &[f32], weights: &[f32], strength: f32) -> Vec<f32> {
    let raw: Vec<f32> = activations
        .iter()
        .zip(weights)
        .map(|(x, w)| x.max(FLOOR).powf(strength) / w.max(FLOOR).powf(1.0 - strength))
        .collect();
    let mean = raw.iter().map(|s| s.ln()).sum::<f32>() / raw.len().max(1) as f32;
    raw.iter().map(|s| s / mean.exp()).collect()
}

/// A LayerNorm all of whose readers are layers.
struct Norm {
    node: usize,
    gain: Vec<f32>,
    shift: Vec<f32>,
    readers: Vec<usize>,
}

fn norm_of(
    graph: &GraphProto,
    layers: &[Layer],
    tensor: &str,
) -> Result<Option<Norm>, QuantizeError> {
    let index = Index::new(graph);
    let node = graph.node.iter().position(|node| {
        node.op_type == "LayerNormalization" && node.output.iter().any(|output| output == tensor)
    });
    let Some(node) = node else { return Ok(None) };
    let constants: Vec<_> =
        graph.node[node].input.iter().skip(1).map(|name| index.constant(name)).collect();
    let [Some(gain), Some(shift)] = constants.as_slice() else { return Ok(None) };
    let mut readers = Vec::new();
    for &reader in index.readers(tensor) {
        let layer =
            layers.iter().position(|layer| layer.node == reader && layer.kind == LayerKind::Linear);
        match layer {
            Some(layer) => readers.push(layer),
            None => return Ok(None),
        }
    }
    let [gain, shift] = [float_values(gain)?, float_values(shift)?];
    Ok((!readers.is_empty()).then_some(Norm { node, gain, shift, readers }))
}

fn apply(graph: &mut GraphProto, layers: &mut [Layer], norm: &Norm, factors: &[f32]) {
    let name = graph.node[norm.node].name.clone();
    let divided =
        |values: &[f32]| values.iter().zip(factors).map(|(v, s)| v / s).collect::<Vec<_>>();
    for (input, leaf, values) in [(1, "gain", &norm.gain), (2, "shift", &norm.shift)] {
        let constant = format!("{name}/equalized_{leaf}");
        let tensor = TensorProto::floats(&constant, &[factors.len()], &divided(values));
        graph.initializer.push(tensor);
        graph.node[norm.node].input[input] = constant;
    }
    for layer in norm.readers.iter().copied() {
        let layer = &mut layers[layer];
        let inputs = layer.inputs;
        for (at, w) in layer.weight.iter_mut().enumerate() {
            *w *= factors[at % inputs];
        }
        // Read only if the layer stays in float after all.
        let constant = format!("{}/equalized_weight", layer.name);
        let values = super::layer::transpose(&layer.weight, layer.outputs, inputs);
        graph.initializer.push(TensorProto::floats(&constant, &layer.weight_shape, &values));
        graph.node[layer.node].input[1] = constant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::ChannelAxis;
    use crate::graph::{NetworkKind, find_layers};
    use uniultra_engine::{Probe, ProbeTensor};
    use uniultra_onnx::{
        AttributeProto, DataType, DimensionProto, DimensionValue, ModelProto, NodeProto,
        OperatorSetIdProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    };

    const ROWS: usize = 6;
    const CHANNELS: usize = 16;

    fn info(name: &str) -> ValueInfoProto {
        let dim = |size: usize| DimensionProto { value: Some(DimensionValue::Value(size as i64)) };
        let shape = Some(TensorShapeProto { dim: vec![dim(ROWS), dim(CHANNELS)] });
        let tensor_type = Some(TensorTypeProto { elem_type: DataType::Float.into(), shape });
        ValueInfoProto { name: name.to_string(), r#type: Some(TypeProto { tensor_type }) }
    }

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 31 + seed * 17) % 53) as f32 / 26.0 - 1.0).collect()
    }

    /// A LayerNorm with one outlying channel, read by two products whose sum comes out.
    fn graph() -> GraphProto {
        let mut gain = vec![1.0; CHANNELS];
        gain[3] = 40.0;
        let axis = vec![AttributeProto::int("axis", -1)];
        GraphProto {
            node: vec![
                NodeProto::new("LayerNormalization", "norm", &["x", "gain", "shift"], axis),
                NodeProto::new("MatMul", "a/MatMul", &["norm", "wa"], vec![]),
                NodeProto::new("MatMul", "b/MatMul", &["norm", "wb"], vec![]),
                NodeProto::new("Add", "y", &["a/MatMul", "b/MatMul"], vec![]),
            ],
            initializer: vec![
                TensorProto::floats("gain", &[CHANNELS], &gain),
                TensorProto::floats("shift", &[CHANNELS], &values(CHANNELS, 5)),
                TensorProto::floats("wa", &[CHANNELS, CHANNELS], &values(CHANNELS * CHANNELS, 1)),
                TensorProto::floats("wb", &[CHANNELS, CHANNELS], &values(CHANNELS * CHANNELS, 2)),
            ],
            input: vec![info("x")],
            output: vec![info("y")],
            ..GraphProto::default()
        }
    }

    fn run(graph: &GraphProto, tensor: &str) -> ProbeTensor {
        let bytes = uniultra_onnx::encode(&ModelProto {
            ir_version: 9,
            graph: Some(graph.clone()),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 20 }],
            ..ModelProto::default()
        });
        let x = ProbeTensor { shape: vec![ROWS, CHANNELS], values: values(ROWS * CHANNELS, 9) };
        Probe::open("graph", &bytes, &[tensor]).unwrap().run(&[x]).unwrap().remove(0)
    }

    #[test]
    fn the_function_stays_and_channels_become_alike() {
        let mut graph = graph();
        let mut layers = find_layers(NetworkKind::ImageEncoder, &graph).unwrap().layers;
        let [before, seen] = ["y", "norm"].map(|tensor| run(&graph, tensor));
        let mut stats = TensorStats::new(ChannelAxis::Last, 1);
        stats.add("norm", &seen).unwrap();
        let spread = |stats: &TensorStats| {
            let largest = &stats.channel_largest;
            largest.iter().fold(0.0, |a: f32, b| a.max(*b))
                / largest.iter().fold(f32::MAX, |a, b| a.min(*b))
        };
        let spread_before = spread(&stats);
        let mut stats = BTreeMap::from([("norm".to_string(), stats)]);
        assert_eq!(equalize(&mut graph, &mut layers, &mut stats, 0.5).unwrap(), 1);

        let after = run(&graph, "y");
        let scale = before.values.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        for (a, b) in before.values.iter().zip(&after.values) {
            // Single-precision rounding of other factors.
            assert!((a - b).abs() <= 1e-5 * scale, "{a} became {b}");
        }
        assert!(spread(&stats["norm"]) < spread_before / 4.0, "{}", spread(&stats["norm"]));
        assert_ne!(
            layers[0].weight,
            find_layers(NetworkKind::ImageEncoder, &self::graph()).unwrap().layers[0].weight
        );
    }

    #[test]
    fn a_norm_that_something_else_reads_is_left_alone() {
        let mut graph = graph();
        graph.node.push(NodeProto::new("Relu", "z", &["norm"], vec![]));
        graph.output.push(info("z"));
        let unchanged = graph.clone();
        let mut layers = find_layers(NetworkKind::ImageEncoder, &graph).unwrap().layers;
        let mut stats = TensorStats::new(ChannelAxis::Last, 1);
        stats.add("norm", &run(&graph, "norm")).unwrap();
        let mut stats = BTreeMap::from([("norm".to_string(), stats)]);
        assert_eq!(equalize(&mut graph, &mut layers, &mut stats, 0.5).unwrap(), 0);
        assert_eq!(graph, unchanged);
    }
}
