//! No exact simplification changes the function (MODEL.md section 7, 1 to 4).
//!
//! The literal graph (`simplify: false`) and the simplified one run on the same input. Real weights
//! exercise 2 to 4 (gray input the third, which RGB input leaves out), adapters the first.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::TractNetwork;
use uniultra_export::ExportOptions;
use uniultra_manifest::{Channels, EdgeLayout};
use uniultra_tests::compare::relative;
use uniultra_tests::golden::hash_values;
use uniultra_tests::packs::{ScratchPack, random, sam2_tiny};

/// The bound on simplified against unsimplified outputs.
const TOLERANCE: f32 = 1e-4;
/// The same for the masks of random weights: their edges are many times as large as real ones, and so is what rounding
/// moves. Measured with reference edges: 1.10e-4 (AVX-512), and with changed edge kernels 1.02e-4 (AVX2); with spatial
/// edges 9e-6.
const RANDOM_TOLERANCE: f32 = 2e-4;

struct Outputs {
    features: [Vec<f32>; 3],
    masks: Vec<f32>,
    iou: Vec<f32>,
}

fn run(network: &TractNetwork, side: usize, channels: Channels) -> Outputs {
    let image: Vec<f32> = hash_values(5, 1.0, channels.count() * side * side);
    let image: Vec<f32> = match channels {
        Channels::Gray => image.iter().map(|v| v + 0.5).collect(),
        Channels::Rgb => image.iter().map(|v| 4.0 * v).collect(),
    };
    let embedding = network.encode(&image).unwrap();
    let mut input = DecoderInput::default();
    for (point, label) in [([0.25, 0.25], 2.0), ([0.75, 0.8], 3.0), ([0.5, 0.5], 1.0)] {
        input.point_coords.push(point.map(|v: f32| v * side as f32));
        input.point_labels.push(label);
    }
    input.mask_input = Some(hash_values(6, 20.0, side * side / 16));
    let mut out = DecoderOutput::new(side / 4);
    network.decode(&embedding, &input, &mut out).unwrap();
    Outputs {
        features: embedding.values().unwrap().map(<[f32]>::to_vec),
        masks: out.logits,
        iou: out.predicted_iou.to_vec(),
    }
}

fn compare(what: &str, checkpoint: &Checkpoint, options: &ExportOptions, mask_tolerance: f32) {
    let [simple, literal] = [true, false].map(|simplify| {
        let options = ExportOptions { simplify, ..options.clone() };
        let pack = ScratchPack::export(checkpoint, &options);
        assert_eq!(pack.pack.manifest.model.simplified, simplify);
        run(&pack.network(), options.image_size, options.channels)
    });
    let names = ["image_embed", "high_res_feats_0", "high_res_feats_1"];
    for ((name, simple), literal) in names.iter().zip(&simple.features).zip(&literal.features) {
        let difference = relative(simple, literal);
        println!("{what}: {name} {difference:.1e}");
        assert!(difference <= TOLERANCE, "{what}: {name} {difference}");
    }
    for (name, simple, literal) in
        [("masks", &simple.masks, &literal.masks), ("IoU", &simple.iou, &literal.iou)]
    {
        let difference = relative(simple, literal);
        println!("{what}: {name} {difference:.1e}");
        assert!(difference <= mask_tolerance, "{what}: {name} {difference}");
    }
}

#[test]
fn real_weights_gray_and_rgb() {
    let Some(checkpoint) = sam2_tiny() else { return };
    for channels in [Channels::Gray, Channels::Rgb] {
        let options = ExportOptions { image_size: 512, channels, ..ExportOptions::default() };
        compare(&format!("SAM 2 tiny, {channels}"), &checkpoint, &options, TOLERANCE);
    }
}

#[test]
fn edge_magnitude_once_a_stage() {
    let checkpoint = random("uniultra-mini", 3);
    for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
        let options = ExportOptions { image_size: 256, edge_layout, ..ExportOptions::default() };
        compare(&format!("mini, {edge_layout} edges"), &checkpoint, &options, RANDOM_TOLERANCE);
    }
}

/// A checkpoint whose kernels are not the fixed ones keeps the general form.
#[test]
fn trained_edge_kernels_are_kept() {
    let plain = random("uniultra-mini", 3);
    let mut tensors: std::collections::BTreeMap<String, Tensor> =
        plain.tensors().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
    for name in ["weight_h", "weight_v2"] {
        let name = format!("image_encoder.trunk.blocks.4.train_edge.{name}");
        let changed: Vec<f32> = tensors[&name]
            .data()
            .iter()
            .enumerate()
            .map(|(i, v)| v + 0.1 * (i % 7) as f32)
            .collect();
        tensors.insert(name, Tensor::new(vec![4, 4, 3, 3], changed).unwrap());
    }
    let changed = Checkpoint::from_tensors(tensors);
    for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
        let options = ExportOptions { image_size: 128, edge_layout, ..ExportOptions::default() };
        let what = format!("trained kernels, {edge_layout} edges");
        compare(&what, &changed, &options, RANDOM_TOLERANCE);
        // The change is visible, so the comparison above could have failed.
        let [with, without] = [&changed, &plain].map(|checkpoint| {
            run(&ScratchPack::export(checkpoint, &options).network(), 128, Channels::Gray)
        });
        assert!(relative(&with.features[0], &without.features[0]) > 10.0 * TOLERANCE);
    }
}

/// The two layouts are different functions: neither may stand in for the other.
#[test]
fn edge_layouts_differ() {
    let checkpoint = random("uniultra-mini", 3);
    let [spatial, reference] = [EdgeLayout::Spatial, EdgeLayout::Reference].map(|edge_layout| {
        let options = ExportOptions { image_size: 128, edge_layout, ..ExportOptions::default() };
        run(&ScratchPack::export(&checkpoint, &options).network(), 128, Channels::Gray)
    });
    assert!(relative(&spatial.features[0], &reference.features[0]) > 10.0 * TOLERANCE);
}
