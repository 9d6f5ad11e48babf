//! What is made of times: medians, spreads, ratios.

/// The value below which `share` of the sorted values lie, interpolated; NaN of none.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Times of one network in one lane, a list of milliseconds for each round.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times(pub(super) Vec<Vec<f64>>);

impl Times {
    /// 10 %, 50 % and 90 % of all times, ms.
    pub(super) fn spread(&self) -> [f64; 3] {
        let all = self.0.concat();
        [0.1, 0.5, 0.9].map(|share| quantile(&all, share))
    }

    /// How many times as long as `other`: the median over the rounds of the ratio of the round's
    /// medians. What slows the machine for a while slows both lanes of a round.
    pub(super) fn ratio(&self, other: &Self) -> f64 {
        let rounds = self.0.iter().zip(&other.0);
        let ratios: Vec<_> = rounds.map(|(own, theirs)| median(own) / median(theirs)).collect();
        median(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(&[0.0, 10.0], 0.1), 1.0);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // In the second round the machine is three times as slow, for both.
        let ours = Times(vec![vec![10.0, 10.0, 90.0], vec![30.0], vec![10.0]]);
        let theirs = Times(vec![vec![20.0], vec![60.0, 60.0, 1.0], vec![20.0]]);
        assert_eq!(theirs.ratio(&ours), 2.0);
        assert_eq!(ours.ratio(&ours), 1.0);
        assert_eq!(theirs.spread()[1], 20.0);
    }
}
