//! The int8 model's attention in 8-bit integers, as its manifest may ask for, against the same in
//! float.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use uniultra_core::{Frame, Mask, MaskToken, PointLabel, Prompts, dice};
use uniultra_engine::{EngineOptions, open_pack};
use uniultra_manifest::Pack;
use uniultra_tests::cli::{root, sample_frame};

/// Largest root mean square difference of the embeddings, relative to their root mean square: three
/// times what any change of the rounding does to them (a frame brighter by 1e-6 moves them by 1.2
/// %).
const EMBEDDING_LIMIT: f64 = 0.036;
/// Smallest Dice between the two masks; the test prints the Dice that it finds.
const DICE_LIMIT: f32 = 0.99;

/// The shipped int8 pack with its attention in integers, or in float.
fn pack(integer_attention: bool) -> Pack {
    let pack = Pack::open(&root().join("models/uniultra-mini-int8")).unwrap();
    let mut manifest = pack.manifest().clone();
    manifest.quantization.as_mut().unwrap().integer_attention = integer_attention;
    let text = manifest.to_toml().unwrap();
    let files = [pack.read_image_encoder(), pack.read_mask_decoder()];
    let [encoder, decoder] = files.map(|file| file.unwrap().into_owned());
    Pack::from_bytes(text.as_bytes(), encoder, decoder).unwrap()
}

fn segment(integer_attention: bool, threads: usize) -> (Vec<f32>, Mask) {
    let options = EngineOptions::new().with_threads(threads);
    let segmenter = open_pack(&pack(integer_attention), &options).unwrap();
    let frame = Frame::decode(&std::fs::read(sample_frame()).unwrap()).unwrap();
    let encoded = segmenter.encode(&frame).unwrap();
    let prompts = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive).unwrap();
    let mask = encoded.predict(&prompts).unwrap().mask(MaskToken::new(0).unwrap());
    (encoded.embedding().values().unwrap()[0].to_vec(), mask)
}

fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v).powi(2);
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    (difference / expected.iter().map(|&v| square(v)).sum::<f64>()).sqrt()
}

#[test]
fn integers_see_what_float_sees() {
    let (integer, integer_mask) = segment(true, 1);
    let (float, float_mask) = segment(false, 1);
    let error = relative_rms(&integer, &float);
    let dice = dice(&integer_mask, &float_mask).unwrap();
    println!("embedding {error:.4}, Dice {dice:.4}");
    assert!(error > 0.0, "the choice must count");
    assert!(error < EMBEDDING_LIMIT, "{error}");
    assert!(dice > DICE_LIMIT, "{dice}");
}

#[test]
fn threads_do_not_show() {
    let [one, three] = [1, 3].map(|n| segment(true, n).0);
    assert!(one.iter().zip(&three).all(|(a, b)| a.to_bits() == b.to_bits()));
}
