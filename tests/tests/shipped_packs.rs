//! Every pack in `models/` is what its manifest says, runs, and comes with a model card.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use uniultra_engine::Segmenter;
use uniultra_manifest::Pack;
use uniultra_tests::cli::root;

/// What one pack may add to a checkout, all its files together.
const MAX_PACK_BYTES: u64 = 30_000_000;

/// What a folder holds, and nothing else.
const FILES: [&str; 8] = [
    "README.md",
    "TRAINING.md",
    "curves.svg",
    "failures.png",
    "image_encoder.onnx",
    "mask_decoder.onnx",
    "model.toml",
    "weights.safetensors",
];

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
        assert!(found.keys().eq(&FILES), "{name}: {found:?}");
        let bytes: u64 = found.values().sum();
        println!("{name}: {bytes} bytes");
        assert!(bytes < MAX_PACK_BYTES, "{name}: {bytes} bytes");
    }
}

/// A default that states nothing about itself would be no model to ship.
#[test]
fn the_default_model_says_where_it_comes_from() {
    let pack = Pack::open(&root().join("models/uniultra-mini")).unwrap();
    let provenance = &pack.manifest().provenance;
    for text in [&provenance.training_data, &provenance.licence, &provenance.intended_use] {
        assert!(!text.contains("not stated"), "{text}");
    }
    assert!(provenance.intended_use.contains("not a medical device"));
    assert!(!pack.manifest().metrics.is_empty(), "measured figures are recorded");
}
