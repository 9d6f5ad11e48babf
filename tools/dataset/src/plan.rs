//! The order of images. Every image of a set is used once before any is used again; sets take turns
//! by their weights.

use crate::stream::Stream;
use crate::{Dataset, DatasetError};

/// One sample of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanItem {
    /// Index of the set.
    pub set: usize,
    /// Index of the image in its set.
    pub index: usize,
    /// How often the whole set was used before. (set, index, round) never repeats, so an image that
    /// repeats gets another augmentation.
    pub round: u64,
}

/// The order of all epochs of a training; each follows from (seed, epoch) alone.
#[derive(Clone, Debug)]
pub struct Plan {
    lengths: Vec<usize>,
    /// Parts of an epoch; they sum to 1.
    shares: Vec<f64>,
    samples_per_epoch: usize,
    seed: u64,
}

/// Streams of permutations of a set, and of the order within an epoch.
const PERMUTATION: u64 = 1;
const ORDER: u64 = 2;

impl Plan {
    /// A plan of `samples_per_epoch` samples an epoch; the number of all images if it is `None`.
    ///
    /// # Errors
    /// [`DatasetError::Config`] if that number is 0.
    pub fn new(
        dataset: &Dataset,
        samples_per_epoch: Option<usize>,
        seed: u64,
    ) -> Result<Self, DatasetError> {
        let sets = 0..dataset.set_names().len();
        let lengths: Vec<usize> = sets.clone().map(|set| dataset.len(set)).collect();
        let weights: Vec<f64> = sets.map(|set| dataset.weight(set)).collect();
        Self::with_lengths(lengths, &weights, samples_per_epoch, seed)
    }

