//! Quantization of weights that were trained for 8 bits: the trained ranges are taken, the same
//! bytes come out every time, and what does not fit is named. Random weights, 128 px.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_engine::{EngineOptions, open_pack};
use uniultra_export::{ExportOptions, export};
use uniultra_manifest::Pack;
use uniultra_onnx::{decode, float_values};
use uniultra_quantize::{
    FloatReason, FrameSource, Frames, QuantizeConfig, Quantized, Request, Silent, SourcePack,
    quantize,
};
use uniultra_tests::packs::{ScratchPack, random};

/// Layers that these weights were trained in: two that read one tensor, one after a LayerNorm, one
/// of the decoder.
const TRAINED: [(&str, f32); 4] = [
    ("blocks.1/attn/qkv", 2.5),
    ("blocks.1/proj", 2.75),
    ("blocks.4/mlp/layers.0", 3.25),
    ("mask_decoder/iou_prediction_head/layers.0", 4.5),
];

fn checkpoint(ranges: &[(&str, f32)]) -> Checkpoint {
    let plain = random("uniultra-mini", 5);
    let mut tensors: BTreeMap<String, Tensor> =
        plain.tensors().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
    let mut put = |name: String, value: f32| {
        tensors.insert(name, Tensor::new(vec![1], vec![value]).unwrap());
    };
    for (layer, range) in ranges {
        put(format!("quantization.{layer}.input_range"), *range);
    }
    put("quantization.integer_attention".to_string(), 1.0);
    Checkpoint::from_tensors(tensors)
}

fn options() -> ExportOptions {
    ExportOptions { image_size: 128, ..ExportOptions::default() }
}

fn quantized(pack: &ScratchPack, config: &QuantizeConfig, seed: u64) -> Quantized {
    let source = SourcePack::open(&pack.folder(), config).unwrap();
    let calibration = Frames::find(&FrameSource::Phantoms { seed }, 1).unwrap();
    let request = Request {
        source: &source,
        config,
        calibration: &calibration,
        calibration_source: "phantoms",
        trial: None,
        sensitivity: false,
        max_dice_drop: None,
    };
    quantize(&request, &Silent).unwrap()
}

/// The scale that an encoder's tensor of this layer is rounded with.
fn scale(encoder: &[u8], layer: &str) -> f32 {
    let graph = decode(encoder).unwrap().graph.unwrap();
    let product = format!("{layer}/MatMulInteger");
    let product = graph.node.iter().find(|node| node.output[0] == product).unwrap();
    let rounding = graph.node.iter().find(|node| node.output[0] == product.input[0]).unwrap();
    let scale = graph.initializer.iter().find(|t| t.name == rounding.input[1]).unwrap();
    float_values(scale).unwrap()[0]
}

#[test]
fn trained_ranges_are_taken_whatever_the_calibration_saw() {
    let pack = ScratchPack::export(&checkpoint(&TRAINED), &options());
    let config = QuantizeConfig { images: 1, ..QuantizeConfig::default() };
    let [one, again, other] = [1, 1, 2].map(|seed| quantized(&pack, &config, seed));
    assert_eq!(one.pack.image_encoder, again.pack.image_encoder);
    assert_eq!(one.pack.manifest, again.pack.manifest);
    // Other frames: the files are the same, as no number is theirs.
    assert_eq!(one.pack.image_encoder, other.pack.image_encoder);
    assert_eq!(one.pack.mask_decoder, other.pack.mask_decoder);

    let encoder = &one.pack.image_encoder;
    assert_eq!(scale(encoder, "blocks.4/mlp/layers.0"), 3.25 / 127.0);
    // One tensor has one scale: the wider of its readers'.
    for layer in ["blocks.1/attn/qkv", "blocks.1/proj"] {
        assert_eq!(scale(encoder, layer), 2.75 / 127.0, "{layer}");
    }
    let section = one.pack.manifest.quantization.unwrap();
    assert_eq!(section.int8_layers, TRAINED.len());
    assert!(section.integer_attention && one.report.integer_attention);
    assert_eq!((one.report.equalized, one.report.trained_ranges), (0, TRAINED.len()));
    let untrained = |layer: &str| {
        one.report.float.iter().any(|(name, why)| name == layer && *why == FloatReason::Untrained)
    };
    assert!(untrained("blocks.0/attn/qkv") && !untrained("blocks.4/mlp/layers.0"));
    assert!(one.pack.manifest.qat.is_none());
}

#[test]
fn attention_is_as_trained_unless_the_caller_says_otherwise() {
    let pack = ScratchPack::export(&checkpoint(&TRAINED), &options());
    let config = |integer_attention| QuantizeConfig {
        images: 1,
        integer_attention,
        ..QuantizeConfig::default()
    };
    let embedding = |pack: &Pack| {
        let segmenter = open_pack(pack, &EngineOptions::default()).unwrap();
        let image: Vec<f32> = (0..128 * 128).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let embedding = uniultra_core::Network::encode(segmenter.network(), &image).unwrap();
        embedding.values().unwrap()[0].to_vec()
    };
    let [trained, float] = [None, Some(false)].map(|choice| {
        let Quantized { pack, .. } = quantized(&pack, &config(choice), 1);
        let text = pack.manifest.to_toml().unwrap();
        let pack =
            Pack::from_bytes(text.as_bytes(), pack.image_encoder, pack.mask_decoder).unwrap();
        (pack.manifest().quantization.clone().unwrap().integer_attention, embedding(&pack))
    });
    assert!(trained.0 && !float.0);
    assert_ne!(trained.1, float.1, "the runtime obeys the manifest");
}

#[test]
fn ranges_that_do_not_fit_are_refused_or_left_out() {
    let unknown = [TRAINED[0], ("blocks.77/attn/qkv", 1.0)];
    let pack = ScratchPack::export(&checkpoint(&unknown), &options());
    let config = QuantizeConfig::default();
    let problem = SourcePack::open(&pack.folder(), &config).unwrap_err().to_string();
    assert!(problem.contains("blocks.77/attn/qkv") && problem.contains("qat"), "{problem}");
    let negative = export(&checkpoint(&[("blocks.0/attn/qkv", -1.0)]), &options());
    assert!(negative.unwrap_err().to_string().contains("a positive number"));
    // Other layers than those that were trained.
    let literal = ExportOptions { simplify: false, ..options() };
    assert!(export(&checkpoint(&TRAINED), &literal).unwrap().manifest.qat.is_none());
}
