//! Every pack in `models/` is what its manifest says, runs, and comes with a model card.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use uniultra_engine::Segmenter;
use uniultra_manifest::{Pack, Precision};
use uniultra_tests::cli::root;

/// Largest size of all files of a pack together.
const MAX_PACK_BYTES: u64 = 30_000_000;
/// The same for an int8 pack, which goes to devices.
const MAX_INT8_PACK_BYTES: u64 = 5_600_000;

/// The files of every pack.
const FILES: [&str; 4] = ["README.md", "image_encoder.onnx", "mask_decoder.onnx", "model.toml"];
/// Further files of a trained pack.
const TRAINED: [&str; 4] = ["TRAINING.md", "curves.svg", "failures.png", "weights.safetensors"];
/// Further files of an int8 pack.
const QUANTIZED: [&str; 1] = ["quantization.md"];

/// The folders in `models/`.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("models")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn shipped_packs_are_whole() {
    for folder in folders() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let pack = Pack::open(&folder).unwrap();
        assert_eq!(pack.manifest().model.id, name, "a folder is named after its model");
        pack.read_image_encoder().unwrap();
        pack.read_mask_decoder().unwrap();
        Segmenter::open(&folder).unwrap();

        let card = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(card.starts_with("# "), "{name}: README.md is the model card");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
        let mut found = BTreeMap::new();
        for file in files {
            let bytes = file.metadata().unwrap().len();
            found.insert(file.file_name().into_string().unwrap(), bytes);
        }
        let (own, most) = match pack.manifest().model.precision {
            Precision::Int8 => (&QUANTIZED[..], MAX_INT8_PACK_BYTES),
            _ => (&TRAINED[..], MAX_PACK_BYTES),
        };
        let expected: BTreeSet<&str> = FILES.iter().chain(own).copied().collect();
        assert!(found.keys().eq(&expected), "{name}: {found:?}");
        let bytes: u64 = found.values().sum();
        println!("{name}: {bytes} bytes");
        assert!(bytes <= most, "{name}: {bytes} bytes");
    }
}

/// A default model must state its data, licence and figures.
#[test]
fn the_models_say_where_they_come_from() {
    for id in ["uniultra-mini", "uniultra-mini-int8"] {
        let pack = Pack::open(&root().join("models").join(id)).unwrap();
        let provenance = &pack.manifest().provenance;
        for text in [&provenance.training_data, &provenance.licence, &provenance.intended_use] {
            assert!(!text.contains("not stated"), "{id}: {text}");
        }
        assert!(provenance.intended_use.contains("not a medical device"));
        assert!(!pack.manifest().metrics.is_empty(), "{id}: measured figures are recorded");
    }
}

/// The default model's loss by 8 bits, measured on every set and kind of prompt.
#[test]
fn the_int8_model_is_as_good_as_the_f32_model_it_was_made_of() {
    const MAX_DICE_DROP: f64 = 0.003;
    let open = |id: &str| Pack::open(&root().join("models").join(id)).unwrap();
    let (float, int8) = (open("uniultra-mini"), open("uniultra-mini-int8"));
    let section = int8.manifest().quantization.clone().unwrap();
    assert_eq!(section.source_image_encoder_sha256, float.manifest().image_encoder.sha256);
    assert_eq!(section.source_mask_decoder_sha256, float.manifest().mask_decoder.sha256);
    let metrics = &int8.manifest().metrics;
    assert!(metrics.len() >= 12 && metrics.keys().eq(float.manifest().metrics.keys()));
    for (name, dice) in metrics {
        let drop = float.manifest().metrics[name] - dice;
        assert!(drop <= MAX_DICE_DROP, "{name}: {drop}");
    }
}
