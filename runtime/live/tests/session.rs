//! A session with a network that finds dark regions: what is followed, doubted, lost and found again.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use std::time::Duration;
use uniultra_core::{
    DecoderInput, DecoderOutput, Frame, Mask, Network, Pixels, PointLabel, Segmenter, dice,
};
use uniultra_live::{
    CapturedFrame, LiveError, LiveOptions, LivePrompt, LiveSession, MAX_LIVE_OBJECTS, MAX_PROMPTS,
    ObjectId, ObjectState, PromptKind,
};
use uniultra_manifest::{
    Channels, EdgeLayout, Manifest, Model, Normalization, Precision, Preprocess, Provenance,
    SCHEMA_VERSION, Source, Variant, WeightFormat, image_encoder_contract, mask_decoder_contract,
    sha256_hex,
};

const IMAGE_SIZE: usize = 256;
const SIDE: usize = IMAGE_SIZE / 4;
/// Sides of a frame.
const WIDTH: usize = 320;
const HEIGHT: usize = 240;

fn manifest() -> Manifest {
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
            object_score: true,
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

/// Answers with the dark region round the first point inside, or in a box.
struct Dark;

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl Network for Dark {
    type Source = ();
    type Options = ();
    /// Which cells of the grid of logits are dark.
    type Embedding = Vec<bool>;
    type Error = Never;

    fn open((): &(), (): &()) -> Result<(Self, Manifest), Never> {
        Ok((Self, manifest()))
    }

    fn encode(&self, image: &[f32]) -> Result<Vec<bool>, Never> {
        let middle = |cell: usize| cell * 4 + 2;
        let dark = |at: usize| image[middle(at / SIDE) * IMAGE_SIZE + middle(at % SIDE)] < 0.2;
        Ok((0..SIDE * SIDE).map(dark).collect())
    }

    fn decode(
        &self,
        dark: &Vec<bool>,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), Never> {
        let cell = |xy: [f32; 2]| xy.map(|v| ((v / 4.0) as usize).min(SIDE - 1));
        let mut region = vec![false; SIDE * SIDE];
        let mut open: Vec<usize> = Vec::new();
        for (xy, label) in input.point_coords.iter().zip(&input.point_labels) {
            let [x, y] = cell(*xy);
            if *label == 1.0 && dark[y * SIDE + x] {
                open.push(y * SIDE + x);
            }
        }
        while let Some(at) = open.pop() {
            if !dark[at] || std::mem::replace(&mut region[at], true) {
                continue;
            }
            let (x, y) = (at % SIDE, at / SIDE);
            open.extend(
                [(x > 0).then(|| at - 1), (x + 1 < SIDE).then_some(at + 1)].iter().flatten(),
            );
            open.extend(
                [(y > 0).then(|| at - SIDE), (y + 1 < SIDE).then_some(at + SIDE)].iter().flatten(),
            );
        }
        let found = region.contains(&true);
        for mask in out.logits.chunks_exact_mut(SIDE * SIDE) {
            for (logit, inside) in mask.iter_mut().zip(&region) {
                *logit = if *inside { 9.0 } else { -9.0 };
            }
        }
        out.predicted_iou = [0.9; 4];
        out.object_score_logit = if found { 5.0 } else { -5.0 };
        Ok(())
    }
}

fn inside([x0, y0]: [f32; 2], radius: f32, at: usize) -> bool {
    ((at % WIDTH) as f32 - x0).hypot((at / WIDTH) as f32 - y0) <= radius
}

/// Gray tissue with a coarse pattern that moves by `moved`, and a dark disc.
fn frame(number: u64, moved: [f32; 2], disc: Option<([f32; 2], f32)>) -> CapturedFrame {
    let pixel = |at: usize| {
        let (x, y) = ((at % WIDTH) as f32 - moved[0], (at / WIDTH) as f32 - moved[1]);
        let pattern =
            (x * 0.11).sin() * (y * 0.13).cos() * 40.0 + (x * 0.037 + y * 0.051).sin() * 30.0;
        match disc {
            Some((place, radius)) if inside(place, radius, at) => 12,
            _ => (150.0 + pattern) as u8,
        }
    };
    let pixels = Pixels::Gray8((0..WIDTH * HEIGHT).map(pixel).collect());
    let frame = Frame::new(WIDTH, HEIGHT, pixels).unwrap();
    CapturedFrame { number, captured: Duration::from_millis(50 * number), spacing: None, frame }
}

fn truth(place: [f32; 2], radius: f32) -> Mask {
    let data = (0..WIDTH * HEIGHT).map(|at| u8::from(inside(place, radius, at))).collect();
    Mask::from_binary(WIDTH, HEIGHT, data).unwrap()
}

fn session() -> LiveSession<Dark> {
    LiveSession::new(Segmenter::<Dark>::open(&()).unwrap(), LiveOptions::default())
}

fn tap(session: &mut LiveSession<Dark>, id: ObjectId, frame: u64, x: f32, y: f32) {
    let kind = PromptKind::Point { x, y, label: PointLabel::Positive };
    session.prompt(id, LivePrompt { frame, kind }).unwrap();
}

/// A session that has answered a tap on a disc at (120, 110) with radius 26.
fn tapped() -> (LiveSession<Dark>, ObjectId) {
    let mut session = session();
    let first = frame(0, [0.0; 2], Some(([120.0, 110.0], 26.0)));
    session.process(&first).unwrap();
    let id = session.add_object("cyst").unwrap();
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Waiting);
    tap(&mut session, id, 0, 118.0, 104.0);
    session.answer_prompts(&first).unwrap();
    (session, id)
}