    fn with_lengths(
        lengths: Vec<usize>,
        weights: &[f64],
        samples_per_epoch: Option<usize>,
        seed: u64,
    ) -> Result<Self, DatasetError> {
        let samples_per_epoch = samples_per_epoch.unwrap_or_else(|| lengths.iter().sum());
        if samples_per_epoch == 0 {
            return Err(DatasetError::Config {
                place: "samples_per_epoch".to_string(),
                expected: "at least 1",
                found: "0".to_string(),
            });
        }
        let total: f64 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight / total).collect();
        Ok(Self { lengths, shares, samples_per_epoch, seed })
    }

    /// Number of samples of each epoch.
    #[must_use]
    pub fn samples_per_epoch(&self) -> usize {
        self.samples_per_epoch
    }

    /// The samples of an epoch, from 0, in order.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Vec<PlanItem> {
        let (before, counts) = self.counts(epoch);
        let mut items = Vec::with_capacity(self.samples_per_epoch);
        for (set, (&before, &count)) in before.iter().zip(&counts).enumerate() {
            self.take(set, before, count, &mut items);
        }
        Stream::new(&[self.seed, ORDER, epoch]).shuffle(&mut items);
        items
    }

    /// The number of samples of each set before an epoch, and in it.
    ///
    /// A set's share of an epoch is rarely a whole number of samples. The rest is carried to the
    /// next epoch, so that even the smallest set gets its turn.
    fn counts(&self, epoch: u64) -> (Vec<u64>, Vec<u64>) {
        let sets = self.shares.len();
        let (mut before, mut counts) = (vec![0; sets], vec![0; sets]);
        let mut owed = vec![0.0_f64; sets];
        for _ in 0..=epoch {
            for set in 0..sets {
                before[set] += counts[set];
                owed[set] += self.shares[set] * self.samples_per_epoch as f64;
                counts[set] = owed[set].max(0.0) as u64;
            }
            let mut order: Vec<usize> = (0..sets).collect();
            let rest = |set: usize| owed[set] - counts[set] as f64;
            order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)));
            // Rounding down leaves less than one sample of each set to distribute. A set that is
            // ahead of its share gets none, which may take one too many from the others.
            let given: u64 = counts.iter().sum();
            let wanted = self.samples_per_epoch as u64;
            for &set in order.iter().cycle().take(wanted.saturating_sub(given) as usize) {
                counts[set] += 1;
            }
            let mut surplus = given.saturating_sub(wanted);
            for &set in order.iter().rev().cycle() {
                if surplus == 0 {
                    break;
                }
                let back = counts[set].min(1);
                counts[set] -= back;
                surplus -= back;
            }
            for set in 0..sets {
                owed[set] -= counts[set] as f64;
            }
        }
        (before, counts)
    }

    /// Samples `before..before + count` of a set.
    fn take(&self, set: usize, before: u64, count: u64, items: &mut Vec<PlanItem>) {
        let length = self.lengths[set] as u64;
        let mut permutation: (u64, Vec<usize>) = (u64::MAX, Vec::new());
        for sample in before..before + count {
            let round = sample / length;
            if permutation.0 != round {
                let mut images: Vec<usize> = (0..self.lengths[set]).collect();
                let of = [self.seed, PERMUTATION, set as u64, round];
                Stream::new(&of).shuffle(&mut images);
                permutation = (round, images);
            }
            let index = permutation.1[(sample % length) as usize];
            items.push(PlanItem { set, index, round });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(lengths: &[usize], weights: &[f64], samples: usize) -> Plan {
        Plan::with_lengths(lengths.to_vec(), weights, Some(samples), 5).unwrap()
    }

    fn of_set(items: &[PlanItem], set: usize) -> usize {
        items.iter().filter(|item| item.set == set).count()
    }

    #[test]
    fn by_default_an_epoch_is_every_image_once() {
        let plan = Plan::with_lengths(vec![7, 1, 12], &[7.0, 1.0, 12.0], None, 1).unwrap();
        for epoch in [0, 1, 9] {
            let items = plan.epoch(epoch);
            assert_eq!(items.len(), 20);
            let images: BTreeSet<_> = items.iter().map(|item| (item.set, item.index)).collect();
            assert_eq!(images.len(), 20);
            assert!(items.iter().all(|item| item.round == epoch));
            assert_eq!(items, plan.epoch(epoch));
        }
        assert_ne!(plan.epoch(0), plan.epoch(1));
    }

    #[test]
    fn weights_decide_and_every_image_comes_before_one_comes_twice() {
        let plan = plan(&[10, 40], &[3.0, 1.0], 12);
        let mut all = Vec::new();
        for epoch in 0..40 {
            let items = plan.epoch(epoch);
            assert_eq!((items.len(), of_set(&items, 0)), (12, 9));
            all.extend(items);
        }
        // 360 samples of 10 images: each 36 times; 120 of 40: each 3 times.
        for (set, length, times) in [(0, 10, 36), (1, 40, 3)] {
            for index in 0..length {
                let of = |item: &&PlanItem| (item.set, item.index) == (set, index);
                assert_eq!(all.iter().filter(of).count(), times, "{set}/{index}");
            }
        }
        let unique: BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len(), "no sample comes twice with the same augmentation");
    }

    #[test]
    fn the_smallest_share_has_its_turn() {
        let weights = [100.0, 0.3, 0.3, 0.3, 0.4];
        let plan = plan(&[50, 2, 2, 2, 2], &weights, 10);
        let all: Vec<_> = (0..100).map(|epoch| plan.epoch(epoch)).collect();
        assert!(all.iter().all(|items| items.len() == 10));
        for (set, weight) in weights.iter().enumerate() {
            let found: usize = all.iter().map(|items| of_set(items, set)).sum();
            let expected = weight / 101.3 * 1000.0;
            assert!((found as f64 - expected).abs() <= 1.0, "{set}: {found} of {expected}");
        }
    }

    #[test]
    fn an_epoch_needs_a_sample() {
        let error = Plan::with_lengths(vec![3], &[1.0], Some(0), 0).unwrap_err();
        assert!(error.to_string().contains("samples_per_epoch"), "{error}");
    }
}
