//! An estimate of this machine against a measurement on it.

use crate::{Estimate, EstimateError, Range};
use serde::Serialize;
use std::time::Instant;
use uniultra_core::{Frame, PointLabel, Prompts, SegmentError};
use uniultra_engine::{EngineError, cpu_features, cpu_name};
use uniultra_manifest::Board;
use uniultra_profile::{ProfileError, Runs, Subject, sample_frame};
use uniultra_schema::Quantiles;

/// What the estimate said and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Validation {
    /// Name of this processor.
    pub cpu: String,
    /// SIMD features of it that matter to the engine.
    pub cpu_features: Vec<&'static str>,
    /// Runs that count.
    pub runs: u32,
    /// The image encoder.
    pub encode: Checked,
    /// A further click on a frame, from prompt to logits.
    pub click: Checked,
}

/// One stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Checked {
    /// What was estimated, in milliseconds.
    pub estimate_ms: Range,
    /// What was measured, in milliseconds.
    pub measured_ms: Quantiles,
    /// How far the median is outside of the range, as a share of the nearer bound; 0 inside.
    pub error: f64,
    /// The median over the geometric middle of the range.
    pub over_middle: f64,
}

impl Checked {
    fn new(estimate_ms: Range, times: &[f64]) -> Self {
        let measured_ms = Quantiles::from_times(times);
        let error = estimate_ms.error_of(measured_ms.p50);
        let over_middle = measured_ms.p50 / estimate_ms.middle();
        Self { estimate_ms, measured_ms, error, over_middle }
    }
}

/// Runs the model here and compares.
///
/// # Errors
/// [`EstimateError::NotHere`] if the board is of another architecture; [`EstimateError::Pack`].
pub fn validate(
    board: &Board,
    estimate: &Estimate,
    subject: &Subject,
    runs: Runs,
) -> Result<Validation, EstimateError> {
    let (expected, found) = (std::env::consts::ARCH, board.target.arch());
    if expected != found {
        return Err(EstimateError::NotHere { board: board.id.clone(), expected, found });
    }
    let frame = sample_frame()?;
    let failed =
        |error| ProfileError::Run { folder: subject.folder.clone(), source: Box::new(error) };
    let [encode_ms, click_ms] = times(subject, &frame, runs).map_err(failed)?;
    Ok(Validation {
        cpu: cpu_name(),
        cpu_features: cpu_features(),
        runs: runs.count,
        encode: Checked::new(estimate.encode.ms, &encode_ms),
        click: Checked::new(estimate.click.ms, &click_ms),
    })
}

/// Milliseconds of the image encoder and of the second click on a frame, a run each.
fn times(
    subject: &Subject,
    frame: &Frame,
    runs: Runs,
) -> Result<[Vec<f64>; 2], SegmentError<EngineError>> {
    let [mut encode_ms, mut click_ms] = [Vec::new(), Vec::new()];
    for run in 0..runs.warm_up + runs.count {
        let encoded = subject.segmenter.encode(frame)?;
        drop(encoded.predict(&click(frame, 2 * run)?)?);
        let prompts = click(frame, 2 * run + 1)?;
        let start = Instant::now();
        drop(encoded.predict(&prompts)?);
        if run >= runs.warm_up {
            click_ms.push(start.elapsed().as_secs_f64() * 1e3);
            encode_ms.push(f64::from(encoded.encode_ms()));
        }
    }
    Ok([encode_ms, click_ms])
}

/// A click, another place every time.
fn click(frame: &Frame, index: u32) -> Result<Prompts, uniultra_core::PromptError> {
    let along = |step: f64, side: usize| {
        let place = 0.2 + 0.6 * (f64::from(index) * step).fract();
        (place * (side - 1) as f64) as f32
    };
    let [x, y] = [along(0.618_033_989, frame.width()), along(0.414_213_562, frame.height())];
    Prompts::new().with_point(x, y, PointLabel::Positive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_of_the_median() {
        let range = Range::new(10.0, 40.0);
        let inside = Checked::new(range, &[19.0, 20.0, 90.0]);
        assert_eq!((inside.error, inside.over_middle), (0.0, 1.0));
        let outside = Checked::new(range, &[79.0, 80.0, 90.0]);
        assert_eq!((outside.error, outside.over_middle), (1.0, 4.0));
    }
}
