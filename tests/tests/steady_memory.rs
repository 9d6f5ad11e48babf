//! After a warm-up, frames and clicks hold no more memory than before, however many there are, and the same frame
//! has the same answer at the end.
//!
//! `UNIULTRA_SOAK_FRAMES=100000` makes a soak test of it: that many frames of a small model instead of 1,000.
//! `UNIULTRA_SOAK_SHIPPED_FRAMES=10000` does the same with the shipped int8 model at 512 px, instead of 40.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};
use std::alloc::System;
use std::path::Path;
use uniultra_core::{Frame, Pixels, PointLabel, Prompts};
use uniultra_engine::{EngineOptions, Segmenter, rss_mib};
use uniultra_export::ExportOptions;
use uniultra_manifest::{Sha256Hex, sha256_hex};
use uniultra_tests::cli::root;
use uniultra_tests::packs::{ScratchPack, random};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Frames until every buffer has its size.
const WARM_UP: usize = 10;

/// The number in a variable, or `usual`.
fn frames_of(variable: &str, usual: usize) -> usize {
    let frames = std::env::var(variable).ok();
    frames.map_or(usual, |text| text.parse().unwrap())
}

/// Bytes that are in use.
fn live(stats: &Stats) -> usize {
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A frame of its own for every index.
fn frame(index: usize) -> Frame {
    let pixel = |i: usize| ((i * 31 + index * 17) % 251) as u8;
    Frame::new(96, 80, Pixels::Gray8((0..96 * 80).map(pixel).collect())).unwrap()
}

/// A frame, a click, and a click that refines it; the hash of the last answer.
fn scan(segmenter: &Segmenter, index: usize) -> Sha256Hex {
    let frame = frame(index);
    let encoded = segmenter.encode(&frame).unwrap();
    let x = (index % 90) as f32;
    let click = Prompts::new().with_point(x, 40.0, PointLabel::Positive).unwrap();
    let first = encoded.predict(&click).unwrap();
    let token = first.choose(Default::default());
    let refined = click.with_mask(first.as_mask_prompt(token)).unwrap();
    let second = encoded.predict(&refined).unwrap();
    assert_eq!(second.mask(token).width(), 96);
    let bytes: Vec<u8> = second.logits().iter().flat_map(|logit| logit.to_le_bytes()).collect();
    sha256_hex(&bytes)
}

/// Live bytes and allocations a frame, after the warm-up and after `frames` more.
fn measure(folder: &Path, threads: usize, frames: usize) -> ([usize; 2], [usize; 2]) {
    let options = EngineOptions::new().with_threads(threads);
    let segmenter = Segmenter::open_with(folder, &options).unwrap();
    let sample = |range: std::ops::Range<usize>| {
        let before = ALLOCATOR.stats();
        let count = range.len();
        range.for_each(|index| drop(scan(&segmenter, index)));
        let after = ALLOCATOR.stats();
        (live(&after), (after.allocations - before.allocations) / count)
    };
    let first_answers: Vec<_> = (0..WARM_UP).map(|index| scan(&segmenter, index)).collect();
    let (first, few) = sample(WARM_UP..2 * WARM_UP);
    let rss_before_mib = rss_mib();
    let (last, many) = sample(2 * WARM_UP..frames);
    println!("resident {rss_before_mib:?} then {:?} MiB", rss_mib());
    let last_answers: Vec<_> = (0..WARM_UP).map(|index| scan(&segmenter, index)).collect();
    assert_eq!(first_answers, last_answers, "an answer drifted");
    ([first, last], [few, many])
}

/// The only test in this file: another one in parallel would allocate, too.
#[test]
fn a_thousand_frames_hold_no_more_than_ten() {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    let small = ScratchPack::export(&random("uniultra-mini", 3), &options);
    let int8 = root().join("models/uniultra-mini-int8");
    let small_frames = frames_of("UNIULTRA_SOAK_FRAMES", 1000);
    let shipped_frames = frames_of("UNIULTRA_SOAK_SHIPPED_FRAMES", 40);
    for (folder, threads, frames) in
        [(small.folder(), 1, small_frames), (small.folder(), 3, 200), (int8, 1, shipped_frames)]
    {
        let ([first, last], [few, many]) = measure(&folder, threads, frames);
        println!("{threads} threads, {frames} frames: {first} then {last} bytes live");
        println!("{few} then {many} allocations a frame");
        // Threads take turns, so a buffer may be made late by one of them: once, not by the frame.
        let slack = if threads == 1 { 0 } else { first / 20 };
        assert!(last <= first + slack, "{first} bytes live after the warm-up, {last} at the end");
        assert!(many <= few + few / 20, "{few} allocations a frame, later {many}");
    }
}
