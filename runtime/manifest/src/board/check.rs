//! Checks the values of a profile, one by one and against each other.

use super::target::features_of_core;
use super::{BOARD_SCHEMA_VERSION, Board, BoardError, Figures, Tier};
use crate::model::IMAGE_SIZES;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Most groups of cores.
const MAX_GROUPS: usize = 8;
/// Most sources.
const MAX_SOURCES: usize = 32;
/// Longest name or source, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// Longest time that a budget may allow, in milliseconds: nobody waits longer than a minute.
const BUDGET_MS: RangeInclusive<u32> = 1..=60_000;
/// Memory, from that of a small system to more than any board has.
const MEMORY_MIB: RangeInclusive<u32> = 16..=1_048_576;

/// The only profile that may claim measured figures, because every reader can measure them again.
const HOST: &str = "host";

/// The figures that need a source.
const SOURCED: [(Figures, &str); 5] = [
    (Figures::Tier, "tier"),
    (Figures::GlibcFloor, "glibc_floor"),
    (Figures::Cores, "cores"),
    (Figures::Memory, "memory"),
    (Figures::Budget, "budget"),
];

pub(super) fn board(board: &Board) -> Result<(), BoardError> {
    if board.schema_version != BOARD_SCHEMA_VERSION {
        return Err(BoardError::field(
            "schema_version",
            BOARD_SCHEMA_VERSION.to_string(),
            board.schema_version,
        ));
    }
    word("id", &board.id)?;
    text("name", &board.name)?;
    if board.tier == Tier::Measured && board.id != HOST {
        let expected = format!("`measured` only for the id `{HOST}`");
        return Err(BoardError::field("tier", expected, format!("it for `{}`", board.id)));
    }
    glibc(&board.glibc_floor)?;
    cores(board)?;
    features(board)?;
    memory(board)?;
    run(board)?;
    budget(board)?;
    sources(board)
}

fn glibc(version: &str) -> Result<(), BoardError> {
    let part = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let ok = version.split_once('.').is_some_and(|(major, minor)| part(major) && part(minor));
    if ok {
        return Ok(());
    }
    Err(BoardError::field("glibc_floor", "a version such as `2.36`", format!("`{version}`")))
}

fn cores(board: &Board) -> Result<(), BoardError> {
    within("cores", "groups", &(1..=MAX_GROUPS), &board.cores.len())?;
    for (index, group) in board.cores.iter().enumerate() {
        let field = |name| format!("cores[{index}].{name}");
        word(&field("kind"), &group.kind)?;
        within(&field("count"), "cores", &(1..=64), &group.count)?;
        within(&field("mhz_max"), "MHz", &(100..=10_000), &group.mhz_max)?;
    }
    Ok(())
}

fn features(board: &Board) -> Result<(), BoardError> {
    let field = "cpu.required_features";
    let known = board.target.cpu_features();
    let required = &board.cpu.required_features;
    for (index, feature) in required.iter().enumerate() {
        if !known.contains(&feature.as_str()) {
            let expected = format!("names out of {}", known.join(", "));
            return Err(BoardError::field(field, expected, format!("`{}`", short(feature))));
        }
        if required[..index].contains(feature) {
            return Err(BoardError::field(field, "each once", format!("`{feature}` twice")));
        }
        // Linux reports a feature only if every core has it.
        for group in &board.cores {
            let lacks = |has: &[&str]| !has.contains(&feature.as_str());
            if features_of_core(&group.kind).is_some_and(lacks) {
                let expected = format!("features that a {} has", group.kind);
                return Err(BoardError::field(field, expected, format!("`{feature}`")));
            }
        }
    }
    Ok(())
}

fn memory(board: &Board) -> Result<(), BoardError> {
    within("memory.limit_mib", "MiB", &MEMORY_MIB, &board.memory.limit_mib)?;
    within("memory.bandwidth_gb_s", "GB/s", &(0.1..=10_000.0), &board.memory.bandwidth_gb_s)
}

