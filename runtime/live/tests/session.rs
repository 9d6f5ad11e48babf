//! A session with a network that finds dark regions: what is followed, doubted, lost and found again.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

mod dark;

use dark::{Dark, frame, segmenter, truth};
use std::time::Duration;
use uniultra_core::{Frame, Pixels, PointLabel, dice};
use uniultra_live::{
    CapturedFrame, LiveError, LiveOptions, LivePrompt, LiveSession, MAX_LIVE_OBJECTS, MAX_PROMPTS,
    ObjectId, ObjectState, PromptKind,
};

fn session() -> LiveSession<Dark> {
    LiveSession::new(segmenter(), LiveOptions::default())
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
            assert_eq!(object.is_moved(), object.state() == ObjectState::Uncertain);
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

/// Every fourth frame goes to the model. On those between, the mask goes with the picture, and says so.
#[test]
fn masks_are_moved_to_frames_that_the_model_does_not_get() {
    let network = segmenter();
    let mut session = LiveSession::new(network.clone(), LiveOptions::default());
    let place = |number: u64| [110.0 + 1.5 * number as f32, 110.0];
    let show = |number: u64| frame(number, [1.5 * number as f32, 0.0], Some((place(number), 26.0)));
    session.process(&show(0)).unwrap();
    let id = session.add_object("cyst").unwrap();
    tap(&mut session, id, 0, 110.0, 110.0);
    assert!(session.has_new_prompts());
    for number in 1..40_u64 {
        let by_model = number % 4 == 1;
        let asked = network.network().asked.get();
        match by_model {
            true => session.process(&show(number)).unwrap(),
            false => session.move_masks(&show(number)).unwrap(),
        }
        assert!(!session.has_new_prompts());
        assert_eq!(network.network().asked.get() - asked, usize::from(by_model));
        let object = session.object(id).unwrap();
        assert_eq!((object.state(), object.is_moved()), (ObjectState::Tracking, !by_model));
        let found = dice(object.mask().unwrap(), &truth(place(number), 26.0)).unwrap();
        assert!(found > 0.88, "frame {number}: {found}");
        assert!(object.measures().unwrap().area_px > 0 && !object.contour().is_empty());
    }
    // A frozen picture is worth the model's time.
    session.process_again(&show(39)).unwrap();
    assert!(!session.object(id).unwrap().is_moved());
    let refused = session.process_again(&show(38));
    assert!(matches!(refused, Err(LiveError::OtherFrame { found: 38 })));
}

#[test]
fn a_moved_mask_whose_surroundings_are_gone_is_doubted() {
    let (mut session, id) = tapped();
    let flat = Frame::new(320, 240, Pixels::Gray8(vec![90; 320 * 240])).unwrap();
    let flat = CapturedFrame { number: 1, captured: Duration::ZERO, spacing: None, frame: flat };
    session.move_masks(&flat).unwrap();
    let object = session.object(id).unwrap();
    assert_eq!((object.state(), object.is_moved()), (ObjectState::Uncertain, true));
    session.process(&frame(2, [0.0; 2], Some(([120.0, 110.0], 26.0)))).unwrap();
    let object = session.object(id).unwrap();
    assert_eq!((object.state(), object.is_moved()), (ObjectState::Tracking, false));
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
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Waiting);
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
    assert!(matches!(session.prompt(id, future), Err(LiveError::FutureFrame { found: 1 })));
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

#[test]
fn prompts_need_a_frame_that_was_seen_and_a_place_inside_it() {
    let mut session = session();
    let id = session.add_object("early").unwrap();
    let at = |x: f32| PromptKind::Point { x, y: 10.0, label: PointLabel::Negative };
    let early = session.prompt(id, LivePrompt { frame: 0, kind: at(10.0) });
    assert!(matches!(early, Err(LiveError::FutureFrame { found: 0 })));
    let first = frame(0, [0.0; 2], None);
    assert!(matches!(session.answer_prompts(&first), Err(LiveError::OtherFrame { found: 0 })));
    session.process(&first).unwrap();
    for outside in [-1.0, 321.0] {
        let refused = session.prompt(id, LivePrompt { frame: 0, kind: at(outside) });
        assert!(matches!(refused, Err(LiveError::Prompt(_))), "{outside}");
    }
    session.prompt(id, LivePrompt { frame: 0, kind: at(10.0) }).unwrap();
    let other = frame(1, [0.0; 2], None);
    assert!(matches!(session.answer_prompts(&other), Err(LiveError::OtherFrame { found: 1 })));
}

#[test]
fn as_many_prompts_as_there_may_be_are_answered_beside_the_carried_mask() {
    let (mut session, id) = tapped();
    for _ in 1..MAX_PROMPTS {
        tap(&mut session, id, 0, 120.0, 110.0);
    }
    session.process(&frame(1, [0.0; 2], Some(([120.0, 110.0], 26.0)))).unwrap();
    let object = session.object(id).unwrap();
    assert_eq!((object.prompts().len(), object.state()), (MAX_PROMPTS, ObjectState::Tracking));
}

/// What stands at the old place by then is not the object.
#[test]
fn a_lost_object_is_where_the_user_taps_and_nowhere_else() {
    let network = segmenter();
    let mut session = LiveSession::new(network.clone(), LiveOptions::default());
    let disc = |place| Some((place, 22.0));
    session.process(&frame(0, [0.0; 2], disc([60.0, 60.0]))).unwrap();
    let id = session.add_object("cyst").unwrap();
    tap(&mut session, id, 0, 60.0, 60.0);
    for number in 1..12 {
        session
            .process(&frame(number, [0.0; 2], disc([60.0, 60.0]).filter(|_| number < 3)))
            .unwrap();
    }
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Lost);
    // Farther away than it is looked for.
    let there = frame(12, [0.0; 2], disc([270.0, 190.0]));
    session.process(&there).unwrap();
    assert_eq!(session.object(id).unwrap().state(), ObjectState::Lost);
    tap(&mut session, id, 12, 270.0, 190.0);
    session.answer_prompts(&there).unwrap();
    let object = session.object(id).unwrap();
    let found = dice(object.mask().unwrap(), &truth([270.0, 190.0], 22.0)).unwrap();
    assert!(found > 0.9 && object.state() == ObjectState::Tracking, "{found}");
    // The tap alone: no point at the old place, and no mask of it.
    assert_eq!(network.network().last_asked.get(), (1, false));
}
