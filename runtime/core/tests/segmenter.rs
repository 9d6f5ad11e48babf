//! The data flow from frame to masks, with a network whose answers are known.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use std::cell::RefCell;
use uniultra_core::{
    DecoderInput, DecoderOutput, Frame, MAX_OBJECTS, MaskChoice, MaskPrompt, MaskToken, Network,
    Pixels, PointLabel, Prediction, PromptError, Prompts, SegmentError, Segmenter, Stage,
};
use uniultra_manifest::{
    Channels, EdgeLayout, Manifest, Model, Normalization, Precision, Preprocess, Provenance,
    SCHEMA_VERSION, Source, Variant, WeightFormat, image_encoder_contract, mask_decoder_contract,
    sha256_hex,
};

const IMAGE_SIZE: usize = 64;
const SIDE: usize = 16;
const PLANE: usize = SIDE * SIDE;

fn manifest(object_score: bool) -> Manifest {
    let file = |name: &str, (inputs, outputs)| uniultra_manifest::Network {
        file: name.to_string(),
        bytes: 1,
        sha256: sha256_hex(b"x"),
        inputs,
        outputs,
    };
    Manifest {
        schema_version: SCHEMA_VERSION,
        model: Model {
            id: "fake".to_string(),
            version: "1".to_string(),
            variant: Variant::Mini,
            ch_adapters: true,
            edge_layout: EdgeLayout::Spatial,
            image_size: IMAGE_SIZE,
            channels: Channels::Gray,
            precision: Precision::F32,
            weights: WeightFormat::F32,
            simplified: true,
            object_score,
        },
        quantization: None,
        qat: None,
        preprocess: Preprocess {
            normalization: Normalization::Graph,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        },
        source: Source { checkpoint_sha256: sha256_hex(b"y"), tool: "test".to_string() },
        provenance: Provenance {
            training_data: "none".to_string(),
            licence: "none".to_string(),
            intended_use: "tests".to_string(),
        },
        metrics: Default::default(),
        image_encoder: file(
            "image_encoder.onnx",
            image_encoder_contract(IMAGE_SIZE, Channels::Gray),
        ),
        mask_decoder: file("mask_decoder.onnx", mask_decoder_contract(IMAGE_SIZE)),
    }
}

/// What the fake answers, and what it was asked.
#[derive(Clone)]
struct Script {
    output: DecoderOutput,
    object_score: bool,
    fail: Option<Stage>,
}

impl Default for Script {
    fn default() -> Self {
        let output = DecoderOutput {
            logits: [-1.0, -2.0, -3.0, -4.0].iter().flat_map(|v| vec![*v; PLANE]).collect(),
            predicted_iou: [0.1, 0.2, 0.3, 0.25],
            object_score_logit: 0.0,
        };
        Self { output, object_score: true, fail: None }
    }
}

struct Fake {
    script: Script,
    asked: RefCell<Vec<DecoderInput>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the fake was told to fail")]
struct FakeError;

impl Network for Fake {
    type Source = Script;
    type Options = ();
    /// Mean of the image.
    type Embedding = f32;
    type Error = FakeError;

    fn open(script: &Script, _: &()) -> Result<(Self, Manifest), FakeError> {
        let fake = Self { script: script.clone(), asked: RefCell::default() };
        Ok((fake, manifest(script.object_score)))
    }

    fn encode(&self, image: &[f32]) -> Result<f32, FakeError> {
        assert_eq!(image.len(), IMAGE_SIZE * IMAGE_SIZE);
        match self.script.fail {
            Some(Stage::Encode) => Err(FakeError),
            _ => Ok(image.iter().sum::<f32>() / image.len() as f32),
        }
    }

    fn decode(
        &self,
        embedding: &f32,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), FakeError> {
        assert_eq!((out.logits.len(), out.logits[0]), (4 * PLANE, 0.0));
        self.asked.borrow_mut().push(input.clone());
        out.clone_from(&self.script.output);
        // Lets a test see which frame a prediction came from.
        out.predicted_iou[0] = *embedding;
        match self.script.fail {
            Some(Stage::Decode) => Err(FakeError),
            _ => Ok(()),
        }
    }
}

fn frame(value: u8) -> Frame {
    Frame::new(40, 30, Pixels::Gray8(vec![value; 1200])).unwrap()
}

fn click() -> Prompts {
    Prompts::new().with_point(10.0, 15.0, PointLabel::Positive).unwrap()
}

fn predict(script: &Script) -> Result<Prediction, SegmentError<FakeError>> {
    Segmenter::<Fake>::open(script)?.encode(&frame(51))?.predict(&click())
}

/// Logits of one token: `positive` values of 1, `uncertain` of 0, the rest -1.
fn set_plane(script: &mut Script, token: usize, positive: usize, uncertain: usize) {
    let plane = &mut script.output.logits[token * PLANE..(token + 1) * PLANE];
    plane.fill(-1.0);
    plane[..positive].fill(1.0);
    plane[positive..positive + uncertain].fill(0.0);
}

#[test]
fn prompts_reach_the_decoder_in_its_own_coordinates() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let encoded = segmenter.encode(&frame(51)).unwrap();
    let prediction = encoded.predict(&click()).unwrap();
    let asked = segmenter.network().asked.borrow();
    assert_eq!(asked[0].point_coords.as_slice(), [[16.0, 32.0]]);
    assert_eq!(asked[0].point_labels.as_slice(), [1.0]);
    assert_eq!((prediction.width(), prediction.height(), prediction.side()), (40, 30, SIDE));
    assert_eq!(segmenter.manifest().model.id, "fake");
    assert!(prediction.timings().preprocess_ms >= 0.0 && encoded.encode_ms() >= 0.0);
}

