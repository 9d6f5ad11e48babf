//! Masks, logits and packs are the same bytes as when they were recorded: no change of code alters a result
//! unnoticed.
//!
//! Exported files are the same on every machine. What is computed in float differs in the last bits between sets
//! of instructions, so logits, masks and ranges of quantization are recorded for each. After a change that
//! should alter them, record anew and say why in the commit:
//!
//! ```text
//! UNIULTRA_RECORD=1 cargo test --workspace --test recorded_bytes
//! ```
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and what it skips goes to its output"
)]

use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, MaskToken, PointLabel, Prompts};
use uniultra_engine::{Segmenter, cpu_features};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{Pack, WeightFormat, sha256_hex};
use uniultra_quantize::{
    FrameSource, Frames, QuantizeConfig, Request, Silent, SourcePack, SplitPart, quantize,
};
use uniultra_tests::cli::{root, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

/// What was recorded, by the name of a test.
fn file(name: &str) -> PathBuf {
    root().join("tests/fixtures/recorded").join(format!("{name}.json"))
}

/// The instructions that decide the order of float operations: the width of vectors, and the units for bytes.
fn instructions() -> String {
    const DECISIVE: [&str; 8] =
        ["avx2", "avx512f", "avx512vnni", "avx512bf16", "neon", "fp16", "dotprod", "i8mm"];
    let found = cpu_features();
    let decisive: Vec<_> = DECISIVE.into_iter().filter(|name| found.contains(name)).collect();
    format!("{}: {}", std::env::consts::ARCH, decisive.join(" "))
}

/// Compares with what the file has under `key`, or writes it there if `UNIULTRA_RECORD` asks for that.
fn compare(name: &str, key: &str, found: &Value) {
    let path = file(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_string());
    let mut recorded: Map<String, Value> = serde_json::from_str(&text).unwrap();
    if std::env::var_os("UNIULTRA_RECORD").is_some() {
        recorded.insert(key.to_string(), found.clone());
        let mut text = serde_json::to_string_pretty(&recorded).unwrap();
        text.push('\n');
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return;
    }
    match recorded.get(key) {
        Some(expected) => assert_eq!(found, expected, "{}, {key}", path.display()),
        None => {
            eprintln!("SKIPPED: {name} has no bytes of `{key}`; UNIULTRA_RECORD=1 records them")
        }
    }
}

fn hash_floats(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    sha256_hex(&bytes).to_string()
}

fn hashes(pack: &ModelPack) -> Value {
    json!({
        "image_encoder": sha256_hex(&pack.image_encoder).as_str(),
        "mask_decoder": sha256_hex(&pack.mask_decoder).as_str(),
    })
}

#[test]
fn exported_packs() {
    let small = ExportOptions { image_size: 128, ..ExportOptions::default() };
    let forms = [
        ("uniultra-mini", "simplified", small.clone()),
        ("uniultra-mini", "literal", ExportOptions { simplify: false, ..small.clone() }),
        ("uniultra-mini", "f16", ExportOptions { weights: WeightFormat::F16, ..small.clone() }),
        ("sam2-tiny", "simplified", small.clone()),
        ("uniultra-tiny", "simplified", small),
    ];
    for (architecture, form, options) in forms {
        let pack = export(&random(architecture, 5), &options).unwrap();
        compare("exported_packs", &format!("{architecture}, {form}"), &hashes(&pack));
    }
}

/// What the shipped weights, rounded to f16 when they were stored, export to.
#[test]
fn the_shipped_weights_exported_again() {
    let weights = root().join("models/uniultra-mini/weights.safetensors");
    let checkpoint = uniultra_checkpoint::Checkpoint::open(&weights).unwrap();
    let options =
        ExportOptions { image_size: 512, weights: WeightFormat::F16, ..ExportOptions::default() };
    let pack = export(&checkpoint, &options).unwrap();
    let mut found = hashes(&pack);
    found["weights"] = sha256_hex(&fs::read(weights).unwrap()).as_str().into();
    compare("shipped_weights", "uniultra-mini", &found);
}

#[test]
fn quantized_packs() {
    let options = ExportOptions { image_size: 128, ..ExportOptions::default() };
    let pack = ScratchPack::export(&random("uniultra-mini", 5), &options);
    let config = QuantizeConfig { images: 1, ..QuantizeConfig::default() };
    let source = SourcePack::open(&pack.folder(), &config).unwrap();
    // A file, not phantoms: their last bits depend on the machine's math library.
    let data = tempfile::tempdir().unwrap();
    for (folder, file) in [("image", "frame.png"), ("mask", "mask.png")] {
        let folder = data.path().join("sample").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(root().join("tests/fixtures/sample").join(file), folder.join("0.png")).unwrap();
    }
    let source_of_frames =
        FrameSource::Data { folder: data.path(), sets: &[], split: SplitPart::All };
    let calibration = Frames::find(&source_of_frames, config.images).unwrap();
    let request = Request {
        source: &source,
        config: &config,
        calibration: &calibration,
        calibration_source: "the sample",
        trial: None,
        sensitivity: false,
        max_dice_drop: None,
    };
    let int8 = quantize(&request, &Silent).unwrap().pack;
    compare("quantized_packs", &instructions(), &hashes(&int8));
}

#[test]
fn logits_and_masks_of_the_shipped_models() {
    let models = ["uniultra-mini", "uniultra-mini-int8"];
    let found: Map<String, Value> = models
        .into_iter()
        .map(|id| (id.to_string(), answers(&root().join("models").join(id))))
        .collect();
    compare("answers", &instructions(), &Value::Object(found));
}

/// Answers to a click, to a box, and to a box with clicks on the sample frame, and the pack that gave them.
fn answers(folder: &Path) -> Value {
    let pack = Pack::open(folder).unwrap();
    let segmenter = Segmenter::open(folder).unwrap();
    let frame = Frame::decode(&fs::read(sample_frame()).unwrap()).unwrap();
    let encoded = segmenter.encode(&frame).unwrap();
    let click = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive).unwrap();
    let corners = Prompts::new().with_box(190.0, 208.0, 342.0, 347.0).unwrap();
    let both = corners.clone().with_point(269.0, 279.0, PointLabel::Positive).unwrap();
    let both = both.with_point(30.0, 20.0, PointLabel::Negative).unwrap();
    let mut found = Map::new();
    found.insert("image_encoder".to_string(), pack.manifest().image_encoder.sha256.as_str().into());
    found.insert("mask_decoder".to_string(), pack.manifest().mask_decoder.sha256.as_str().into());
    for (name, prompts) in [("click", click), ("box", corners), ("box and clicks", both)] {
        let prediction = encoded.predict(&prompts).unwrap();
        let mask = prediction.mask(MaskToken::SINGLE);
        let answer = json!({
            "logits": hash_floats(prediction.logits()),
            "predicted_iou": hash_floats(&prediction.predicted_iou()),
            "mask": sha256_hex(mask.data()).as_str(),
        });
        found.insert(name.to_string(), answer);
    }
    Value::Object(found)
}
