//! Makes int8 model packs of f32 ones, and says what it cost.
//!
//! ```text
//! f32 pack ── SourcePack: graphs, layers ─┐
//! Frames ── calibrate: ranges, rows ──────┴─> Prepared: 8-bit numbers of each layer
//!                                                 │
//!              Trial: each layer alone, fewest in float for a Dice budget
//!                                                 │
//!                        rewrite to standard int8 operators ──> pack, report
//! ```
//!
//! Activations and weights are symmetric 8-bit integers, sums are 32-bit; attention products,
//! softmax, LayerNorm and GELU stay in float. The pack follows from the f32 pack, the frames and the
//! configuration alone: the same bytes on every run, whatever the number of threads.

mod calibrate;
mod config;
mod error;
mod frames;
mod graph;
mod numbers;
mod prepared;
mod progress;
mod quantize;
mod report;
mod sensitivity;
mod source;
mod trial;
mod weights;

pub use config::{Observer, QuantizeConfig, WeightRange};
pub use error::QuantizeError;
pub use frames::{FrameSource, Frames, NamedSample};
pub use graph::{Crossings, FloatReason, LayerKind, NetworkKind};
pub use numbers::LayerNumbers;
pub use progress::{Progress, Silent};
pub use quantize::{Quantized, Request, quantize};
pub use report::{LayerLine, QuantizeReport, SensitivityReport, report_overview, write_report};
pub use sensitivity::LayerSensitivity;
pub use source::SourcePack;
pub use trial::TrialResult;
// A field of [`FrameSource`].
pub use uniultra_dataset::SplitPart;

use graph::{Int8Layer, find_layers, rewrite};
use weights::quantize_weight;

/// Rewrites every layer of an ONNX file as if each activation had the scale 1. The result computes
/// nothing sensible: this shows what the rewriting makes of any file, without calibration.
///
/// # Errors
/// [`QuantizeError::Onnx`] or [`QuantizeError::NotFinite`] for damaged files.
pub fn rewrite_uncalibrated(bytes: &[u8]) -> Result<Vec<u8>, QuantizeError> {
    let mut model = uniultra_onnx::decode(bytes)?;
    let graph = model.graph.take().unwrap_or_default();
    let layers = find_layers(NetworkKind::ImageEncoder, &graph)?.layers;
    let int8: Vec<Int8Layer> = layers
        .iter()
        .map(|layer| {
            let importance = vec![1.0; layer.inputs];
            let weight =
                quantize_weight(&layer.weight, layer.inputs, &importance, WeightRange::Mse);
            Int8Layer { input_scale: 1.0, weight, bias: layer.bias.clone() }
        })
        .collect();
    let pairs: Vec<_> = layers.iter().zip(&int8).collect();
    model.graph = Some(rewrite(&graph, &pairs));
    Ok(uniultra_onnx::encode(&model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uniultra_onnx::{GraphProto, ModelProto, NodeProto, TensorProto, encode};

    /// A product and a convolution, both with a bias.
    fn file() -> Vec<u8> {
        let ones = |name: &str, shape: &[usize]| {
            TensorProto::floats(name, shape, &vec![1.0; shape.iter().product()])
        };
        let input = uniultra_onnx::ValueInfoProto { name: "x".to_string(), r#type: None };
        let output = uniultra_onnx::ValueInfoProto { name: "Conv".to_string(), r#type: None };
        let graph = GraphProto {
            node: vec![
                NodeProto::new("MatMul", "MatMul", &["x", "w"], vec![]),
                NodeProto::new("Add", "Add", &["MatMul", "b"], vec![]),
                NodeProto::new("Conv", "Conv", &["Add", "k", "c"], vec![]),
            ],
            initializer: vec![
                ones("w", &[16, 8]),
                ones("b", &[8]),
                ones("k", &[2, 1, 3, 3]),
                ones("c", &[2]),
            ],
            input: vec![input],
            output: vec![output],
            ..GraphProto::default()
        };
        encode(&ModelProto { graph: Some(graph), ..ModelProto::default() })
    }

    #[test]
    fn both_kinds_of_layer_are_rewritten() {
        let model = uniultra_onnx::decode(&rewrite_uncalibrated(&file()).unwrap()).unwrap();
        let graph = model.graph.unwrap();
        let ops: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
        let layer = |product| ["QuantizeLinear", product, "Cast", "Mul", "Add"];
        assert_eq!(ops, [layer("MatMulInteger"), layer("ConvInteger")].concat());
        assert_eq!(graph.node[9].output, ["Conv"], "what reads a layer finds it");
    }

    proptest! {
        /// What the fuzz target does, on files damaged in one place.
        #[test]
        fn damaged_files_are_errors_or_files(place in 0_usize..1200, value in any::<u8>()) {
            let mut bytes = file();
            let place = place % bytes.len();
            bytes[place] = value;
            if let Ok(rewritten) = rewrite_uncalibrated(&bytes) {
                prop_assert!(rewrite_uncalibrated(&rewritten).is_ok());
            }
            bytes.truncate(place);
            let _ = rewrite_uncalibrated(&bytes);
        }
    }
}
