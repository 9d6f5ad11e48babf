//! Weights stored as f16: half the file, the same network to within their rounding, f32 arithmetic.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::collections::BTreeMap;
use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::TractNetwork;
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{Manifest, WeightFormat};
use uniultra_tests::compare::relative;
use uniultra_tests::golden::hash_values;
use uniultra_tests::packs::{ScratchPack, random, sam2_tiny};

/// Largest difference of an output from that of the f32-stored pack, as a share of the tensor's
/// root mean square. Rounding to f16 changes a weight by up to 2^-11 of itself, and the changes of
/// many layers add up: 1.1e-2 at most when this was written.
const TOLERANCE: f32 = 3e-2;

/// Largest size of the file stored in f16, as a share of the one stored in f32: half, plus what is
/// not weights.
const MAX_SHARE: f64 = 0.55;

fn options(weights: WeightFormat, image_size: usize, simplify: bool) -> ExportOptions {
    ExportOptions { weights, image_size, simplify, ..ExportOptions::default() }
}

/// Every output on one image and one set of prompts.
fn run(network: &TractNetwork, side: usize) -> Vec<(&'static str, Vec<f32>)> {
    let image: Vec<f32> = hash_values(5, 1.0, side * side).iter().map(|v| v + 0.5).collect();
    let embedding = network.encode(&image).unwrap();
    let mut input = DecoderInput::default();
    for (point, label) in [([0.25, 0.25], 2.0), ([0.75, 0.8], 3.0), ([0.5, 0.5], 1.0)] {
        input.point_coords.push(point.map(|v: f32| v * side as f32));
        input.point_labels.push(label);
    }
    input.mask_input = Some(hash_values(6, 20.0, side * side / 16));
    let mut out = DecoderOutput::new(side / 4);
    network.decode(&embedding, &input, &mut out).unwrap();
    let [embed, high_0, high_1] = embedding.values().unwrap().map(<[f32]>::to_vec);
    vec![
        ("image_embed", embed),
        ("high_res_feats_0", high_0),
        ("high_res_feats_1", high_1),
        ("masks", out.logits),
        ("IoU", out.predicted_iou.to_vec()),
    ]
}

fn compare(what: &str, checkpoint: &Checkpoint, image_size: usize, simplify: bool) {
    let [single, half] = [WeightFormat::F32, WeightFormat::F16].map(|weights| {
        let pack = ScratchPack::export(checkpoint, &options(weights, image_size, simplify));
        assert_eq!(pack.pack.manifest.model.weights, weights);
        pack
    });
    let size = |pack: &ModelPack| (pack.image_encoder.len() + pack.mask_decoder.len()) as f64;
    let share = size(&half.pack) / size(&single.pack);
    assert!(share < MAX_SHARE, "{what}: {share}");
    let expected = run(&single.network(), image_size);
    for ((name, found), (_, expected)) in run(&half.network(), image_size).iter().zip(&expected) {
        let difference = relative(found, expected);
        println!("{what}: {name} {difference:.1e}");
        assert!(difference <= TOLERANCE, "{what}: {name} {difference}");
        assert!(difference > 0.0 || *name == "IoU", "{what}: {name}: the weights were rounded");
    }
}

#[test]
fn random_weights_agree_with_the_f32_stored_pack() {
    for simplify in [true, false] {
        let what = format!("mini, simplify={simplify}");
        compare(&what, &random("uniultra-mini", 6), 256, simplify);
    }
}

/// These have weights larger than the few megabytes that tract would fold by itself.
#[test]
fn real_weights_agree_with_the_f32_stored_pack() {
    let Some(checkpoint) = sam2_tiny() else { return };
    compare("SAM 2 tiny", &checkpoint, 512, true);
}

#[test]
fn the_same_export_gives_the_same_bytes_and_bits() {
    let options = options(WeightFormat::F16, 128, true);
    let [first, second] =
        [0, 1].map(|_| ScratchPack::export(&random("uniultra-mini", 5), &options));
    assert_eq!(first.pack.manifest, second.pack.manifest);
    assert_eq!(first.pack.image_encoder, second.pack.image_encoder);
    assert_eq!(first.pack.mask_decoder, second.pack.mask_decoder);
    let bits = |pack: &ScratchPack| -> Vec<Vec<u32>> {
        let outputs = run(&pack.network(), 128);
        outputs.iter().map(|(_, values)| values.iter().map(|v| v.to_bits()).collect()).collect()
    };
    assert_eq!(bits(&first), bits(&second));
}

#[test]
fn a_weight_beyond_f16_is_an_error_that_names_it() {
    let plain = random("uniultra-mini", 3);
    let mut tensors: BTreeMap<String, Tensor> =
        plain.tensors().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
    let name = "sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight";
    let mut values = tensors[name].data().to_vec();
    values[7] = -70_000.0;
    tensors.insert(name.to_string(), Tensor::new(vec![2048, 256], values).unwrap());
    let checkpoint = Checkpoint::from_tensors(tensors);
    let error = export(&checkpoint, &options(WeightFormat::F16, 64, true)).unwrap_err().to_string();
    for word in ["layers.0/mlp", "65504", "-70000"] {
        assert!(error.contains(word), "{word} in {error}");
    }
    export(&checkpoint, &options(WeightFormat::F32, 64, true)).unwrap();
}

#[test]
fn the_manifest_says_how_weights_are_stored() {
    let pack = export(&random("uniultra-mini", 3), &options(WeightFormat::F16, 64, true)).unwrap();
    let text = pack.manifest.to_toml().unwrap();
    let line = "weights = \"f16\"\n";
    assert_eq!(text.matches(line).count(), 1, "{text}");
    assert!(text.contains("precision = \"f32\"\n"));
    // Packs that were written before there was a choice.
    let older = Manifest::parse(&text.replace(line, "")).unwrap();
    assert_eq!(older.model.weights, WeightFormat::F32);
    let error = Manifest::parse(&text.replace(line, "weights = \"f8\"\n")).unwrap_err();
    assert!(error.to_string().contains("f8"), "{error}");

    // A manifest that says otherwise is refused by the engine, not believed.
    let mut pack = pack;
    pack.manifest.model.weights = WeightFormat::F32;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    pack.write(&path, false).unwrap();
    let error = TractNetwork::open(&path, &Default::default()).unwrap_err().to_string();
    assert!(error.contains("expected f32, found f16"), "{error}");
}
