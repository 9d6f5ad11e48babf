//! The second stage: frames to answers. Each frame is encoded once.

use super::{FrameWork, Outcome, Piece, Step, Task, Turn};
use crate::BatchError;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use uniultra_core::{EncodedFrame, MAX_OBJECTS, Prompts, SegmentError};
use uniultra_engine::{Breakdown, EngineError, Segmenter, TractNetwork};

/// Takes one piece after the other and answers it, beside other threads that do the same.
///
/// # Errors
/// [`BatchError::Model`] if memory runs out. Any other failure of the model is one of the frame.
pub(crate) fn answer_all(
    segmenter: &Segmenter,
    turns: &Mutex<Receiver<Turn>>,
) -> Result<(), BatchError> {
    loop {
        let next = turns.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Turn { piece, answers }) = next else { return Ok(()) };
        let sent = match piece {
            Piece::Line(line) => answers.send(Outcome::Line(line)).is_ok(),
            Piece::Frame(work) => frame(segmenter, *work, &answers)?,
        };
        if !sent || answers.send(Outcome::End).is_err() {
            return Ok(());
        }
    }
}

/// Answers the prompts of a frame. Says whether anybody still takes answers.
fn frame(
    segmenter: &Segmenter,
    work: FrameWork,
    outcomes: &SyncSender<Outcome>,
) -> Result<bool, BatchError> {
    let FrameWork { frame, mut steps } = work;
    let size = [frame.width(), frame.height()];
    for step in &mut steps {
        check(step, size, segmenter.mask_side());
    }
    let asks = steps.iter().any(|step| matches!(step, Step::Ask(_)));
    let encoded = if asks { Some(segmenter.encode(&frame)) } else { None };
    drop(frame);
    let encoded = match encoded.transpose() {
        Ok(encoded) => encoded,
        Err(error) => {
            let reason = frames_fault(error)?;
            let failed = steps.into_iter().map(|step| match step {
                Step::Ask(task) => Outcome::Line(Box::new(task.line.failed(&reason))),
                Step::Failed(line) => Outcome::Line(line),
            });
            return Ok(failed.into_iter().all(|outcome| outcomes.send(outcome).is_ok()));
        }
    };
    // In groups, so that the answers of a frame with many objects need not be in memory together.
    let mut steps = steps.into_iter().peekable();
    while steps.peek().is_some() {
        let group: Vec<Step> = steps.by_ref().take(MAX_OBJECTS).collect();
        if !answer(encoded.as_ref(), group, outcomes)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sets the size in a prompt's line, and refuses a prompt that does not fit the frame.
fn check(step: &mut Step, [width, height]: [usize; 2], mask_side: usize) {
    let Step::Ask(task) = step else { return };
    task.line.width = Some(width);
    task.line.height = Some(height);
    if let Err(error) = task.prompts.validate(width, height, mask_side) {
        *step = Step::Failed(Box::new(task.line.clone().failed(error)));
    }
}

/// Answers up to [`MAX_OBJECTS`] prompts.
fn answer(
    encoded: Option<&EncodedFrame<TractNetwork>>,
    group: Vec<Step>,
    outcomes: &SyncSender<Outcome>,
) -> Result<bool, BatchError> {
    let asked: Vec<Prompts> = group
        .iter()
        .filter_map(|step| match step {
            Step::Ask(task) => Some(task.prompts.clone()),
            Step::Failed(_) => None,
        })
        .collect();
    // Together, so that the engine's threads share the prompts; one by one if one of them makes the model fail.
    let mut together = match encoded {
        Some(encoded) => encoded.predict_all(&asked).ok().map(Vec::into_iter),
        None => None,
    };
    for step in group {
        let outcome = match step {
            Step::Failed(line) => Outcome::Line(line),
            Step::Ask(task) => match together.as_mut().and_then(Iterator::next) {
                Some(prediction) => Outcome::Answer(task, Box::new(prediction)),
                None => alone(encoded, task)?,
            },
        };
        if outcomes.send(outcome).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn alone(
    encoded: Option<&EncodedFrame<TractNetwork>>,
    task: Box<Task>,
) -> Result<Outcome, BatchError> {
    let Some(encoded) = encoded else {
        return Err(BatchError::Internal("a prompt without a frame".to_string()));
    };
    match encoded.predict(&task.prompts) {
        Ok(prediction) => Ok(Outcome::Answer(task, Box::new(prediction))),
        Err(error) => Ok(Outcome::Line(Box::new(task.line.failed(frames_fault(error)?)))),
    }
}

/// The reason why this frame has no answer, unless memory ran out: that is no fault of the frame.
fn frames_fault(error: SegmentError<EngineError>) -> Result<String, BatchError> {
    if Breakdown::within(&error) == Some(Breakdown::OutOfMemory) {
        return Err(error.into());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(reason) = cause {
        text += &format!(": {reason}");
        cause = reason.source();
    }
    Ok(text)
}
