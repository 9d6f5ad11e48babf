//! Measures of the area that masks share.

use super::same_size;
use crate::{Mask, MetricError};

/// Logits within this of 0 are uncertain (SAM 2's `dynamic_multimask_stability_delta`).
const STABILITY_DELTA: f32 = 0.05;

/// Dice coefficient 2 |A and B| / (|A| + |B|), in 0..=1; 1 for two empty masks.
///
/// # Errors
/// [`MetricError::Size`] if the masks differ in size.
pub fn dice(a: &Mask, b: &Mask) -> Result<f32, MetricError> {
    let shared = shared_px(a, b)?;
    Ok(ratio(2 * shared, a.area_px() + b.area_px()))
}

/// Intersection over union |A and B| / |A or B|, in 0..=1; 1 for two empty masks.
///
/// # Errors
/// [`MetricError::Size`] if the masks differ in size.
pub fn iou(a: &Mask, b: &Mask) -> Result<f32, MetricError> {
    let shared = shared_px(a, b)?;
    Ok(ratio(shared, a.area_px() + b.area_px() - shared))
}

/// Stability of a mask (SAM 2's mask decoder): the area where logits are above 0.05, divided by the
/// area where they are above -0.05. 1 if the second area is empty.
#[must_use]
pub fn stability_score(logits: &[f32]) -> f32 {
    let above = |threshold| logits.iter().filter(|&&logit| logit > threshold).count();
    ratio(above(STABILITY_DELTA), above(-STABILITY_DELTA))
}

fn shared_px(a: &Mask, b: &Mask) -> Result<usize, MetricError> {
    same_size(a, b)?;
    Ok(a.data().iter().zip(b.data()).filter(|(a, b)| **a & **b != 0).count())
}

fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 { 1.0 } else { (part as f64 / whole as f64) as f32 }
}
