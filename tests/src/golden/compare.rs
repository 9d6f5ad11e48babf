//! The difference between a prediction and the golden set's.

use super::{GoldenPrompt, GoldenSample, LOGIT_CLAMP, MASK_SIDE};

/// The difference between a prediction and the expected one.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// Largest difference of a (clamped) logit.
    pub logit_max_abs: f32,
    /// Largest difference of a predicted IoU.
    pub iou_max_abs: f32,
    /// Dice of the expected best mask with the predicted mask of the same index, foreground at
    /// logit > 0.
    pub best_dice: f64,
}

impl GoldenPrompt {
    /// Compares raw logits [3, 256, 256] of mask tokens 1 to 3 and their IoUs; the logits are
    /// clamped here.
    ///
    /// # Panics
    /// If `masks` has another size.
    #[must_use]
    pub fn compare(&self, masks: &[f32], iou: &[f32]) -> Agreement {
        assert_eq!(masks.len(), self.masks.len(), "logits of masks 1 to 3");
        assert_eq!(iou.len(), 3, "IoUs of masks 1 to 3");
        let clamped: Vec<f32> = masks.iter().map(|v| v.clamp(-LOGIT_CLAMP, LOGIT_CLAMP)).collect();
        let area = MASK_SIDE * MASK_SIDE;
        let best = self.best * area..(self.best + 1) * area;
        Agreement {
            logit_max_abs: max_abs_difference(&clamped, &self.masks),
            iou_max_abs: max_abs_difference(iou, &self.iou),
            best_dice: dice(&clamped[best.clone()], &self.masks[best]),
        }
    }
}

impl GoldenSample {
    /// Largest difference from the sampled elements of a whole tensor.
    ///
    /// # Panics
    /// If the tensor is too short.
    #[must_use]
    pub fn max_abs_difference(&self, tensor: &[f32]) -> f32 {
        let picked: Vec<f32> =
            tensor.iter().step_by(self.step).take(self.values.len()).copied().collect();
        max_abs_difference(&picked, &self.values)
    }
}

/// Largest absolute difference of two equally long slices; NaN where either has one.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn max_abs_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "values to compare");
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, |worst, d| {
        // `f32::max` would drop a NaN.
        if d.is_nan() || worst.is_nan() { f32::NAN } else { worst.max(d) }
    })
}

/// Dice of two logit maps, foreground at logit > 0; 1 where both are empty.
#[must_use]
pub fn dice(a: &[f32], b: &[f32]) -> f64 {
    let area = |m: &[f32]| m.iter().filter(|&&v| v > 0.0).count();
    let both = a.iter().zip(b).filter(|(x, y)| **x > 0.0 && **y > 0.0).count();
    let total = area(a) + area(b);
    if total == 0 { 1.0 } else { 2.0 * both as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_keep_a_nan() {
        assert_eq!(max_abs_difference(&[1.0, -2.0], &[1.5, -4.0]), 2.0);
        assert!(max_abs_difference(&[f32::NAN, 0.0], &[0.0, 9.0]).is_nan());
    }

    #[test]
    fn dice_counts_positive_logits() {
        assert_eq!(dice(&[1.0, 1.0, -1.0, 0.0], &[2.0, -3.0, 4.0, 0.0]), 0.5);
        assert_eq!(dice(&[-1.0], &[0.0]), 1.0);
    }

    #[test]
    fn a_sample_picks_every_step_th_element() {
        let sample = GoldenSample { tensor: "input".into(), step: 3, values: vec![0.0, 3.0, 6.5] };
        let tensor: Vec<f32> = (0..9).map(|i| i as f32).collect();
        assert_eq!(sample.max_abs_difference(&tensor), 0.5);
    }
}
