//! How far a lane's outputs are from those of the reference, ONNX Runtime in f32.

use anyhow::{Result, bail, ensure};
use std::path::Path;
use uniultra_checkout::npy;

const FEATURES: [&str; 3] = ["image_embed", "high_res_feats_0", "high_res_feats_1"];

/// Largest error of a lane in f32, of the tensor's largest magnitude. Engines that are exact to
/// rounding are at 1e-6; MNN's own exponential and GELU leave 1e-3.
const F32_LIMIT: f32 = 5e-3;

/// Least Dice of a lane in fewer bits: below it the lane is fast at something else.
const DICE_LIMIT: f64 = 0.9;

/// The outputs of one lane.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    features: [Vec<f32>; 3],
    /// Four masks' logits, one after the other.
    logits: Vec<f32>,
    /// Their predicted IoUs.
    iou: Vec<f32>,
}

/// Errors are the largest absolute difference over the reference's largest magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Agreement {
    /// Of the worst of the encoder's three outputs.
    pub(super) features: f32,
    /// Of the masks' logits.
    pub(super) logits: f32,
    /// Of the predicted IoUs.
    pub(super) iou: f32,
    /// Overlap of the masks (logits > 0), for the mask that the reference thinks best.
    pub(super) dice: f64,
}

impl Outputs {
    /// Reads what a lane wrote.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let file = |name: &str| npy::read(&folder.join(name).with_extension("npy"));
        let [embed, high_0, high_1] = FEATURES.map(file);
        let (logits, iou) = (file("masks")?, file("iou_predictions")?);
        let whole = !iou.is_empty() && logits.len().is_multiple_of(iou.len());
        ensure!(whole, "expected a mask for each of {} IoUs, found {}", iou.len(), logits.len());
        Ok(Self { features: [embed?, high_0?, high_1?], logits, iou })
    }

    /// How far these are from the reference's.
    pub(super) fn against(&self, reference: &Self) -> Result<Agreement> {
        let mut features = 0.0_f32;
        for (found, expected) in self.features.iter().zip(&reference.features) {
            features = features.max(error(found, expected)?);
        }
        let best = (0..reference.iou.len())
            .max_by(|&a, &b| reference.iou[a].total_cmp(&reference.iou[b]))
            .unwrap_or(0);
        let (logits, iou) =
            (error(&self.logits, &reference.logits)?, error(&self.iou, &reference.iou)?);
        let size = reference.logits.len() / reference.iou.len();
        let mask = |outputs: &Self| -> Vec<bool> {
            outputs.logits[best * size..][..size].iter().map(|&logit| logit > 0.0).collect()
        };
        Ok(Agreement { features, logits, iou, dice: dice(&mask(self), &mask(reference)) })
    }
}

impl Agreement {
    /// Refuses a lane that computes something else.
    pub(super) fn check(&self, is_f32: bool) -> Result<()> {
        let Self { features, logits, dice, .. } = *self;
        if is_f32 && !(features <= F32_LIMIT && logits <= F32_LIMIT) {
            bail!(
                "it computes something else: errors of {features:.1e} (features) and {logits:.1e} (logits), expected at most {F32_LIMIT:.0e}"
            );
        }
        if !(features.is_finite() && logits.is_finite()) {
            bail!("it computes something else: values that are not numbers");
        }
        if dice < DICE_LIMIT {
            bail!("it computes something else: Dice {dice:.3}, expected at least {DICE_LIMIT}");
        }
        Ok(())
    }
}

/// NaN where a value is.
fn error(found: &[f32], expected: &[f32]) -> Result<f32> {
    ensure!(
        found.len() == expected.len(),
        "expected {} values, found {}",
        expected.len(),
        found.len()
    );
    let magnitude = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // `max` would drop a NaN.
    let worst =
        differences.fold(0.0_f32, |worst, d| if worst.is_nan() || d <= worst { worst } else { d });
    Ok(worst / magnitude.max(f32::MIN_POSITIVE))
}

/// 1 where both are empty.
fn dice(a: &[bool], b: &[bool]) -> f64 {
    let count = |mask: &[bool]| mask.iter().filter(|&&on| on).count();
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let sum = count(a) + count(b);
    if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(logits: &[f32], iou: &[f32]) -> Outputs {
        let features = [vec![1.0, -4.0], vec![2.0], vec![0.5]];
        Outputs { features, logits: logits.to_vec(), iou: iou.to_vec() }
    }

    #[test]
    fn errors_are_of_the_largest_magnitude() {
        let reference = outputs(&[1.0, -2.0, 8.0, 8.0], &[0.9, 0.5]);
        let same = reference.against(&reference).unwrap();
        assert_eq!(same, Agreement { features: 0.0, logits: 0.0, iou: 0.0, dice: 1.0 });
        assert!(same.check(true).is_ok());

        let mut other = outputs(&[1.0, 2.0, 8.0, 8.0], &[0.9, 0.5]);
        other.features[0][1] = -3.0;
        let found = other.against(&reference).unwrap();
        assert_eq!((found.features, found.logits, found.iou), (0.25, 0.5, 0.0));
        // The first mask, the best of the reference: one pixel of two against one.
        assert!((found.dice - 2.0 / 3.0).abs() < 1e-9, "{found:?}");
        assert!(found.check(true).unwrap_err().to_string().contains("2.5e-1 (features)"));
        assert!(found.check(false).unwrap_err().to_string().contains("Dice 0.667"));
    }

    #[test]
    fn nan_is_never_agreement() {
        let reference = outputs(&[1.0, -2.0], &[0.9]);
        let nan = outputs(&[f32::NAN, -2.0], &[0.9]).against(&reference).unwrap();
        assert!(nan.logits.is_nan());
        assert!(nan.check(true).is_err() && nan.check(false).is_err());
        assert!(outputs(&[1.0], &[0.9]).against(&reference).is_err());
    }

    #[test]
    fn empty_masks_are_alike() {
        assert_eq!(dice(&[false; 3], &[false; 3]), 1.0);
        assert_eq!(dice(&[true, false], &[false, true]), 0.0);
    }
}
