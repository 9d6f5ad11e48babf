//! `uniultra selftest`: does this machine give the right answer, twice, within its memory?
//!
//! It needs no file except the program, so it also runs on a machine that holds nothing else.

mod checks;
mod report;
mod sample;
mod system;

use crate::args::SelftestArgs;
use crate::board::RunSetup;
use crate::document::document;
use crate::failure::AppError;
use crate::model::ModelSource;
use crate::output::{check_json, print, write_json};
use checks::Checks;
use log::info;
use report::{Answer, failed, text};
use std::path::Path;
use std::time::Instant;
use uniultra_core::{Mask, MaskChoice, Prediction, dice};
use uniultra_manifest::sha256_hex;
use uniultra_schema::{Document, SelftestReport};
use uniultra_sink::Destination;

/// Dice that the answers must reach against the exact mask: far below what the shipped models
/// reach, and far above that of a wrong answer.
const MIN_DICE: f32 = 0.9;

/// Runs the command; exit code 5 if a check fails.
pub(crate) fn run(args: &SelftestArgs, board: Option<&Path>) -> anyhow::Result<()> {
    check_json(args.json.as_ref(), None)?;
    let report = test(args, board)?;
    if let Some(target) = &args.json {
        write_json(target, &report)?;
    }
    if args.json != Some(Destination::Stdout) {
        print(&text(&report)?)?;
    }
    verdict(&report.report)
}

fn verdict(report: &SelftestReport) -> anyhow::Result<()> {
    let failed = failed(report);
    if failed.is_empty() { Ok(()) } else { Err(AppError::Selftest(failed.join(", ")).into()) }
}

fn test(args: &SelftestArgs, board: Option<&Path>) -> anyhow::Result<Document<SelftestReport>> {
    let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
    let model = ModelSource::resolve(args.model.as_deref())?;
    let (frame, truth) = (sample::frame()?, sample::truth()?);
    let start = Instant::now();
    let segmenter = setup.open(&model)?;
    let load_ms = start.elapsed().as_secs_f32() * 1e3;
    info!("model {}: {load_ms:.0} ms", segmenter.manifest().model.id);

    let encoded = segmenter.encode(&frame)?;
    let point = encoded.predict(&sample::point()?)?;
    let corners = encoded.predict(&sample::corners()?)?;
    drop(encoded);
    let again = segmenter.encode(&frame)?.predict(&sample::point()?)?;
    let mask = mask(&point);
    let answer = Answer {
        load_ms,
        timings: point.timings(),
        mask_dice: dice(&mask, &truth)?,
        box_mask_dice: dice(&self::mask(&corners), &truth)?,
        logits_sha256: sha256_hex(&little_endian(&point)),
        mask,
    };
    let peak_rss_mib = uniultra_engine::peak_rss_mib();

    let mut checks = Checks::default();
    checks.at_least("mask_from_point", MIN_DICE, answer.mask_dice);
    checks.at_least("mask_from_box", MIN_DICE, answer.box_mask_dice);
    let second = sha256_hex(&little_endian(&again));
    checks.equal("same_bits_twice", &answer.logits_sha256, &second);
    if let Some(expected) = &args.expect_logits {
        checks.equal("expected_logits", expected, &answer.logits_sha256);
    }
    let limit = args.max_rss_mib.or(setup.board().map(|board| board.budget.rss_mib));
    if let Some(limit) = limit {
        checks.memory("peak_rss_mib", limit, peak_rss_mib);
    }
    let identity = model.identity(segmenter.manifest());
    Ok(document(Some(identity), answer.report(&setup, peak_rss_mib, checks)))
}

fn mask(prediction: &Prediction) -> Mask {
    prediction.mask(prediction.choose(MaskChoice::Single))
}

/// The logits of all four masks as bytes, in the same order on every processor.
fn little_endian(prediction: &Prediction) -> Vec<u8> {
    prediction.logits().iter().flat_map(|logit| logit.to_le_bytes()).collect()
}