#[test]
fn several_encoded_frames_live_side_by_side() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let [dark, light] = [0, 255].map(|value| segmenter.encode(&frame(value)).unwrap());
    for (encoded, mean) in [(&light, 1.0), (&dark, 0.0), (&light, 1.0)] {
        assert_eq!(encoded.predict(&click()).unwrap().predicted_iou()[0], mean);
    }
}

#[test]
fn an_embedding_made_before_answers_as_a_frame_does() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let encoded = segmenter.encode(&frame(255)).unwrap();
    let resumed = segmenter.resume(*encoded.embedding(), encoded.width(), encoded.height());
    let [a, b] = [&encoded, &resumed].map(|frame| frame.predict(&click()).unwrap());
    assert_eq!((a.logits(), a.predicted_iou()), (b.logits(), b.predicted_iou()));
    assert_eq!((resumed.width(), resumed.height()), (encoded.width(), encoded.height()));
    assert_eq!(resumed.encode_ms(), 0.0, "nothing was encoded");
}

#[test]
fn a_stable_single_mask_is_taken() {
    let mut script = Script::default();
    // 98 of 100 and 100 of 100.
    for uncertain in [2, 0] {
        set_plane(&mut script, 0, 98 + 2 - uncertain, uncertain);
        let prediction = predict(&script).unwrap();
        assert_eq!(prediction.choose(MaskChoice::Single), MaskToken::SINGLE, "{uncertain}");
        assert_eq!(prediction.choose(MaskChoice::Multimask).index(), 2);
    }
}

#[test]
fn an_unstable_single_mask_gives_way_to_the_best_alternative() {
    let mut script = Script::default();
    set_plane(&mut script, 0, 97, 3);
    let prediction = predict(&script).unwrap();
    assert_eq!(prediction.choose(MaskChoice::Single).index(), 2);
}

#[test]
fn an_empty_single_mask_counts_as_stable() {
    let prediction = predict(&Script::default()).unwrap();
    assert_eq!(prediction.choose(MaskChoice::Single), MaskToken::SINGLE);
    assert_eq!(prediction.mask(MaskToken::SINGLE).area_px(), 0);
}

#[test]
fn the_first_of_equal_alternatives_is_taken() {
    let mut script = Script::default();
    script.output.predicted_iou = [0.9, 0.5, 0.5, 0.5];
    assert_eq!(predict(&script).unwrap().choose(MaskChoice::Multimask).index(), 1);
}

#[test]
fn masks_and_outlines_come_at_the_frames_size() {
    let mut script = Script::default();
    set_plane(&mut script, 3, PLANE, 0);
    let prediction = predict(&script).unwrap();
    let token = MaskToken::new(3).unwrap();
    let mask = prediction.mask(token);
    assert_eq!((mask.width(), mask.height(), mask.area_px()), (40, 30, 1200));
    let outlines = prediction.contour(token);
    assert_eq!(outlines.len(), 1);
    assert!((outlines[0].area_px() - 39.0 * 29.0).abs() < 1e-3);
    assert_eq!(prediction.logits().len(), 4 * PLANE);
    assert!(MaskToken::new(4).is_none());
}

#[test]
fn logits_go_back_clamped_as_a_mask_prompt() {
    let mut script = Script::default();
    script.output.logits[2 * PLANE] = 50.0;
    script.output.logits[2 * PLANE + 1] = -77.0;
    let segmenter = Segmenter::<Fake>::open(&script).unwrap();
    let encoded = segmenter.encode(&frame(51)).unwrap();
    let first = encoded.predict(&click()).unwrap();
    let back = first.as_mask_prompt(MaskToken::new(2).unwrap());
    assert_eq!(back.logits()[..3], [32.0, -32.0, -3.0]);
    encoded.predict(&click().with_mask(back.clone()).unwrap()).unwrap();
    let asked = segmenter.network().asked.borrow();
    assert_eq!(
        (&asked[0].mask_input, &asked[1].mask_input),
        (&None, &Some(back.logits().to_vec()))
    );
}

