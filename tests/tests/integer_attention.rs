//! The int8 model's attention in 8-bit integers against the same in float.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use uniultra_core::{Frame, Mask, MaskToken, PointLabel, Prompts, dice};
use uniultra_engine::{EngineOptions, Segmenter};
use uniultra_tests::cli::{root, sample_frame};

/// Largest root mean square difference of the embeddings, relative to their root mean square: three
/// times what any change of the rounding does to them (a frame brighter by 1e-6 moves them by 1.2 %).
const EMBEDDING_LIMIT: f64 = 0.036;
/// Smallest Dice of the two masks; the test prints what it sees.
const DICE_LIMIT: f32 = 0.99;

fn segment(folder: &str, integer_attention: bool, threads: usize) -> (Vec<f32>, Mask) {
    let options =
        EngineOptions::new().with_threads(threads).with_integer_attention(integer_attention);
    let segmenter = Segmenter::open_with(&root().join(folder), &options).unwrap();
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
    let (integer, integer_mask) = segment("models/uniultra-mini-int8", true, 1);
    let (float, float_mask) = segment("models/uniultra-mini-int8", false, 1);
    let error = relative_rms(&integer, &float);
    let dice = dice(&integer_mask, &float_mask).unwrap();
    println!("embedding {error:.4}, Dice {dice:.4}");
    assert!(error > 0.0, "the choice must count");
    assert!(error < EMBEDDING_LIMIT, "{error}");
    assert!(dice > DICE_LIMIT, "{dice}");
}

#[test]
fn threads_do_not_show() {
    let [one, three] = [1, 3].map(|n| segment("models/uniultra-mini-int8", true, n).0);
    assert!(one.iter().zip(&three).all(|(a, b)| a.to_bits() == b.to_bits()));
}

/// A float model is float throughout, whatever is asked for.
#[test]
fn float_models_stay_float() {
    let [asked, not] = [true, false].map(|on| segment("models/uniultra-mini", on, 1).0);
    assert_eq!(asked, not);
}
