//! The runtime's own operations against the engine's on the shipped model, and how many there are of each.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::{Embedding, EngineOptions, PlanRun, TractNetwork};
use uniultra_export::ExportOptions;
use uniultra_manifest::Pack;
use uniultra_tests::cli::root;
use uniultra_tests::packs::{ScratchPack, open_network, random};

/// Largest difference, relative to the largest value of a tensor. Both sides round each of some
/// fifty layers, in another order: of the order of sqrt(50) ulp, 1e-6, at the encoder's output,
/// and about as much again in the decoder.
const TOLERANCE: f32 = 1e-5;

fn networks() -> [TractNetwork; 2] {
    let folder: PathBuf = root().join("models/uniultra-mini");
    let pack = Pack::open(&folder).unwrap();
    let options = EngineOptions::default();
    [
        TractNetwork::from_pack(&pack, &options).unwrap(),
        TractNetwork::without_kernels(&pack, &options).unwrap(),
    ]
}

/// A smooth image with an edge, normalised.
fn image() -> Vec<f32> {
    let pixel = |i: usize| {
        let (x, y) = ((i % 512) as f32, (i / 512) as f32);
        let disc = (x - 280.0).hypot(y - 210.0) < 90.0;
        (x * 0.05).sin() + (y * 0.031).cos() + if disc { -1.5 } else { 0.5 }
    };
    (0..512 * 512).map(pixel).collect()
}

fn prompts() -> Vec<DecoderInput> {
    let point = |count: usize| DecoderInput {
        point_coords: (0..count).map(|i| [200.0 + 10.0 * i as f32, 190.0]).collect(),
        point_labels: (0..count).map(|i| (i % 2) as f32).collect(),
        mask_input: None,
    };
    let mut masked = point(2);
    masked.mask_input = Some((0..128 * 128).map(|i| ((i % 128) as f32 - 64.0) * 0.1).collect());
    vec![point(1), point(3), point(20), masked]
}

fn relative(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    difference.fold(0.0_f32, |max, v| if v.is_nan() { f32::INFINITY } else { max.max(v) }) / largest
}

fn decoded(network: &TractNetwork, embedding: &Embedding, input: &DecoderInput) -> DecoderOutput {
    let mut output =
        DecoderOutput { logits: vec![], predicted_iou: [0.0; 4], object_score_logit: 0.0 };
    network.decode(embedding, input, &mut output).unwrap();
    output
}

#[test]
fn fused_graphs_compute_the_same() {
    let [fused, plain] = networks();
    let image = image();
    let (found, expected) = (fused.encode(&image).unwrap(), plain.encode(&image).unwrap());
    for (found, expected) in found.values().unwrap().iter().zip(expected.values().unwrap()) {
        let error = relative(found, expected);
        println!("encoder: {error:.1e}");
        assert!(error < TOLERANCE, "{error}");
    }
    for input in prompts() {
        let expected = decoded(&plain, &expected, &input);
        let found = decoded(&fused, &found, &input);
        let error = relative(&found.logits, &expected.logits);
        println!("{} points: logits {error:.1e}", input.point_labels.len());
        assert!(error < TOLERANCE, "{error}");
        assert!(relative(&found.predicted_iou, &expected.predicted_iou) < TOLERANCE);
        let scores = (found.object_score_logit, expected.object_score_logit);
        assert!((scores.0 - scores.1).abs() < 20.0 * TOLERANCE, "{scores:?}");
    }
}

#[test]
fn what_is_not_finite_does_not_panic() {
    let [fused, _] = networks();
    let mut image = image();
    image[200 * 512 + 200] = f32::NAN;
    image[300 * 512 + 200] = f32::INFINITY;
    let embedding = fused.encode(&image).unwrap();
    assert!(embedding.values().unwrap()[0].iter().any(|v| v.is_nan()));
    for input in prompts() {
        assert!(decoded(&fused, &embedding, &input).logits.iter().any(|v| v.is_nan()));
    }
}

/// Our operations in a run of the image encoder, of the decoder's part of the frame, if it has one, and of a
/// click.
fn operations(network: &TractNetwork) -> Vec<BTreeMap<String, usize>> {
    let ((), runs) = network.recorded(|| {
        let embedding = network.encode(&image()).unwrap();
        decoded(network, &embedding, &prompts()[0]);
    });
    let ours = |run: &PlanRun| {
        let mut counts = BTreeMap::new();
        for op in run.ops.iter().filter_map(|op| op.op.strip_prefix("uniultra.")) {
            *counts.entry(op.to_string()).or_default() += 1;
        }
        counts
    };
    runs.iter().map(ours).collect()
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|&(name, count)| (name.to_string(), count)).collect()
}

/// A pattern that no longer finds its chain makes nothing wrong, only slower: this is where it shows.
#[test]
fn every_chain_of_the_shipped_packs_is_found() {
    for (id, linear) in [("uniultra-mini", "Linear"), ("uniultra-mini-int8", "LinearInteger")] {
        let found = operations(&open_network(&root().join("models").join(id)));
        let encoder = [
            ("Attention", 12),
            ("EdgeMagnitude", 4),
            ("EdgeMap", 1),
            ("LayerNorm", 24),
            (linear, 51),
            ("Patches", 1),
            ("Planes", 4),
            ("PoolMap", 3),
            ("PoolTokens", 6),
        ];
        let mut frame = vec![(linear, 3), ("Tokens", 3)];
        let mut click = vec![("Attention", 7), ("LayerNorm", 10), (linear, 48), ("Masks", 1)];
        if linear == "LinearInteger" {
            frame.push(("Quantize", 1));
            click.push(("Quantize", 5));
        }
        assert_eq!(found, [counts(&encoder), counts(&frame), counts(&click)], "{id}");
    }
}

/// An encoder of SAM 2 has wider windows, with padding, and no edges.
#[test]
fn every_chain_of_a_sam_2_encoder_is_found() {
    let options = ExportOptions { image_size: 512, ..ExportOptions::default() };
    let found = operations(&ScratchPack::export(&random("sam2-tiny", 5), &options).network());
    let encoder = [
        ("Attention", 12),
        ("LayerNorm", 24),
        ("Linear", 51),
        ("Patches", 1),
        ("Planes", 4),
        ("PoolTokens", 6),
    ];
    assert_eq!(found.first(), Some(&counts(&encoder)));
    let click = found.last().unwrap();
    assert_eq!((click.get("Attention"), click.get("Masks")), (Some(&7), Some(&1)), "{click:?}");
}
