//! A pack from bytes is the pack from a folder: the same answers, the same refusals.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::borrow::Cow;
use std::error::Error;
use uniultra_core::{Frame, PointLabel, Prompts};
use uniultra_engine::{EngineOptions, Segmenter, open_pack};
use uniultra_export::{ExportOptions, ModelPack};
use uniultra_manifest::{ManifestError, Pack};
use uniultra_tests::cli::sample_frame;
use uniultra_tests::packs::{ScratchPack, random};

fn scratch() -> ScratchPack {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", 4), &options)
}

/// The pack's files as they would be written.
fn in_memory(pack: &ModelPack) -> Result<Pack, ManifestError> {
    let manifest = pack.manifest.to_toml()?;
    Pack::from_bytes(manifest.as_bytes(), pack.image_encoder.clone(), pack.mask_decoder.clone())
}

fn logits(segmenter: &Segmenter) -> Vec<u32> {
    let frame = Frame::decode(&std::fs::read(sample_frame()).unwrap()).unwrap();
    let prompts = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive).unwrap();
    let prediction = segmenter.encode(&frame).unwrap().predict(&prompts).unwrap();
    prediction.logits().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn answers_are_those_of_the_folder() {
    let scratch = scratch();
    let pack = in_memory(&scratch.pack).unwrap();
    let memory = open_pack(&pack, &EngineOptions::default()).unwrap();
    let folder = Segmenter::open(&scratch.folder()).unwrap();
    assert_eq!(memory.manifest(), folder.manifest());
    assert_eq!(logits(&memory), logits(&folder));
    assert_eq!(pack.folder(), None);
    assert_eq!(Pack::open(&scratch.folder()).unwrap().folder(), Some(&*scratch.folder()));
}

#[test]
fn changed_bytes_are_refused_as_files_are() {
    let good = scratch().pack;
    let refused = |change: &dyn Fn(&mut ModelPack), words: &[&str]| {
        let mut pack = good.clone();
        change(&mut pack);
        let pack = in_memory(&pack).unwrap();
        let error = open_pack(&pack, &EngineOptions::default()).unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    };
    refused(&|p| p.image_encoder.truncate(5000), &["image_encoder.onnx", "bytes", "found 5000"]);
    refused(&|p| p.mask_decoder.clear(), &["mask_decoder.onnx", "bytes", "found 0"]);
    refused(&|p| p.mask_decoder.push(0), &["mask_decoder.onnx", "bytes"]);
    refused(&|p| p.image_encoder[1000] ^= 1, &["image_encoder.onnx", "SHA-256"]);
    let swap = |p: &mut ModelPack| std::mem::swap(&mut p.image_encoder, &mut p.mask_decoder);
    refused(&swap, &["image_encoder.onnx", "bytes"]);

    let text = good.manifest.to_toml().unwrap();
    for (manifest, word) in [
        (text.as_bytes()[..text.len() / 2].to_vec(), "model.toml"),
        (vec![b'#'; 300_000], "262144 bytes"),
        (vec![0xff; 10], "UTF-8"),
    ] {
        let error = Pack::from_bytes(&manifest, Vec::new(), Vec::new()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn bytes_of_the_program_are_not_copied() {
    let scratch = scratch();
    // The type that `include_bytes!` returns.
    let encoder: &'static [u8] = scratch.pack.image_encoder.clone().leak();
    let manifest = scratch.pack.manifest.to_toml().unwrap();
    let pack =
        Pack::from_bytes(manifest.as_bytes(), encoder, scratch.pack.mask_decoder.clone()).unwrap();
    let read = pack.read_image_encoder().unwrap();
    assert!(matches!(read, Cow::Borrowed(bytes) if std::ptr::eq(bytes, encoder)));
    assert!(format!("{pack:?}").len() < 20_000, "weights are not printed");
}
