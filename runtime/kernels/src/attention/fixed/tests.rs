//! The path of this processor against the definition, and the definition against attention in f64.

use super::portable::{Distance, weight};
use super::*;
use crate::attention::integer::DITHER;
use crate::attention::tests::numbers;
use proptest::prelude::*;

#[derive(Clone)]
struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn random([queries, keys]: [usize; 2], seed: u64, scale: f32) -> Self {
        Self {
            q: numbers(queries * CHANNELS, seed, scale),
            k: numbers(keys * CHANNELS, seed ^ 1, 1.0),
            v: numbers(keys * CHANNELS, seed ^ 2, 1.0),
        }
    }

    fn run(&self, run: impl Fn(&mut Tokens<'_>)) -> Vec<f32> {
        let padded = |values: &[f32]| {
            let mut rows = values.as_chunks::<CHANNELS>().0.to_vec();
            rows.resize(rows.len().next_multiple_of(TILE), *rows.last().unwrap());
            rows
        };
        let (q, _) = self.q.as_chunks::<CHANNELS>();
        let mut out = vec![[f32::MAX; CHANNELS]; q.len()];
        let (k, v, keys) = (padded(&self.k), padded(&self.v), self.k.len() / CHANNELS);
        run(&mut Tokens { q, k: &k, v: &v, keys, out: &mut out });
        out.into_flattened()
    }

    /// What this processor gives.
    fn found(&self) -> Vec<f32> {
        #[cfg(target_arch = "aarch64")]
        return self.run(|tokens| attend(tokens, &mut Buffers::default()));
        #[cfg(not(target_arch = "aarch64"))]
        self.defined()
    }

    fn defined(&self) -> Vec<f32> {
        self.run(|tokens| portable::attend(tokens, &mut portable::Buffers::default()))
    }

    fn exact(&self) -> Vec<f64> {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let mut out = Vec::new();
        for q in self.q.chunks_exact(CHANNELS) {
            let scores: Vec<f64> = self.k.chunks_exact(CHANNELS).map(|k| dot(q, k)).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let total: f64 = weights.iter().sum();
            for c in 0..CHANNELS {
                let values = self.v.chunks_exact(CHANNELS).map(|v| f64::from(v[c]));
                out.push(weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / total);
            }
        }
        out
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    // Any NaN is as good as another.
    values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_path_has_the_bits_of_the_definition(
        queries in 1_usize..20, keys in MIN_KEYS..300, seed: u64, scale in 0.0_f32..1e3,
    ) {
        let case = Case::random([queries, keys], seed, scale);
        prop_assert_eq!(bits(&case.found()), bits(&case.defined()));
    }

    /// Values are at most 1. The larger the scores, the larger their steps: at a scale of 4 they are off by up to a
    /// tenth, and so are the largest weights.
    #[test]
    fn close_to_float(
        queries in 1_usize..20, keys in MIN_KEYS..2000, seed: u64, scale in 0.0_f32..4.0,
    ) {
        let case = Case::random([queries, keys], seed, scale);
        let (found, exact) = (case.found(), case.exact());
        let errors = found.iter().zip(&exact).map(|(f, e)| (f64::from(*f) - e).powi(2));
        let rms = (errors.sum::<f64>() / exact.len() as f64).sqrt();
        prop_assert!(rms < 0.01 + 0.02 * f64::from(scale), "{rms}");
    }

    #[test]
    fn what_is_not_finite_is_not_lost(
        queries in 1_usize..20, keys in MIN_KEYS..200, seed: u64, place: prop::sample::Index,
        bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        part in 0_usize..3,
    ) {
        let mut case = Case::random([queries, keys], seed, 1.0);
        let clean = case.found();
        let values = [&mut case.q, &mut case.k, &mut case.v].into_iter().nth(part).unwrap();
        let at = place.index(values.len());
        values[at] = bad;
        for found in [case.found(), case.defined()] {
            for (i, (found, clean)) in found.iter().zip(&clean).enumerate() {
                let hit = [i / 16 == at / 16, true, i % 16 == at % 16][part];
                prop_assert_eq!(found.is_nan(), hit, "{} at {}", found, i);
                prop_assert!(hit || found == clean);
            }
        }
    }
}

/// The longest query along the longest key, both ways, and along no axis: the largest scores that there are.
#[test]
fn the_largest_scores_fit_16_bits() {
    for direction in 0..64_u64 {
        let along = numbers(CHANNELS, direction + 1, 1.0);
        let mut case = Case::random([5, 64], direction, 1.0);
        for (i, k) in case.k.chunks_exact_mut(CHANNELS).enumerate() {
            let scale = if i % 2 == 0 { 3.0 } else { -3.0 };
            k.iter_mut().zip(&along).for_each(|(k, a)| *k = scale * a);
        }
        for q in case.q.chunks_exact_mut(CHANNELS) {
            q.iter_mut().zip(&along).for_each(|(q, a)| *q = 10.0 * a);
        }
        // Every other key has all the weight.
        for v in case.v.chunks_exact_mut(2 * CHANNELS) {
            v[..CHANNELS].fill(1.0);
            v[CHANNELS..].fill(-1.0);
        }
        assert!(case.found().iter().all(|&out| (out - 1.0).abs() < 1e-6), "{direction}");
    }
}

#[test]
fn as_many_keys_as_there_may_be() {
    // Queries that find all keys alike give every key the largest weight.
    for scale in [0.0, 1.0] {
        let case = Case::random([2, MAX_KEYS], 7, scale);
        assert_eq!(bits(&case.found()), bits(&case.defined()));
    }
}

/// Through the whole of attention: windows, heads and a map that is cut.
#[cfg(target_arch = "aarch64")]
#[test]
fn windows_of_a_map_in_fewer_bits() {
    use crate::attention::tests::{reference, run_as_it_is};
    use crate::{Attention, MapView};
    let (side, heads) = (28, 2);
    let map = numbers(side * side * 3 * heads * CHANNELS, 3, 1.0);
    let views = [0, 1, 2].map(|part| MapView {
        values: &map,
        columns: side,
        channels: 3 * heads * CHANNELS,
        first: part * heads * CHANNELS,
        window: [14; 2],
    });
    let attention = Attention::new(views, heads, [CHANNELS; 2], [26, 25]).unwrap().in_fewer_bits();
    let exact = reference(views, heads, [CHANNELS; 2], [26, 25]);
    let errors = run_as_it_is(&attention)
        .iter()
        .zip(&exact)
        .map(|(f, e)| (f64::from(*f) - e).powi(2))
        .collect::<Vec<_>>();
    // Values are at most 1. The largest errors are in rows that a few keys rule.
    let rms = (errors.iter().sum::<f64>() / errors.len() as f64).sqrt();
    let largest = errors.iter().copied().fold(0.0, f64::max).sqrt();
    assert!(rms < 0.005 && largest < 0.08, "{rms} {largest}");
}

#[test]
fn equal_keys_give_the_mean() {
    let mut case = Case::random([3, 64], 5, 1.0);
    case.k.fill(0.3);
    let mean: f32 = case.v.chunks_exact(CHANNELS).map(|v| v[4]).sum::<f32>() / 64.0;
    assert!((case.found()[4] - mean).abs() < 0.001);
}

#[test]
fn extreme_scales_stay_finite() {
    for (q, k) in [(1e-30, 1.0), (1e12, 1.0), (1.0, 1e12), (1e-12, 1e12), (0.0, 0.0), (1e-40, 1e18)]
    {
        let mut case = Case::random([5, 70], 5, 1.0);
        case.q.iter_mut().for_each(|value| *value *= q);
        case.k.iter_mut().for_each(|value| *value *= k);
        let found = case.found();
        assert!(found.iter().all(|value| value.abs() <= 1.1), "{q} {k}");
        assert_eq!(bits(&found), bits(&case.defined()));
    }
}

#[test]
fn weights_are_powers_of_two() {
    // Units of the distance: 2^-9 of an octave for a halved distance of 1.
    let distance = Distance { factor: 1 << 14, shift: 3, mark: 1.0 };
    for half in 0..1 << 14 {
        let score = (16_000 - 2 * half) as i16;
        let weights = DITHER.iter().map(|&d| f64::from(weight(score, 16_000, distance, d)));
        let (mean, exact) = (weights.sum::<f64>() / 64.0, 63.0 * (-f64::from(half) / 512.0).exp2());
        // The dither has steps of 1/64, and the parabola is off by 0.002.
        assert!((mean - exact).abs() < 0.02 + 0.003 * exact, "{half}: {mean} for {exact}");
    }
}
