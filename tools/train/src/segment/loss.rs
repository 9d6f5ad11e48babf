//! The loss of segmentation training.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// Smoothing of the Dice ratio, in pixels: keeps it defined where both masks are empty.
const SMOOTH_PX: f64 = 1.0;

/// Weights of the loss.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// The comparison of a mask with its target.
    pub mask: MaskLoss,
    /// Pixels of the input that one pixel of the comparison stands for, along each side: 1, 2 or 4.
    /// At 4 the decoder's own logits are compared with the share of each cell that is inside; at 1
    /// they are enlarged first, which costs more than the decoder itself.
    pub stride: i64,
    /// Weight of the outline's length, where it is longer than the object's own: what makes a
    /// contour ragged.
    pub perimeter: f64,
    /// Weight of the best of mask tokens 1 to 3.
    pub multimask: f64,
    /// Weight of the squared error of the predicted IoU.
    pub iou: f64,
    /// Weight of the object score's cross entropy.
    pub object_score: f64,
    /// Weight of the teacher's masks as soft targets.
    pub soft: f64,
    /// Steps between those in which the teacher is asked.
    pub soft_every: usize,
    /// Divides the teacher's logits: above 1 its doubts count more.
    pub soft_temperature: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            mask: MaskLoss::Published,
            stride: 1,
            perimeter: 0.0,
            multimask: 0.5,
            iou: 0.1,
            object_score: 0.1,
            soft: 0.0,
            soft_every: 1,
            soft_temperature: 1.0,
        }
    }
}

impl LossConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let weights = [self.perimeter, self.multimask, self.iou, self.object_score, self.soft];
        ensure!(
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
            "loss: expected weights of at least 0, found {weights:?}"
        );
        ensure!(
            matches!(self.stride, 1 | 2 | 4),
            "loss.stride: expected 1, 2 or 4, found {}",
            self.stride
        );
        ensure!(self.soft_every >= 1, "loss.soft_every: expected at least 1, found 0");
        ensure!(
            self.soft_temperature.is_finite() && self.soft_temperature > 0.0,
            "loss.soft_temperature: expected a positive number, found {}",
            self.soft_temperature
        );
        Ok(())
    }
}

/// How predicted logits are compared with a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskLoss {
    /// `0.8 Dice + 0.2 focal`, focal `0.8 (1 - exp(-BCE))^2 BCE` (MODEL.md section 6).
    Published,
    /// `Dice + 2 BCE`.
    DiceBce,
}

impl MaskLoss {
    /// Loss `[P, M]` of logits `[P, M, H, W]` against targets `[P, 1, H, W]` in 0..=1.
    pub(crate) fn compute(self, logits: &Tensor, target: &Tensor) -> Tensor {
        let over_pixels = [-2_i64, -1];
        let target = target.expand_as(logits);
        let bce = logits
            .binary_cross_entropy_with_logits(
                &target,
                None::<&Tensor>,
                None::<&Tensor>,
                Reduction::None,
            )
            .mean_dim(over_pixels.as_slice(), false, Kind::Float);
        let probability = logits.sigmoid();
        let sum = |x: &Tensor| x.sum_dim_intlist(over_pixels.as_slice(), false, Kind::Float);
        let both = sum(&(&probability * &target));
        let either = sum(&probability) + sum(&target);
        let dice: Tensor = 1.0 - (both * 2.0 + SMOOTH_PX) / (either + SMOOTH_PX);
        match self {
            Self::Published => {
                let miss: Tensor = 1.0 - (-&bce).exp();
                dice * 0.8 + miss.square() * bce * (0.8 * 0.2)
            }
            Self::DiceBce => dice + bce * 2.0,
        }
    }
}

/// The excess length `[P, 1]` of the outline of `logits` `[P, 1, H, W]` over that of `target`, as a
/// share of the target's; 0 if it is shorter. The length of a soft mask's outline is the sum of its
/// differences between neighbours.
pub(crate) fn excess_perimeter(logits: &Tensor, target: &Tensor) -> Tensor {
    let length = |mask: &Tensor| {
        let along = |axis: i64| {
            let count = mask.size()[axis as usize];
            (mask.narrow(axis, 1, count - 1) - mask.narrow(axis, 0, count - 1))
                .abs()
                .sum_dim_intlist([-2_i64, -1].as_slice(), false, Kind::Float)
        };
        along(2) + along(3)
    };
    // The length of a pixel keeps the ratio defined if there is no object.
    let wanted = length(target).clamp_min(1.0);
    ((length(&logits.sigmoid()) - &wanted) / wanted).relu()
}

