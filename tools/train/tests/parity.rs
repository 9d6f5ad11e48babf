//! The trainer's networks are the runtime's: the same weights, exported and run by our engine, give
//! the same features and masks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use tch::{Device, Tensor, no_grad};
use uniultra_checkpoint::{Architecture, Checkpoint, random_checkpoint};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::{EngineOptions, TractNetwork};
use uniultra_export::{ExportOptions, export};
use uniultra_manifest::{EdgeLayout, Pack};
use uniultra_train::batch;
use uniultra_train::model::{Params, PromptBatch, Spec, image_encoder, mask_decoder};

/// Largest difference relative to the tensor's root mean square. The two add up in another order;
/// the worst seen is 9.1e-5, in mini's masks from one point.
const TOLERANCE: f64 = 1e-3;

const SIDE: usize = 128;

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let scale = square(&mut expected.iter().map(|&v| f64::from(v))) / expected.len() as f64;
    let pairs = found.iter().zip(expected);
    let worst = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    let relative = worst / scale.sqrt().max(1e-12);
    eprintln!("{what}: {relative:.1e}");
    assert!(relative <= TOLERANCE, "{what}: relative difference {relative}");
}

/// Points, their labels, and whether a mask prompt comes with them.
type Case<'a> = (&'a [[f32; 2]], &'a [f32], bool);

/// A smooth gray frame with an edge, 0..=1.
fn frame() -> Vec<f32> {
    (0..SIDE * SIDE)
        .map(|i| {
            let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
            let disc = if (x - 50.0).hypot(y - 70.0) < 22.0 { -0.25 } else { 0.0 };
            (0.5 + 0.2 * (x * 0.13).sin() * (y * 0.21).cos() + disc).clamp(0.0, 1.0)
        })
        .collect()
}

fn compare(name: &str, edge_layout: EdgeLayout, checkpoint: &Checkpoint) {
    let architecture: Architecture = name.parse().unwrap();
    let options = ExportOptions { image_size: SIDE, edge_layout, ..ExportOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack");
    export(checkpoint, &options).unwrap().write(&pack, false).unwrap();
    let engine = TractNetwork::of(&Pack::open(&pack).unwrap(), &EngineOptions::default()).unwrap();
    let gray = frame();
    let embedding = engine.encode(&gray).unwrap();

    let spec = Spec { architecture, edge_layout };
    let (params, fresh) = Params::from_checkpoint(checkpoint, spec, 0, Device::Cpu).unwrap();
    assert!(fresh.is_empty(), "{fresh:?}");
    let example =
        uniultra_dataset::Example { set: 0, stem: String::new(), image: gray, objects: Vec::new() };
    let images = batch::images(&[example], SIDE, Device::Cpu);
    let features = no_grad(|| image_encoder(&params, &images));
    let found = [&features.image_embed, &features.high_res_feats_0, &features.high_res_feats_1];
    let names = ["image_embed", "high_res_feats_0", "high_res_feats_1"];
    for ((what, found), expected) in names.iter().zip(found).zip(embedding.values().unwrap()) {
        assert_close(&format!("{name} {edge_layout} {what}"), &batch::host(found), expected);
    }

    let coarse = SIDE / 4;
    let logits: Vec<f32> = (0..coarse * coarse).map(|i| (i as f32 * 0.37).sin() * 4.0).collect();
    let prompts: [Case<'_>; 3] = [
        (&[[40.0, 60.0]], &[1.0], false),
        (&[[20.0, 30.0], [90.0, 100.0]], &[2.0, 3.0], false),
        (&[[40.0, 60.0], [100.0, 20.0]], &[1.0, 0.0], true),
    ];
    for (points, labels, masked) in prompts {
        let input = DecoderInput {
            point_coords: points.iter().copied().collect(),
            point_labels: labels.iter().copied().collect(),
            mask_input: masked.then(|| logits.clone()),
        };
        let mut expected = DecoderOutput::new(coarse);
        engine.decode(&embedding, &input, &mut expected).unwrap();
        let coords: Vec<f32> = points.iter().flatten().copied().collect();
        let batch_input = PromptBatch {
            coords: Tensor::from_slice(&coords).reshape([1, -1, 2]),
            labels: Tensor::from_slice(labels).reshape([1, -1]),
            mask: masked
                .then(|| Tensor::from_slice(&logits).reshape([1, 1, coarse as i64, coarse as i64])),
        };
        let found = no_grad(|| mask_decoder(&params, &features, &batch_input));
        let what = format!("{name} {} points", points.len());
        assert_close(&format!("{what}: masks"), &batch::host(&found.masks), &expected.logits);
        assert_close(&format!("{what}: IoU"), &batch::host(&found.ious), &expected.predicted_iou);
        let score = [expected.object_score_logit];
        assert_close(&format!("{what}: score"), &batch::host(&found.object_score), &score);
    }
}

#[test]
fn uniultra_mini_in_both_edge_layouts() {
    let checkpoint = random_checkpoint(&"uniultra-mini".parse().unwrap(), 3);
    compare("uniultra-mini", EdgeLayout::Spatial, &checkpoint);
    compare("uniultra-mini", EdgeLayout::Reference, &checkpoint);
}

#[test]
fn the_teacher_and_other_sizes() {
    for name in ["uniultra-tiny", "sam2-small", "uniultra-base+"] {
        compare(name, EdgeLayout::Spatial, &random_checkpoint(&name.parse().unwrap(), 5));
    }
}