fn run(board: &Board) -> Result<(), BoardError> {
    let run = &board.run;
    within("run.threads", "threads", &(1..=4), &run.threads)?;
    let (count, pins) = (board.cpu_count(), board.pins());
    if run.pin == super::Pin::Big && pins.is_empty() {
        return Err(BoardError::field("run.pin", "a group of cores with `big = true`", "none"));
    }
    for (index, pin) in pins.iter().enumerate() {
        if *pin >= count {
            let expected = format!("CPUs 0 to {}, as `cores` has them", count - 1);
            return Err(BoardError::field("run.pin", expected, pin));
        }
        if pins[..index].contains(pin) {
            return Err(BoardError::field("run.pin", "each CPU once", format!("{pin} twice")));
        }
    }
    let available = if pins.is_empty() { count } else { pins.len() };
    if run.threads > available {
        let expected = format!("at most one for each of the {available} CPUs it may use");
        return Err(BoardError::field("run.threads", expected, run.threads));
    }
    let size = run.image_size_px;
    if !IMAGE_SIZES.contains(&size) || !size.is_multiple_of(32) {
        let expected =
            format!("a multiple of 32 in {}..={}", IMAGE_SIZES.start(), IMAGE_SIZES.end());
        return Err(BoardError::field("run.image_size_px", expected, size));
    }
    Ok(())
}

fn budget(board: &Board) -> Result<(), BoardError> {
    let budget = &board.budget;
    for (field, ms) in [
        ("budget.encode_ms", budget.encode_ms),
        ("budget.click_ms", budget.click_ms),
        ("budget.watchdog_ms", budget.watchdog_ms),
    ] {
        within(field, "ms", &BUDGET_MS, &ms)?;
    }
    // Both are at most a minute, so the sum cannot overflow.
    let answer = budget.encode_ms + budget.click_ms;
    if budget.watchdog_ms < answer {
        let expected = format!("at least encode_ms and click_ms together, {answer}");
        return Err(BoardError::field("budget.watchdog_ms", expected, budget.watchdog_ms));
    }
    let limit = board.memory.limit_mib;
    if !(1..=limit).contains(&budget.rss_mib) {
        let expected = format!("1 to memory.limit_mib, {limit}");
        return Err(BoardError::field("budget.rss_mib", expected, budget.rss_mib));
    }
    Ok(())
}

fn sources(board: &Board) -> Result<(), BoardError> {
    within("sources", "sources", &(1..=MAX_SOURCES), &board.sources.len())?;
    for (index, source) in board.sources.iter().enumerate() {
        text(&format!("sources[{index}].where"), &source.r#where)?;
    }
    for (figures, name) in SOURCED {
        if !board.sources.iter().any(|source| source.what == figures) {
            return Err(BoardError::field("sources", format!("one with what = `{name}`"), "none"));
        }
    }
    Ok(())
}

/// NaN is outside every range.
fn within<T: PartialOrd + Display>(
    field: &str,
    unit: &str,
    range: &RangeInclusive<T>,
    found: &T,
) -> Result<(), BoardError> {
    if range.contains(found) {
        return Ok(());
    }
    let expected = format!("{} to {} {unit}", range.start(), range.end());
    Err(BoardError::field(field, expected, found))
}

fn word(field: &str, word: &str) -> Result<(), BoardError> {
    let ok = (1..=32).contains(&word.len())
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if ok {
        return Ok(());
    }
    let expected = "1 to 32 lower-case letters, digits or `-`";
    Err(BoardError::field(field, expected, format!("`{}`", short(word))))
}

fn text(field: &str, text: &str) -> Result<(), BoardError> {
    if text.len() <= MAX_TEXT_BYTES && !text.trim().is_empty() && !text.contains(char::is_control) {
        return Ok(());
    }
    let expected = format!("one line of 1 to {MAX_TEXT_BYTES} bytes");
    Err(BoardError::field(field, expected, format!("{} bytes", text.len())))
}

/// The beginning of a text, which may be long.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
