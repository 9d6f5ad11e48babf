//! After a warm-up, a session holds no more memory than before, however many frames it follows objects through.
//!
//! `UNIULTRA_SOAK_FRAMES=10000` makes it that many frames instead of 1,000.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

mod dark;

use dark::{frame, segmenter};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use uniultra_core::PointLabel;
use uniultra_live::{CapturedFrame, LiveOptions, LivePrompt, LiveSession, ObjectState, PromptKind};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Frames after which the motion repeats: answers then are the same, and so is what is held.
const PERIOD: u64 = 20;

/// A disc that sways; both objects are it.
fn swaying(number: u64) -> CapturedFrame {
    let angle = (number % PERIOD) as f32 / PERIOD as f32 * std::f32::consts::TAU;
    let moved = [12.0 * angle.sin(), 5.0 * angle.cos()];
    frame(number, moved, Some(([120.0 + moved[0], 110.0 + moved[1]], 26.0)))
}

/// The only test in this file: another one in parallel would allocate, too.
#[test]
fn many_frames_hold_no_more_than_a_few() {
    let frames = std::env::var("UNIULTRA_SOAK_FRAMES").ok();
    let frames: u64 = frames.map_or(1000, |text| text.parse().unwrap());
    for model_every in [1, 4] {
        follow(frames, model_every);
    }
}

/// Follows two objects; on frames that the model does not get, their masks are moved.
fn follow(frames: u64, model_every: u64) {
    // Made before anything is counted.
    let period: Vec<CapturedFrame> = (0..PERIOD).map(swaying).collect();
    let mut session = LiveSession::new(segmenter(), LiveOptions::default());
    session.process(&period[0]).unwrap();
    for (x, y) in [(120.0, 112.0), (110.0, 105.0)] {
        let id = session.add_object("disc").unwrap();
        let kind = PromptKind::Point { x, y, label: PointLabel::Positive };
        session.prompt(id, LivePrompt { frame: 0, kind }).unwrap();
    }
    let mut held = Vec::with_capacity((frames / PERIOD) as usize);
    for number in 1..=frames {
        let mut captured = period[(number % PERIOD) as usize].clone();
        captured.number = number;
        if number % model_every == 1 % model_every {
            session.process(&captured).unwrap();
        } else {
            session.move_masks(&captured).unwrap();
        }
        drop(captured);
        assert!(session.objects().iter().all(|object| object.state() == ObjectState::Tracking));
        if number % PERIOD == 0 {
            let stats = ALLOCATOR.stats();
            held.push(stats.bytes_allocated - stats.bytes_deallocated);
        }
    }
    let (first, last) = (held[4], held[held.len() - 1]);
    println!("{frames} frames: {first} then {last} bytes held");
    assert!(last <= first, "{first} bytes held after {} frames, {last} at the end", 5 * PERIOD);
}
