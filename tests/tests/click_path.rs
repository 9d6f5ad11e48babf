//! The decoder's work once a frame and once a click, together and separately.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use uniultra_core::{
    DecoderInput, DecoderOutput, Frame, MAX_OBJECTS, Network, PointLabel, Prompts,
};
use uniultra_engine::{Embedding, EngineOptions, Segmenter, TractNetwork};
use uniultra_manifest::Pack;
use uniultra_tests::cli::{root, sample_frame};

const SIDE: usize = 512;

fn open(id: &str) -> TractNetwork {
    let pack = Pack::open(&root().join("models").join(id)).unwrap();
    TractNetwork::from_pack(&pack, &EngineOptions::default()).unwrap()
}

fn image() -> Vec<f32> {
    let pixel = |i: usize| ((i % SIDE) as f32 * 0.03).sin() - ((i / SIDE) as f32 * 0.02).cos();
    (0..SIDE * SIDE).map(pixel).collect()
}

fn click(x: f32, mask: Option<f32>) -> DecoderInput {
    DecoderInput {
        point_coords: [[x, 200.0]].into(),
        point_labels: [1.0].into(),
        mask_input: mask.map(|logit| vec![logit; (SIDE / 4) * (SIDE / 4)]),
    }
}

fn decode(network: &TractNetwork, embedding: &Embedding, input: &DecoderInput) -> DecoderOutput {
    let mut output = DecoderOutput::new(SIDE / 4);
    network.decode(embedding, input, &mut output).unwrap();
    output
}

/// An embedding that another network made gives the same bits: the decoder computes the frame's
/// part again.
#[test]
fn a_kept_frame_answers_as_a_new_one() {
    for id in ["uniultra-mini", "uniultra-mini-int8"] {
        let network = open(id);
        let kept = network.encode(&image()).unwrap();
        let new = Embedding::from_values(SIDE, kept.values().unwrap()).unwrap();
        for input in [click(100.0, None), click(100.0, Some(2.0)), click(300.0, None)] {
            assert_eq!(decode(&network, &kept, &input), decode(&network, &new, &input), "{id}");
        }
    }
}

/// Neither clicks nor mask prompts leave anything behind.
#[test]
fn clicks_do_not_disturb_each_other() {
    let network = open("uniultra-mini-int8");
    let kept = network.encode(&image()).unwrap();
    let first = decode(&network, &kept, &click(100.0, None));
    let masked = decode(&network, &kept, &click(100.0, Some(5.0)));
    assert_ne!(first.logits, masked.logits, "the mask prompt must count");
    assert_ne!(first.logits, decode(&network, &kept, &click(400.0, None)).logits);
    assert_eq!(first, decode(&network, &kept, &click(100.0, None)));
}

/// Several objects at once are the same as one after the other, on any number of threads.
#[test]
fn objects_together_answer_as_apart() {
    let frame = Frame::decode(&std::fs::read(sample_frame()).unwrap()).unwrap();
    let objects: Vec<Prompts> = (0..5)
        .map(|i| {
            let x = 60.0 * i as f32 + 100.0;
            Prompts::new().with_point(x, 279.0, PointLabel::Positive).unwrap()
        })
        .collect();
    let folder = root().join("models/uniultra-mini-int8");
    let one = Segmenter::open(&folder).unwrap();
    let encoded = one.encode(&frame).unwrap();
    let apart: Vec<_> = objects.iter().map(|object| encoded.predict(object).unwrap()).collect();
    for threads in [1, 3] {
        let options = EngineOptions::new().with_threads(threads);
        let segmenter = Segmenter::open_with(&folder, &options).unwrap();
        let together = segmenter.encode(&frame).unwrap().predict_all(&objects).unwrap();
        assert_eq!(together.len(), objects.len());
        for (together, apart) in together.iter().zip(&apart) {
            assert_eq!(together.logits(), apart.logits());
            assert_eq!(together.predicted_iou(), apart.predicted_iou());
        }
    }
    assert_eq!(encoded.predict_all(&[]).unwrap().len(), 0);
    let many = vec![objects[0].clone(); MAX_OBJECTS + 1];
    let error = encoded.predict_all(&many).unwrap_err().to_string();
    assert!(error.contains("at most 16") && error.contains("found 17"), "{error}");
}

/// A frame that another network encoded is not mixed up with this one's.
#[test]
fn networks_do_not_share_what_they_keep() {
    let [real, integer] = ["uniultra-mini", "uniultra-mini-int8"].map(open);
    let frame = real.encode(&image()).unwrap();
    let plain = Embedding::from_values(SIDE, frame.values().unwrap()).unwrap();
    let input = click(100.0, None);
    let expected = decode(&integer, &plain, &input);
    assert_eq!(decode(&integer, &frame, &input), expected);
    assert_ne!(decode(&real, &frame, &input).logits, expected.logits);
}
