//! Whether predicted IoU is what is reached: the program chooses masks and warns by it.

use serde::{Deserialize, Serialize};

/// Bins of the expected calibration error, of equal width from 0 to 1.
const BINS: usize = 10;

/// An object's predicted IoU, and the one its mask reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IouPair {
    /// The model's own estimate, in 0..=1.
    pub predicted: f32,
    /// IoU of the mask with the object, in 0..=1.
    pub reached: f32,
}

/// How well predicted IoU agrees with the IoU reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Number of objects.
    pub objects: usize,
    /// Mean predicted IoU.
    pub predicted: f64,
    /// Mean IoU reached.
    pub reached: f64,
    /// The difference of both means within each of ten bins of predicted IoU, averaged over the
    /// objects (Guo et al., 2017, with IoU in place of accuracy).
    pub expected_calibration_error: f64,
    /// The bins that hold objects.
    pub bins: Vec<Bin>,
}

/// Objects of similar predicted IoU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Lowest predicted IoU of the bin; it reaches to the next tenth.
    pub from: f64,
    /// Number of objects.
    pub objects: usize,
    /// Their mean predicted IoU.
    pub predicted: f64,
    /// Their mean IoU reached.
    pub reached: f64,
}

impl Calibration {
    /// Of objects; `None` without one.
    pub(crate) fn from_pairs(pairs: &[IouPair]) -> Option<Self> {
        // Sorted before summing, so that the order in which images were done does not show.
        let mut pairs = pairs.to_vec();
        pairs.sort_by(|a, b| {
            a.predicted.total_cmp(&b.predicted).then(a.reached.total_cmp(&b.reached))
        });
        let bins: Vec<Bin> = (0..BINS).filter_map(|index| Bin::new(index, &pairs)).collect();
        let objects = pairs.len();
        let mean = |value: fn(&Bin) -> f64| {
            bins.iter().map(|bin| value(bin) * bin.objects as f64).sum::<f64>() / objects as f64
        };
        (objects > 0).then(|| Self {
            objects,
            predicted: mean(|bin| bin.predicted),
            reached: mean(|bin| bin.reached),
            expected_calibration_error: mean(|bin| (bin.predicted - bin.reached).abs()),
            bins: bins.clone(),
        })
    }
}

impl Bin {
    fn new(index: usize, pairs: &[IouPair]) -> Option<Self> {
        let bin_of = |pair: &IouPair| ((pair.predicted * BINS as f32) as usize).min(BINS - 1);
        let mine: Vec<&IouPair> = pairs.iter().filter(|pair| bin_of(pair) == index).collect();
        let mean = |value: fn(&IouPair) -> f32| {
            mine.iter().map(|pair| f64::from(value(pair))).sum::<f64>() / mine.len() as f64
        };
        (!mine.is_empty()).then(|| Self {
            from: index as f64 / BINS as f64,
            objects: mine.len(),
            predicted: mean(|pair| pair.predicted),
            reached: mean(|pair| pair.reached),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[[f32; 2]]) -> Vec<IouPair> {
        of.iter().map(|&[predicted, reached]| IouPair { predicted, reached }).collect()
    }

    #[test]
    fn errors_count_by_bin() {
        // Four bins of one object each; the last holds 1, too.
        let pairs = pairs(&[[0.5, 0.125], [1.0, 0.9375], [0.625, 0.5], [0.875, 0.9375]]);
        let found = Calibration::from_pairs(&pairs).unwrap();
        let seen: Vec<_> = found.bins.iter().map(|bin| (bin.from, bin.objects)).collect();
        assert_eq!(seen, [(0.5, 1), (0.6, 1), (0.8, 1), (0.9, 1)]);
        // (0.375 + 0.125 + 0.0625 + 0.0625) / 4.
        assert_eq!(found.expected_calibration_error, 0.156_25);
        assert_eq!((found.predicted, found.reached), (0.75, 0.625));
    }

    #[test]
    fn within_a_bin_errors_may_cancel() {
        let found = Calibration::from_pairs(&pairs(&[[0.75, 0.5], [0.75, 1.0]])).unwrap();
        assert_eq!((found.expected_calibration_error, found.bins.len()), (0.0, 1));
        let sure = Calibration::from_pairs(&pairs(&[[1.0, 0.25], [0.0, 0.25]])).unwrap();
        assert_eq!(sure.expected_calibration_error, 0.5);
        assert_eq!(Calibration::from_pairs(&[]), None);
    }
}
