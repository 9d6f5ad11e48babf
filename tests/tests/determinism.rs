//! The same input gives the same bits: from run to run, and for any number of threads.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::error::Error;
use std::path::Path;
use uniultra_core::{Frame, MaskToken, PointLabel, Prediction, Prompts};
use uniultra_engine::{EngineOptions, Segmenter};
use uniultra_export::{ExportOptions, export};
use uniultra_tests::cli::{root, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

fn prediction(segmenter: &Segmenter, frame: &Frame) -> Prediction {
    let prompts = Prompts::new().with_point(100.0, 90.0, PointLabel::Positive).unwrap();
    let prompts = prompts.with_box(60.0, 50.0, 180.0, 170.0).unwrap();
    segmenter.encode(frame).unwrap().predict(&prompts).unwrap()
}

#[test]
fn bits_do_not_depend_on_threads_or_runs() {
    // Large enough that every kind of product is split among threads.
    let options = ExportOptions { image_size: 512, ..ExportOptions::default() };
    let pack = ScratchPack::export(&random("uniultra-mini", 5), &options);
    same_bits(&pack.folder());
}

#[test]
fn nor_do_those_of_the_int8_model() {
    same_bits(&root().join("models/uniultra-mini-int8"));
}

fn same_bits(folder: &Path) {
    let frame = Frame::decode(&std::fs::read(sample_frame()).unwrap()).unwrap();
    let open = |threads| {
        Segmenter::open_with(folder, &EngineOptions::new().with_threads(threads)).unwrap()
    };
    let one = open(1);
    let expected = prediction(&one, &frame);
    for threads in [1, 2, 3, 4] {
        let segmenter = open(threads);
        for run in 0..2 {
            let found = prediction(&segmenter, &frame);
            let same = found
                .logits()
                .iter()
                .zip(expected.logits())
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{threads} threads, run {run}");
            assert_eq!(found.predicted_iou(), expected.predicted_iou());
            let token = MaskToken::SINGLE;
            assert_eq!(found.mask(token).data(), expected.mask(token).data());
        }
    }
}

#[test]
fn threads_out_of_range_are_refused() {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    let pack = ScratchPack::export(&random("uniultra-mini", 5), &options);
    for threads in [0, 17, usize::MAX] {
        let error =
            Segmenter::open_with(&pack.folder(), &EngineOptions::new().with_threads(threads))
                .unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(reason.contains(&threads.to_string()), "{reason}");
    }
}

#[test]
fn exports_are_byte_identical() {
    let options = ExportOptions { image_size: 128, ..ExportOptions::default() };
    let [first, second] = [0, 1].map(|_| export(&random("uniultra-mini", 5), &options).unwrap());
    assert_eq!(first.manifest, second.manifest);
    assert_eq!(first.image_encoder, second.image_encoder);
    assert_eq!(first.mask_decoder, second.mask_decoder);
}
