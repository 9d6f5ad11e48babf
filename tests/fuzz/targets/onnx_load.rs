//! A hostile ONNX file in a pack whose manifest is otherwise in order, hash included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use uniultra_engine::{EngineOptions, TractNetwork};
use uniultra_manifest::{
    Channels, EdgeLayout, MANIFEST_FILE, Manifest, Model, Network, Normalization, Pack, Precision,
    Preprocess, Provenance, SCHEMA_VERSION, Source, TensorSpec, Variant, WeightFormat,
    image_encoder_contract, mask_decoder_contract, sha256_hex,
};

/// The smallest that a manifest allows.
const IMAGE_SIZE: usize = 64;

const ENCODER_FILE: &str = "image_encoder.onnx";

// The engine turns its own assertions into errors; libFuzzer's panic hook would end the process
// before it can, so the hook goes. A panic that gets out still ends the run.
fuzz_target!(init: { let _ = std::panic::take_hook(); }, |bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let text = manifest(bytes).to_toml().expect("a valid manifest");
    for (name, content) in [(MANIFEST_FILE, text.as_bytes()), (ENCODER_FILE, bytes)] {
        std::fs::write(folder.path().join(name), content).expect("a scratch file");
    }
    let pack = Pack::open(folder.path()).expect("a valid manifest");
    // There is no decoder file, so even an accepted encoder ends in an error.
    assert!(TractNetwork::from_pack(&pack, &EngineOptions::default()).is_err());
});

fn manifest(encoder: &[u8]) -> Manifest {
    let text = || "fuzzing".to_string();
    Manifest {
        schema_version: SCHEMA_VERSION,
        model: Model {
            id: text(),
            version: text(),
            variant: Variant::Mini,
            ch_adapters: true,
            edge_layout: EdgeLayout::Spatial,
            image_size: IMAGE_SIZE,
            channels: Channels::Gray,
            precision: Precision::F32,
            // The wider of the two: f32 weights are accepted as well.
            weights: WeightFormat::F16,
            simplified: true,
            object_score: true,
        },
        quantization: None,
        qat: None,
        preprocess: Preprocess {
            normalization: Normalization::Graph,
            mean: [0.5; 3],
            std: [0.5; 3],
        },
        source: Source { checkpoint_sha256: sha256_hex(&[]), tool: text() },
        provenance: Provenance { training_data: text(), licence: text(), intended_use: text() },
        metrics: BTreeMap::new(),
        image_encoder: network(
            ENCODER_FILE,
            encoder,
            image_encoder_contract(IMAGE_SIZE, Channels::Gray),
        ),
        mask_decoder: network("mask_decoder.onnx", &[], mask_decoder_contract(IMAGE_SIZE)),
    }
}

fn network(
    file: &str,
    content: &[u8],
    (inputs, outputs): (Vec<TensorSpec>, Vec<TensorSpec>),
) -> Network {
    let (bytes, sha256) = (content.len() as u64, sha256_hex(content));
    Network { file: file.to_string(), bytes, sha256, inputs, outputs }
}