#[test]
fn one_tap_and_the_outline_follows() {
    let (mut session, id) = tapped();
    for number in 1..80_u64 {
        // The probe slides; the disc goes with the tissue, breathes, and grows.
        let moved = [number as f32 * 1.1, 8.0 * (number as f32 * 0.15).sin()];
        let place = [120.0 + moved[0], 110.0 + moved[1]];
        let radius = 26.0 + 0.1 * number as f32;
        session.process(&frame(number, moved, Some((place, radius)))).unwrap();
        let object = session.object(id).unwrap();
        assert_eq!(object.state(), ObjectState::Tracking, "frame {number}");
        let found = dice(object.mask().unwrap(), &truth(place, radius)).unwrap();
        assert!(found > 0.9, "frame {number}: {found}");
        let measures = object.measures().unwrap();
        assert!((measures.median_area_px / measures.area_px as f32 - 1.0).abs() < 0.1);
        assert!(!object.contour().is_empty());
    }
}

#[test]
fn what_leaves_is_doubted_then_lost_and_found_when_it_returns() {
    let (mut session, id) = tapped();
    let place = Some(([120.0, 110.0], 26.0));
    let states: Vec<ObjectState> = (1..20_u64)
        .map(|number| {
            session
                .process(&frame(number, [0.0; 2], place.filter(|_| !(3..=14).contains(&number))))
                .unwrap();
            let object = session.object(id).unwrap();
            assert_eq!(object.mask().is_some(), object.state() != ObjectState::Lost);
            object.state()
        })
        .collect();
    let doubts = LiveOptions::default().uncertain_frames as usize;
    assert!(states[..2].iter().all(|state| *state == ObjectState::Tracking), "{states:?}");
    assert!(
        states[2..2 + doubts].iter().all(|state| *state == ObjectState::Uncertain),
        "{states:?}"
    );
    assert!(states[2 + doubts..14].iter().all(|state| *state == ObjectState::Lost), "{states:?}");
    assert!(states[14..].iter().all(|state| *state == ObjectState::Tracking), "{states:?}");
}

#[test]
fn a_tap_on_an_older_frame_goes_where_the_picture_went() {
    let mut session = session();
    let place = |number: u64| [100.0 + 4.0 * number as f32, 110.0];
    let show = |number: u64| frame(number, [4.0 * number as f32, 0.0], Some((place(number), 12.0)));
    for number in 0..12 {
        session.process(&show(number)).unwrap();
    }
    // The user saw frame 2. The disc is 36 px further now, three times its radius.
    let id = session.add_object("seen late").unwrap();
    let [x, y] = place(2);
    tap(&mut session, id, 2, x, y);
    session.process(&show(12)).unwrap();
    let object = session.object(id).unwrap();
    let found = dice(object.mask().unwrap(), &truth(place(12), 12.0)).unwrap();
    assert!(found > 0.8, "{found}");
}

