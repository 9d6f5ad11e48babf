//! The trainer's networks are the runtime's: the same weights, exported and run by our engine, give
//! the same features and masks. The engine runs in a program of the workspace's tests,
//! `tests/examples/engine_outputs.rs`: with tract in it, the trainer took minutes more to build.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tch::{Device, no_grad};
use uniultra_checkpoint::{Architecture, Checkpoint, Tensor, random_checkpoint};
use uniultra_manifest::EdgeLayout;
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

/// The program that runs the engine; the gate builds it before these tests.
fn engine_outputs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/engine_outputs");
    assert!(
        program.is_file(),
        "expected {}: build it with `cargo build --workspace --examples`, or run `cargo xtask check --only train`",
        program.display()
    );
    program
}

/// The engine's outputs for `checkpoint` and `inputs`.
fn engine(
    checkpoint: &Checkpoint,
    edge_layout: EdgeLayout,
    inputs: BTreeMap<String, Tensor>,
) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let [weights, given, out] = ["weights", "inputs", "outputs"]
        .map(|name| folder.path().join(name).with_extension("safetensors"));
    fs::write(&weights, checkpoint.to_safetensors().unwrap()).unwrap();
    fs::write(&given, Checkpoint::from_tensors(inputs).to_safetensors().unwrap()).unwrap();
    let mut command = Command::new(engine_outputs());
    command.arg("--checkpoint").arg(&weights).args(["--image-size", &SIDE.to_string()]);
    command.args(["--edge-layout", &edge_layout.to_string()]);
    let status = command.arg("--inputs").arg(&given).arg("--out").arg(&out).status().unwrap();
    assert!(status.success(), "engine_outputs: {status}");
    Checkpoint::open(&out).unwrap()
}

fn compare(name: &str, edge_layout: EdgeLayout, checkpoint: &Checkpoint) {
    let architecture: Architecture = name.parse().unwrap();
    let coarse = SIDE / 4;
    let logits: Vec<f32> = (0..coarse * coarse).map(|i| (i as f32 * 0.37).sin() * 4.0).collect();
    let prompts: [Case<'_>; 3] = [
        (&[[40.0, 60.0]], &[1.0], false),
        (&[[20.0, 30.0], [90.0, 100.0]], &[2.0, 3.0], false),
        (&[[40.0, 60.0], [100.0, 20.0]], &[1.0, 0.0], true),
    ];
    let gray = frame();

    let mut inputs = BTreeMap::new();
    let mut give = |name: String, shape: &[usize], values: &[f32]| {
        inputs.insert(name, Tensor::new(shape.to_vec(), values.to_vec()).unwrap());
    };
    give("image".to_string(), &[SIDE, SIDE], &gray);
    for (i, (points, labels, masked)) in prompts.iter().enumerate() {
        give(format!("{i}.point_coords"), &[points.len(), 2], points.as_flattened());
        give(format!("{i}.point_labels"), &[labels.len()], labels);
        if *masked {
            give(format!("{i}.mask_input"), &[coarse, coarse], &logits);
        }
    }
    let engine = engine(checkpoint, edge_layout, inputs);
    let compared = |output: &str, found: &tch::Tensor| {
        let expected = engine.tensors().find(|(name, _)| *name == output).unwrap().1.data();
        assert_close(&format!("{name} {edge_layout} {output}"), &batch::host(found), expected);
    };

    let spec = Spec { architecture, edge_layout };
    let (params, fresh) = Params::from_checkpoint(checkpoint, spec, 0, Device::Cpu).unwrap();
    assert!(fresh.is_empty(), "{fresh:?}");
    let example =
        uniultra_dataset::Example { set: 0, stem: String::new(), image: gray, objects: Vec::new() };
    let images = batch::images(&[example], SIDE, Device::Cpu);
    let features = no_grad(|| image_encoder(&params, &images));
    compared("image_embed", &features.image_embed);
    compared("high_res_feats_0", &features.high_res_feats_0);
    compared("high_res_feats_1", &features.high_res_feats_1);
    let features = features.for_prompts(&tch::Tensor::zeros([1], (tch::Kind::Int64, Device::Cpu)));

    for (i, (points, labels, masked)) in prompts.into_iter().enumerate() {
        let batch_input = PromptBatch {
            coords: tch::Tensor::from_slice(points.as_flattened()).reshape([1, -1, 2]),
            labels: tch::Tensor::from_slice(labels).reshape([1, -1]),
            mask: masked.then(|| {
                tch::Tensor::from_slice(&logits).reshape([1, 1, coarse as i64, coarse as i64])
            }),
        };
        let found = no_grad(|| mask_decoder(&params, &features, &batch_input));
        compared(&format!("{i}.masks"), &found.masks);
        compared(&format!("{i}.iou_predictions"), &found.ious);
        compared(&format!("{i}.object_score_logits"), &found.object_score);
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
