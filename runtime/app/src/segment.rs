//! `uniultra segment`: reads a frame and writes a mask and its measures.

use crate::args::SegmentArgs;
use crate::board::RunSetup;
use crate::document::document;
use crate::input::Input;
use crate::output::{print, write, write_json};
use crate::report::Parts;
use crate::request::Request;
use crate::summary::summary;
use crate::watchdog::Watchdog;
use anyhow::Context;
use log::info;
use std::path::Path;
use std::time::Instant;
use uniultra_answer::{Answer, Warning, add, warnings};
use uniultra_core::{Prediction, diameters_with_spacing};
use uniultra_manifest::Manifest;
use uniultra_schema::Timings;
use uniultra_sink::{Alternative, Overlay, encode_logits, encode_mask_png, encode_overlay_png};

/// Runs the command. Cheap checks come first, so that a mistake costs no inference: arguments,
/// outputs, the frame, the prompts against the frame, and only then the model.
pub(crate) fn run(args: &SegmentArgs, board: Option<&Path>) -> anyhow::Result<()> {
    let start = Instant::now();
    let request = Request::resolve(args, board)?;
    // Before the model is opened: that binds threads to CPUs, and the watchdog must not inherit it.
    let watchdog = watchdog(&request.setup)?;
    let mut timings = Timings::default();

    let stage = Instant::now();
    let input = Input::read(&request)?;
    let frame = &input.frame;
    timings.decode_frame = elapsed_ms(stage);
    let (width, height) = (frame.width(), frame.height());
    info!("frame {}: {width} x {height} px, {:.1} ms", request.frame.name(), timings.decode_frame);
    if let Some(orientation) = input.orientation_applied {
        info!("the frame was turned upright: EXIF orientation {orientation}");
    }
    // The model's mask side is not known yet. The prompt's own side stands in; `predict` checks
    // again.
    let own_side = request.prompts.mask().map_or(0, |mask| mask.side());
    request.prompts.validate(width, height, own_side)?;

    let stage = Instant::now();
    let segmenter = request.setup.open(&request.model)?;
    timings.load = elapsed_ms(stage);
    let manifest = segmenter.manifest();
    info!("model {} {}: {:.1} ms", manifest.model.id, manifest.model.version, timings.load);
    request.prompts.validate(width, height, segmenter.mask_side())?;
    #[cfg(feature = "dicom")]
    let documents = input.documents.clone().map(|d| d.with_model(manifest)).transpose()?;

    if let Some(watchdog) = &watchdog {
        watchdog.begin();
    }
    let prediction = segmenter.encode(frame)?.predict(&request.prompts)?;
    let stages = prediction.timings();
    timings.preprocess = stages.preprocess_ms;
    timings.image_encoder = stages.encode_ms;
    timings.mask_decoder = stages.decode_ms;
    info!(
        "preprocess {:.1} ms, image encoder {:.1} ms, mask decoder {:.1} ms",
        stages.preprocess_ms, stages.encode_ms, stages.decode_ms
    );

    let answer = Answer::measure(&prediction, request.choice);
    drop(watchdog);
    timings.upsample = answer.upsample_ms;
    timings.measure = answer.measure_ms;
    let mut warnings = warnings(&answer, &request.prompts, prediction.object_score());
    add(&mut warnings, input.warnings.iter().copied());
    let budget_mib = request.setup.board().map(|board| board.budget.rss_mib);
    let memory = Warning::over_memory(budget_mib, uniultra_engine::peak_rss_mib());
    add(&mut warnings, memory);

    let stage = Instant::now();
    #[cfg(feature = "dicom")]
    let documents = documents.map(|d| d.encode(&request.outputs, &answer)).transpose()?;
    write_files(&request, manifest, &input, &prediction, &answer)?;
    #[cfg(feature = "dicom")]
    documents.unwrap_or_default().write()?;
    timings.write = elapsed_ms(stage);
    timings.total = elapsed_ms(start);
    info!("upsample {:.1} ms, write {:.1} ms", timings.upsample, timings.write);

    let report = Parts {
        frame_path: request.frame.name(),
        orientation_applied: input.orientation_applied,
        frame_number: input.number,
        threads: request.setup.engine.threads,
        board: request.setup.report(),
        prediction: &prediction,
        answer: &answer,
        spacing: input.spacing,
        timings,
        warnings,
    };
    let report = document(Some(request.model.identity(manifest)), report.report());
    if let Some(target) = &request.outputs.json {
        write_json(target, &report)?;
    }
    if !request.outputs.use_stdout() {
        print(&summary(&report, &request.outputs)?)?;
    }
    Ok(())
}

/// The board's deadline for this frame, if there is one.
fn watchdog(setup: &RunSetup) -> anyhow::Result<Option<Watchdog>> {
    let (Some(limit), Some(board)) = (setup.watchdog(), setup.board()) else {
        return Ok(None);
    };
    let what = format!("watchdog of board {}", board.id);
    Ok(Some(Watchdog::start(limit, what).context("cannot start the watchdog")?))
}

fn write_files(
    request: &Request,
    manifest: &Manifest,
    input: &Input,
    prediction: &Prediction,
    answer: &Answer,
) -> anyhow::Result<()> {
    let outputs = &request.outputs;
    if let Some(target) = &outputs.mask {
        write(target, |w| encode_mask_png(w, &answer.mask))?;
    }
    if let Some(target) = &outputs.logits {
        write(target, |w| encode_logits(w, prediction))?;
    }
    if let Some(target) = &outputs.overlay {
        let chosen = answer.chosen();
        let spacing = input.pixel_spacing();
        let diameters = match spacing {
            Some(spacing) => diameters_with_spacing(&chosen.contours, spacing),
            None => chosen.diameters,
        };
        let alternatives: Vec<_> = answer
            .others()
            .map(|other| Alternative::new(other.token, other.predicted_iou, other.contours.clone()))
            .collect();
        let model = format!("{} {}", manifest.model.id, manifest.model.version);
        let overlay = Overlay::new(&model, &input.frame, &request.prompts)
            .with_answer(&chosen.contours, chosen.area_px, chosen.predicted_iou)
            .with_diameters(diameters.as_ref())
            .with_spacing(spacing)
            .with_alternatives(&alternatives);
        write(target, |w| encode_overlay_png(w, &overlay))?;
    }
    Ok(())
}

fn elapsed_ms(start: Instant) -> f32 {
    start.elapsed().as_secs_f32() * 1e3
}