/// IoU `[P, M]` of thresholded logits `[P, M, H, W]` with masks `[P, 1, H, W]` of 0 and 1.
pub(crate) fn iou(logits: &Tensor, target: &Tensor) -> Tensor {
    let over_pixels = [-2_i64, -1];
    let found = logits.gt(0.0).to_kind(Kind::Float);
    let sum = |x: &Tensor| x.sum_dim_intlist(over_pixels.as_slice(), false, Kind::Float);
    let both = sum(&(&found * target));
    let either = sum(&found) + sum(target) - &both;
    both / either.clamp_min(1.0)
}

/// Cross entropy of logits against the teacher's softened probabilities, less its least value, so
/// that agreement is 0; the mean over all elements.
pub(crate) fn soft(logits: &Tensor, teacher: &Tensor, temperature: f64) -> Tensor {
    let wanted = (teacher / temperature).sigmoid();
    let bce = |x: &Tensor| {
        x.binary_cross_entropy_with_logits(
            &wanted,
            None::<&Tensor>,
            None::<&Tensor>,
            Reduction::Mean,
        )
    };
    (bce(&(logits / temperature)) - bce(&(teacher / temperature))) * (temperature * temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(x: &Tensor) -> f64 {
        x.mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn a_sure_and_right_mask_costs_nothing_and_a_wrong_one_much() {
        let target = Tensor::zeros([1, 1, 8, 8], (Kind::Float, tch::Device::Cpu));
        let _ = target.narrow(2, 0, 4).fill_(1.0);
        let right = (&target * 2.0 - 1.0) * 30.0;
        for loss in [MaskLoss::Published, MaskLoss::DiceBce] {
            assert!(value(&loss.compute(&right, &target)) < 1e-6);
            assert!(value(&loss.compute(&-&right, &target)) > 1.0);
        }
        assert_eq!(value(&iou(&right, &target)), 1.0);
        assert_eq!(value(&iou(&-&right, &target)), 0.0);
    }

    #[test]
    fn the_published_loss_is_what_its_formula_says() {
        // All logits 0: probability 1/2, BCE ln 2; target half ones of 4 pixels.
        let target = Tensor::from_slice(&[1.0_f32, 1.0, 0.0, 0.0]).reshape([1, 1, 2, 2]);
        let found = value(&MaskLoss::Published.compute(&target.zeros_like(), &target));
        let bce = std::f64::consts::LN_2;
        // Intersection 1, sums 2 + 2; smoothing 1.
        let dice = 1.0 - 3.0 / 5.0;
        let expected = 0.8 * dice + 0.2 * 0.8 * (1.0 - (-bce).exp()).powi(2) * bce;
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn a_ragged_outline_costs_and_a_smooth_one_does_not() {
        let target = Tensor::zeros([1, 1, 16, 16], (Kind::Float, tch::Device::Cpu));
        let _ = target.narrow(2, 0, 8).fill_(1.0);
        let logits = |mask: &Tensor| (mask * 2.0 - 1.0) * 30.0;
        assert!(value(&excess_perimeter(&logits(&target), &target)) < 1e-6);
        // Every second pixel of row 8 sticks out: 2 more differences each, of 16 in all.
        let ragged = target.copy();
        for column in [1, 3, 5, 7] {
            let _ = ragged.narrow(2, 8, 1).narrow(3, column, 1).fill_(1.0);
        }
        assert!((value(&excess_perimeter(&logits(&ragged), &target)) - 0.5).abs() < 1e-4);
        let empty = target.zeros_like();
        assert!(value(&excess_perimeter(&logits(&empty), &target)) < 1e-6);
    }

    #[test]
    fn agreement_with_the_teacher_costs_nothing() {
        let teacher = Tensor::from_slice(&[-3.0_f32, 0.2, 5.0]).reshape([1, 1, 1, 3]);
        assert!(value(&soft(&teacher, &teacher, 2.0)).abs() < 1e-6);
        assert!(value(&soft(&-&teacher, &teacher, 2.0)) > 0.1);
    }
}