#[test]
fn the_object_score_is_a_probability_or_absent() {
    let mut script = Script::default();
    for (logit, score) in [(0.0, 0.5), (200.0, 1.0), (-200.0, 0.0)] {
        script.output.object_score_logit = logit;
        let found = predict(&script).unwrap().object_score().unwrap();
        assert!((found - score).abs() < 1e-6, "{logit}: {found}");
    }
    script.object_score = false;
    assert_eq!(predict(&script).unwrap().object_score(), None);
}

#[test]
fn numbers_that_are_none_are_an_error_not_a_mask() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut in_masks = Script::default();
        in_masks.output.logits[3 * PLANE + 7] = bad;
        let mut in_iou = Script::default();
        in_iou.output.predicted_iou[3] = bad;
        let mut in_score = Script::default();
        in_score.output.object_score_logit = bad;
        for (script, name) in
            [(in_masks, "masks"), (in_iou, "iou_predictions"), (in_score, "object_score_logits")]
        {
            let refused = predict(&script);
            assert!(
                matches!(refused, Err(SegmentError::NotFinite { tensor, .. }) if tensor == name),
                "{name} {bad}: {refused:?}"
            );
        }
    }
}

#[test]
fn an_output_of_another_size_is_an_error() {
    let mut script = Script::default();
    script.output.logits.pop();
    let refused = predict(&script);
    assert!(matches!(refused, Err(SegmentError::Output { expected: 1024, found: 1023, .. })));
}

#[test]
fn the_engines_own_error_is_kept() {
    for stage in [Stage::Encode, Stage::Decode] {
        let refused = predict(&Script { fail: Some(stage), ..Script::default() }).unwrap_err();
        assert!(matches!(refused, SegmentError::Network { stage: found, .. } if found == stage));
        let source = std::error::Error::source(&refused).unwrap();
        assert_eq!(source.to_string(), FakeError.to_string());
    }
}

#[test]
fn prompts_that_do_not_fit_never_reach_the_decoder() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let encoded = segmenter.encode(&frame(51)).unwrap();
    let outside = Prompts::new().with_point(41.0, 5.0, PointLabel::Positive).unwrap();
    let wrong_side = MaskPrompt::new(vec![0.0; 64], 8).unwrap();
    let wrong_side = Prompts::new().with_mask(wrong_side).unwrap();
    for (prompts, expected) in
        [(Prompts::new(), "found none"), (outside, "41,5"), (wrong_side, "16x16")]
    {
        let refused = encoded.predict(&prompts).unwrap_err();
        assert!(matches!(refused, SegmentError::Prompt(PromptError::Empty)) == prompts.is_empty());
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    assert!(segmenter.network().asked.borrow().is_empty());
}

#[test]
fn clones_and_frames_share_one_network_and_keep_it() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let clone = segmenter.clone();
    assert!(std::ptr::eq(segmenter.network(), clone.network()));
    let encoded = segmenter.encode(&frame(51)).unwrap();
    drop(segmenter);
    let copy = encoded.clone();
    let first = encoded.predict(&click()).unwrap();
    drop(encoded);
    assert_eq!(copy.predict(&click()).unwrap().logits(), first.logits());
    assert_eq!(clone.network().asked.borrow().len(), 2);
}

#[test]
fn each_of_several_objects_gets_its_answer_in_order() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let encoded = segmenter.encode(&frame(51)).unwrap();
    let at = |x| Prompts::new().with_point(x, 15.0, PointLabel::Positive).unwrap();
    let objects = [10.0, 20.0, 30.0].map(at);
    assert_eq!(encoded.predict_all(&objects).unwrap().len(), 3);
    let asked = segmenter.network().asked.borrow();
    let places: Vec<_> = asked.iter().map(|input| input.point_coords.as_slice()[0][0]).collect();
    assert_eq!(places, [16.0, 32.0, 48.0]);
    drop(asked);
    assert!(encoded.predict_all(&[]).unwrap().is_empty());
}

#[test]
fn objects_at_once_are_bounded() {
    let segmenter = Segmenter::<Fake>::open(&Script::default()).unwrap();
    let encoded = segmenter.encode(&frame(51)).unwrap();
    assert_eq!(encoded.predict_all(&vec![click(); MAX_OBJECTS]).unwrap().len(), MAX_OBJECTS);
    segmenter.network().asked.borrow_mut().clear();
    let refused = encoded.predict_all(&vec![click(); MAX_OBJECTS + 1]).unwrap_err();
    assert!(refused.to_string().contains("at most 16"), "{refused}");
    assert!(segmenter.network().asked.borrow().is_empty());
}
