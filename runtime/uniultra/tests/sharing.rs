//! Several owners and threads share segmenters and frames.
#![cfg(feature = "embedded-model")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::thread;
use uniultra::{EncodedFrame, EngineOptions, Frame, PointLabel, Prompts, Segmenter, embedded_pack};

fn sample() -> Frame {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sample/frame.png");
    Frame::decode(&std::fs::read(path).unwrap()).unwrap()
}

fn click(x: f32) -> Prompts {
    Prompts::new().with_point(x, 279.0, PointLabel::Positive).unwrap()
}

fn bits(encoded: &EncodedFrame, x: f32) -> Vec<u32> {
    let prediction = encoded.predict(&click(x)).unwrap();
    prediction.logits().iter().map(|logit| logit.to_bits()).collect()
}

/// The facade adds nothing to the numbers of the engine beneath it.
#[test]
fn the_answer_is_the_engine_s() {
    let beneath =
        uniultra_engine::open_pack(&embedded_pack().unwrap(), &EngineOptions::new()).unwrap();
    let expected = beneath.encode(&sample()).unwrap().predict(&click(269.0)).unwrap();
    let expected: Vec<u32> = expected.logits().iter().map(|logit| logit.to_bits()).collect();
    let encoded = Segmenter::embedded().unwrap().encode(&sample()).unwrap();
    assert_eq!(bits(&encoded, 269.0), expected);
    // A copy of the frame answers the same after the segmenter is gone.
    let copy = encoded.clone();
    drop(encoded);
    assert_eq!(bits(&copy, 269.0), expected);
}

/// Threads that encode with clones, and threads that click on one frame, all at once.
#[test]
fn several_threads_share_a_model_and_a_frame() {
    let options = EngineOptions::new().with_threads(2);
    let segmenter = Segmenter::from_pack(&embedded_pack().unwrap(), &options).unwrap();
    let shown = segmenter.encode(&sample()).unwrap();
    let expected = [200.0, 269.0, 330.0].map(|x| (x, bits(&shown, x)));
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for (x, expected) in &expected {
            let shown = &shown;
            workers.push(scope.spawn(move || (0..3).all(|_| bits(shown, *x) == *expected)));
            let clone = segmenter.clone();
            let encode = move || bits(&clone.encode(&sample()).unwrap(), *x) == *expected;
            workers.push(scope.spawn(encode));
        }
        drop(segmenter);
        assert!(workers.into_iter().all(|worker| worker.join().unwrap()));
    });
    assert_eq!(bits(&shown, 269.0), expected[1].1);
}
