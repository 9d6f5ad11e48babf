//! The plain reference against the golden set. Every parity test of this package depends on it.
#![allow(clippy::print_stderr, reason = "measured differences, shown with --nocapture")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use uniultra_tests::golden::{Golden, GoldenPrompt, HashFeatures, IMAGE_SIZE, read_safetensors};
use uniultra_tests::reference::{
    Decoded, EncoderConfig, Features, Tensors, Weights, image_encoder, mask_decoder, normalise,
};

/// Limits the golden README suggests for half-precision weights (it saw 0.14 and 3e-3).
const LOGIT_LIMIT: f32 = 0.3;
const IOU_LIMIT: f32 = 1e-2;
const DICE_LIMIT: f64 = 0.99;
/// The largest difference of a sampled feature that README saw with half-precision weights is 4e-3.
const FEATURE_LIMIT: f32 = 5e-3;
/// Input samples come from a single-precision resize.
const INPUT_LIMIT: f32 = 1e-5;

fn assert_agrees(what: &str, prompt: &GoldenPrompt, decoded: &Decoded) {
    let area = decoded.masks.len() / 4;
    let agreement = prompt.compare(&decoded.masks[area..], &decoded.iou[1..]);
    eprintln!("{what} {}: {agreement:?}", prompt.name);
    assert!(agreement.logit_max_abs <= LOGIT_LIMIT, "{what} {}: {agreement:?}", prompt.name);
    assert!(agreement.iou_max_abs <= IOU_LIMIT, "{what} {}: {agreement:?}", prompt.name);
    assert!(agreement.best_dice >= DICE_LIMIT, "{what} {}: {agreement:?}", prompt.name);
}

#[test]
fn hash_features_start_as_published() {
    let Some(golden) = Golden::open() else { return };
    let HashFeatures { features, .. } = HashFeatures::new();
    for (tensor, values) in [
        ("image_embed", &features.image_embed),
        ("high_res_feats_0", &features.high_res_feats_0),
        ("high_res_feats_1", &features.high_res_feats_1),
    ] {
        let first: Vec<f64> = values[..4].iter().copied().map(f64::from).collect();
        assert_eq!(first, golden.first_hash_values(tensor), "{tensor}");
    }
}

#[test]
fn mask_decoder_agrees_on_hash_features() {
    let Some(golden) = Golden::open() else { return };
    let weights = read_safetensors(&golden.tiny_checkpoint());
    let hash = HashFeatures::new();
    let prompts = golden.decoder_only();
    assert_eq!(prompts.len(), 3);
    for prompt in &prompts {
        let mask = prompt.with_mask_input.then_some(hash.mask_input.as_slice());
        let decoded = mask_decoder(
            &weights,
            &hash.features,
            IMAGE_SIZE,
            &prompt.points,
            &prompt.labels,
            mask,
        );
        assert_agrees("hash features", prompt, &decoded);
        assert_eq!(decoded.object_score_logit, 10.0, "this checkpoint has no score head");
    }
}

#[test]
#[ignore = "slow: Hiera-Tiny at 1024 in plain double-precision loops"]
fn image_encoder_and_masks_agree_on_a_fetal_head() {
    let Some(golden) = Golden::open() else { return };
    let weights = read_safetensors(&golden.tiny_checkpoint());
    let image = golden.image("003");
    let (gray, h, w) = image.gray();
    let input = normalise([&gray, &gray, &gray], h, w, IMAGE_SIZE);
    let features = image_encoder(&weights, &EncoderConfig::tiny(), &input, IMAGE_SIZE);

    let difference = |name: &str, values: &[f32]| image.sample(name).max_abs_difference(values);
    for (name, values, limit) in [
        ("input", &input, INPUT_LIMIT),
        ("high_res_feats_0", &features.high_res_feats_0, FEATURE_LIMIT),
        ("high_res_feats_1", &features.high_res_feats_1, FEATURE_LIMIT),
        ("image_embed", &features.image_embed, FEATURE_LIMIT),
    ] {
        let worst = difference(name, values);
        eprintln!("{name}: max abs {worst:e}");
        assert!(worst <= limit, "{name}: {worst:e}");
    }
    for prompt in &image.prompts {
        let (points, labels) = (&prompt.points, &prompt.labels);
        let decoded = mask_decoder(&weights, &features, IMAGE_SIZE, points, labels, None);
        assert_agrees("003", prompt, &decoded);
    }
}

/// Notes which tensors are asked for.
struct Recording<'a> {
    tensors: &'a Tensors,
    read: RefCell<BTreeSet<String>>,
}

impl Weights for Recording<'_> {
    fn find(&self, name: &str) -> Option<(&[usize], &[f32])> {
        let found = self.tensors.find(name)?;
        self.read.borrow_mut().insert(name.to_owned());
        Some(found)
    }
}

#[test]
fn every_tensor_of_the_checkpoint_is_read() {
    let Some(golden) = Golden::open() else { return };
    let tensors = read_safetensors(&golden.tiny_checkpoint());
    let weights = Recording { tensors: &tensors, read: RefCell::default() };
    let s = 64;
    let image: Vec<f32> = (0..3 * s * s).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let features: Features = image_encoder(&weights, &EncoderConfig::tiny(), &image, s);
    let points = [[3.0, 4.0], [40.0, 50.0], [20.0, 20.0], [60.0, 1.0]];
    let mask = vec![0.5; (s / 4) * (s / 4)];
    let decoded = mask_decoder(&weights, &features, s, &points, &[2.0, 3.0, 1.0, 0.0], Some(&mask));
    assert_eq!(decoded.masks.len(), 4 * mask.len());
    let _ = mask_decoder(&weights, &features, s, &points[2..3], &[1.0], None);
    let unread: Vec<_> =
        tensors.keys().filter(|name| !weights.read.borrow().contains(*name)).collect();
    assert!(unread.is_empty(), "{unread:?}");
}
