//! Readers of ONNX files.

use std::collections::BTreeMap;
use uniultra_engine::{EngineOptions, TractNetwork};
use uniultra_manifest::{
    Channels, EdgeLayout, MANIFEST_FILE, Manifest, Model, Network, Normalization, Pack, Precision,
    Preprocess, Provenance, SCHEMA_VERSION, Source, TensorSpec, Variant, WeightFormat,
    image_encoder_contract, mask_decoder_contract, sha256_hex,
};
use uniultra_quantize::rewrite_uncalibrated;

/// The smallest that a manifest allows.
const IMAGE_SIZE: usize = 64;

const ENCODER_FILE: &str = "image_encoder.onnx";

/// An ONNX file in a pack whose manifest is otherwise in order, hash included.
pub fn onnx_load(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let text = manifest(bytes).to_toml().expect("a valid manifest");
    for (name, content) in [(MANIFEST_FILE, text.as_bytes()), (ENCODER_FILE, bytes)] {
        std::fs::write(folder.path().join(name), content).expect("a scratch file");
    }
    let pack = Pack::open(folder.path()).expect("a valid manifest");
    // There is no decoder file, so even an accepted encoder ends in an error.
    assert!(TractNetwork::from_pack(&pack, &EngineOptions::default()).is_err());
}

/// An ONNX file to be quantized: an error, or a file that can be read again.
pub fn quantize_graph(bytes: &[u8]) {
    if let Ok(rewritten) = rewrite_uncalibrated(bytes) {
        // All layers that can be 8-bit are 8-bit now: a second pass changes nothing, and must not fail.
        assert!(rewrite_uncalibrated(&rewritten).is_ok());
    }
}

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