#[test]
fn undo_takes_the_last_prompt_back() {
    let (mut session, id) = tapped();
    // Outside of the disc: the fake ignores it, so the mask stays.
    let kind = PromptKind::Point { x: 20.0, y: 20.0, label: PointLabel::Negative };
    session.prompt(id, LivePrompt { frame: 0, kind }).unwrap();
    assert_eq!(session.object(id).unwrap().prompts().len(), 2);
    assert!(session.undo(id).unwrap());
    let still = frame(1, [0.0; 2], Some(([120.0, 110.0], 26.0)));
    session.process(&still).unwrap();
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Tracking);
    assert!(session.undo(id).unwrap());
    assert!(!session.undo(id).unwrap());
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Waiting);
    assert!(session.object(id).unwrap().mask().is_none());
}

#[test]
fn limits_and_wrong_requests_are_refused() {
    let (mut session, id) = tapped();
    let future =
        LivePrompt { frame: 1, kind: PromptKind::Box { x0: 1.0, y0: 1.0, x1: 9.0, y1: 9.0 } };
    assert!(matches!(
        session.prompt(id, future),
        Err(LiveError::FutureFrame { last: 0, found: 1 })
    ));
    let flat =
        LivePrompt { frame: 0, kind: PromptKind::Box { x0: 9.0, y0: 1.0, x1: 9.0, y1: 9.0 } };
    assert!(matches!(session.prompt(id, flat), Err(LiveError::Prompt(_))));
    let nan = PromptKind::Point { x: f32::NAN, y: 0.0, label: PointLabel::Positive };
    let nan = LivePrompt { frame: 0, kind: nan };
    assert!(matches!(session.prompt(id, nan), Err(LiveError::Prompt(_))));
    let again = frame(0, [0.0; 2], None);
    assert!(matches!(session.process(&again), Err(LiveError::FrameOrder { last: 0, found: 0 })));
    let unknown = ObjectId(99);
    assert!(matches!(session.undo(unknown), Err(LiveError::NoObject(found)) if found == unknown));
    assert!(matches!(session.remove_object(unknown), Err(LiveError::NoObject(_))));
    for _ in 1..MAX_LIVE_OBJECTS {
        session.add_object("another").unwrap();
    }
    assert!(matches!(session.add_object("one more"), Err(LiveError::TooManyObjects { .. })));
    for _ in 1..MAX_PROMPTS {
        tap(&mut session, id, 0, 120.0, 110.0);
    }
    let more = session.prompt(
        id,
        LivePrompt { frame: 0, kind: PromptKind::Box { x0: 1.0, y0: 1.0, x1: 9.0, y1: 9.0 } },
    );
    assert!(matches!(more, Err(LiveError::TooManyPrompts { .. })));
    session.remove_object(id).unwrap();
    assert!(session.object(id).is_none());
    // Numbers of removed objects do not come back.
    let fresh = session.add_object("new").unwrap();
    assert!(fresh > id && session.object(fresh).unwrap().prompts().is_empty());
}

#[test]
fn another_size_of_frame_starts_anew() {
    let (mut session, id) = tapped();
    let other = Frame::new(64, 64, Pixels::Gray8(vec![100; 64 * 64])).unwrap();
    let other = CapturedFrame { number: 7, captured: Duration::ZERO, spacing: None, frame: other };
    session.process(&other).unwrap();
    let object = session.object(id).unwrap();
    assert_eq!(object.state(), ObjectState::Waiting);
    assert!(object.mask().is_none() && object.prompts().is_empty());
}

#[test]
fn the_same_frames_and_prompts_give_the_same_masks() {
    let run = || {
        let (mut session, id) = tapped();
        (1..20_u64)
            .map(|number| {
                let moved = [number as f32 * 2.0, 0.0];
                let disc = Some(([120.0 + moved[0], 110.0], 26.0));
                session.process(&frame(number, moved, disc)).unwrap();
                session.object(id).unwrap().mask().cloned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
