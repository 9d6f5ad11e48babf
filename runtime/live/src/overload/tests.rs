//! A source, a slot for the newest frame and a session, in simulated time.

use super::*;

const FRAME_MS: u64 = 50;

/// What became of a frame: its number, the step, and the age of the answer.
type Shown = (u64, Step, u64);

/// Plays frames until `end_ms`; `model_ms` says how long the model takes at a time.
fn play(
    pacer: &mut Pacer,
    from_ms: u64,
    end_ms: u64,
    move_ms: u64,
    model_ms: impl Fn(u64) -> u64,
) -> Vec<Shown> {
    let ms = Duration::from_millis;
    let (mut now_ms, mut next, mut shown) = (from_ms, from_ms.div_ceil(FRAME_MS), Vec::new());
    while now_ms < end_ms {
        // The newest frame that has come by now; otherwise the next one.
        let number = next.max(now_ms / FRAME_MS);
        now_ms = now_ms.max(number * FRAME_MS);
        next = number + 1;
        let captured_ms = number * FRAME_MS;
        let step = pacer.step(number, ms(captured_ms), false);
        let busy_ms = match step {
            Step::Model => model_ms(now_ms),
            Step::Move => move_ms,
            Step::Leave => 0,
        };
        now_ms += busy_ms;
        pacer.took(step, ms(busy_ms), ms(now_ms - captured_ms));
        if step != Step::Leave {
            shown.push((number, step, now_ms - captured_ms));
        }
    }
    shown
}

fn pacer(policy: Overload) -> Pacer {
    Pacer::new(policy, Duration::ZERO, None)
}

/// Distances of the last frames that were shown.
fn last_distances(shown: &[Shown]) -> Vec<u64> {
    shown[shown.len() - 12..].windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

#[test]
fn skipping_takes_the_newest_frame_and_never_changes() {
    let mut pacer = pacer(Overload::Skip);
    let shown = play(&mut pacer, 0, 6000, 0, |_| 75);
    assert!(shown.iter().all(|(_, step, _)| *step == Step::Model));
    // Sometimes the next frame, sometimes the one after it.
    let distances = last_distances(&shown);
    assert!(distances.contains(&1) && distances.contains(&2), "{distances:?}");
    assert_eq!(pacer.every(), 1);
}

#[test]
fn a_lower_rate_is_even_and_answers_are_fresh() {
    for (model_ms, every) in [(40, 1), (75, 2), (130, 3), (260, 6)] {
        let mut pacer = pacer(Overload::LowerRate);
        let shown = play(&mut pacer, 0, 20_000, 0, |_| model_ms);
        assert_eq!(pacer.every(), every, "{model_ms} ms");
        let distances = last_distances(&shown);
        assert!(distances.iter().all(|distance| *distance == u64::from(every)), "{distances:?}");
        // No frame waits for the one before.
        assert_eq!(shown.last().unwrap().2, model_ms);
    }
}

#[test]
fn the_rate_comes_back_when_there_is_time_and_stays_where_it_is_at_the_limit() {
    let mut pacer = pacer(Overload::LowerRate);
    play(&mut pacer, 0, 5000, 0, |_| 130);
    assert_eq!(pacer.every(), 3);
    // 85 % of two frame times: two frames would do, but without room to spare.
    play(&mut pacer, 5000, 20_000, 0, |_| 85);
    assert_eq!(pacer.every(), 3);
    play(&mut pacer, 20_000, 30_000, 0, |_| 30);
    assert_eq!(pacer.every(), 1);
    // Times that vary by a third change the rate once.
    let mut changes = Vec::new();
    for second in 30..90 {
        play(&mut pacer, second * 1000, second * 1000 + 1000, 0, |now_ms| 45 + now_ms % 29);
        changes.push(pacer.every());
    }
    changes.dedup();
    assert!(changes.len() <= 2, "{changes:?}");
}

#[test]
fn one_slow_frame_and_a_pause_of_the_source_change_nothing() {
    let mut pacer = pacer(Overload::LowerRate);
    play(&mut pacer, 0, 10_000, 0, |now_ms| if now_ms % 1000 < 50 { 400 } else { 30 });
    assert_eq!(pacer.every(), 1);
    play(&mut pacer, 10_000, 14_000, 0, |_| 75);
    assert_eq!(pacer.every(), 2);
    // Frame numbers go on where they were.
    let number = pacer.last_seen.unwrap().0 + 1;
    for i in 0..8 {
        let captured = Duration::from_millis(99_000 + FRAME_MS * i);
        let step = pacer.step(number + i, captured, false);
        pacer.took(step, Duration::from_millis(75), Duration::from_millis(75));
    }
    assert_eq!(pacer.every(), 2);
}

#[test]
fn the_distance_is_bounded() {
    for policy in [Overload::LowerRate, Overload::DecodeOnly] {
        let mut pacer = pacer(policy);
        play(&mut pacer, 0, 200_000, 60, |_| 9000);
        assert_eq!(pacer.every(), MAX_EVERY);
    }
}

#[test]
fn between_two_encoded_frames_masks_are_moved_and_no_frame_is_lost() {
    let mut pacer = pacer(Overload::DecodeOnly);
    let shown = play(&mut pacer, 0, 10_000, 8, |_| 75);
    assert_eq!(pacer.every(), 2);
    assert!(last_distances(&shown).iter().all(|distance| *distance == 1), "{shown:?}");
    let steps: Vec<Step> = shown[shown.len() - 4..].iter().map(|(_, step, _)| *step).collect();
    assert!(
        steps == [Step::Model, Step::Move, Step::Model, Step::Move]
            || steps == [Step::Move, Step::Model, Step::Move, Step::Model],
        "{steps:?}"
    );
    play(&mut pacer, 10_000, 20_000, 8, |_| 30);
    assert_eq!(pacer.every(), 1);
}

/// A model that takes 30 frame times, and masks whose move takes longer than a frame time.
#[test]
fn a_slow_model_gets_half_of_the_time_and_masks_are_moved_in_the_other_half() {
    let mut pacer = pacer(Overload::DecodeOnly);
    play(&mut pacer, 0, 60_000, 60, |_| 1500);
    let shown = play(&mut pacer, 60_000, 120_000, 60, |_| 1500);
    let model_ms = 1500 * shown.iter().filter(|(_, step, _)| *step == Step::Model).count();
    assert!((25_000..35_000).contains(&model_ms), "{model_ms} ms");
    assert!(shown.windows(2).all(|pair| pair[0].1 == Step::Move || pair[1].1 == Step::Move));
}

#[test]
fn missed_deadlines_lower_the_rate_only_where_that_helps() {
    let deadline = Some(Duration::from_millis(60));
    let run = |model_ms: u64, age_ms: u64| {
        let mut pacer = Pacer::new(Overload::LowerRate, Duration::ZERO, deadline);
        for number in 0..200 {
            let step = pacer.step(number, Duration::from_millis(FRAME_MS * number), false);
            pacer.took(step, Duration::from_millis(model_ms), Duration::from_millis(age_ms));
        }
        pacer.every()
    };
    // Frames wait for something else: fewer of them leave time for it.
    assert_eq!(run(40, 80), 2);
    assert_eq!(run(40, 50), 1);
    // At every second frame, 100 ms apart, none has waited: the model is slower than the deadline.
    assert_eq!(run(85, 85), 2);
}

#[test]
fn a_prompt_gets_the_model_at_once() {
    for policy in [Overload::LowerRate, Overload::DecodeOnly] {
        let mut pacer = pacer(policy);
        play(&mut pacer, 0, 10_000, 0, |_| 400);
        let (number, captured) = pacer.last_seen.unwrap();
        let last = pacer.last_model.unwrap();
        assert!(pacer.every() > 4 && number + 1 - last < u64::from(pacer.every()));
        let captured = captured + Duration::from_millis(FRAME_MS);
        assert_eq!(pacer.step(number + 1, captured, true), Step::Model);
    }
}

#[test]
fn frames_that_nobody_asked_for_are_no_overload() {
    // At most every 200 ms, of frames every 50 ms.
    let run = |model_ms: u64| {
        let interval = Duration::from_millis(200);
        let mut pacer = Pacer::new(Overload::LowerRate, interval, None);
        for number in (0..400).step_by(4) {
            let step = pacer.step(number, Duration::from_millis(FRAME_MS * number), false);
            pacer.took(step, Duration::from_millis(model_ms), Duration::from_millis(model_ms));
        }
        pacer.every()
    };
    assert_eq!((run(150), run(250)), (1, 2));
}
