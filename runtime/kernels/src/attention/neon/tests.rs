//! The kernels for ARM against the plain one. Those in f16 run where the processor has it.

use super::half::{Half, attend as attend_in_halves};
use super::*;
use crate::Scratch;
use crate::attention::tests::{numbers, plain};
use proptest::prelude::*;

/// Random tokens of one window, their values times some scales.
#[derive(Clone, Copy, Debug)]
struct Case {
    queries: usize,
    keys: usize,
    heads: usize,
    dims: [usize; 2],
    seed: u64,
    scale: f32,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..80, 1_usize..300, 1_usize..3, [1_usize..40, 1..40]);
    (sizes, any::<u64>(), 0.1_f32..4.0).prop_map(|((queries, keys, heads, dims), seed, scale)| {
        Case { queries, keys, heads, dims, seed, scale }
    })
}

impl Case {
    fn tokens(&self) -> [Vec<f32>; 3] {
        let [dim, dim_v] = self.dims.map(|dim| dim * self.heads);
        [
            numbers(self.queries * dim, self.seed, self.scale / (dim as f32).sqrt()),
            numbers(self.keys * dim, self.seed ^ 1, 3.0),
            numbers(self.keys * dim_v, self.seed ^ 2, 1.0),
        ]
    }

    /// The results of both kernels, task by task.
    fn both(&self, tokens: &[Vec<f32>; 3], run: impl Fn(&Attention<'_>, &Task, &mut [f32])) {
        let [dim, dim_v] = self.dims.map(|dim| dim * self.heads);
        let [q, k, v] = tokens;
        let views = [plain(q, dim), plain(k, dim), plain(v, dim_v)];
        let attention = Attention::new(views, self.heads, self.dims, [self.queries, 1]).unwrap();
        for index in 0..attention.tasks() {
            let task = attention.task(index);
            let mut scratch = Scratch::default();
            scratch.attend_plain(&attention, &task);
            let mut expected = scratch.result().to_vec();
            run(&attention, &task, &mut expected);
        }
    }
}

/// Numbers and NaNs, without the NaNs' bits. Zeros of both signs are equal.
fn same(found: &[f32], expected: &[f32]) -> bool {
    found.iter().zip(expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn f32_gives_the_bits_of_the_plain_kernel(case in cases(), scale in 0.1_f32..60.0) {
        let mut tokens = case.tokens();
        tokens[0].iter_mut().for_each(|q| *q *= scale);
        case.both(&tokens, |attention, task, expected| {
            let mut found = vec![f32::NAN; expected.len()];
            real::attend(attention, task, &mut Parts::default(), &mut found);
            assert!(same(&found, expected), "{case:?}");
        });
    }

    #[test]
    fn f16_is_close_to_the_plain_kernel(case in cases()) {
        if has_halves() {
            case.both(&case.tokens(), |attention, task, expected| {
                let mut found = vec![f32::NAN; expected.len()];
                let fits = attend_in_halves(attention, task, &mut Parts::default(), &mut found);
                assert!(fits, "{case:?}");
                // Values are at most 1.
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - *expected).abs() < 0.01, "{found} for {expected}: {case:?}");
                }
            });
        }
    }
}

#[test]
fn what_is_not_finite_is_found_whatever_its_bits() {
    let case = Case { queries: 9, keys: 70, heads: 1, dims: [16, 16], seed: 5, scale: 1.0 };
    for bits in [0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0155, 0x7f80_0001, 0x7fff_ffff] {
        let value = f32::from_bits(bits);
        for (what, index) in [(0, 3 * 16 + 2), (1, 69 * 16 + 1), (1, 16 + 7), (2, 69 * 16 + 3)] {
            let mut tokens = case.tokens();
            tokens[what][index] = value;
            case.both(&tokens, |attention, task, expected| {
                let mut found = vec![0.0; expected.len()];
                attend(attention, task, &mut Buffers::default(), &mut found);
                let finite =
                    |values: &[f32]| values.iter().map(|v| v.is_finite()).collect::<Vec<_>>();
                assert_eq!(finite(&found), finite(expected), "{value} at {index} of {what}");
                if !has_halves() {
                    assert!(same(&found, expected));
                }
            });
        }
    }
}

#[test]
fn every_distance_has_the_weight_of_its_definition() {
    if !has_halves() {
        return;
    }
    // Distances are all halves from 0 to infinity, the maxima zero. Each key's only value is in a
    // channel of its own, so the sums are the weights.
    let mut v = [0_u16; 4 * PANEL];
    (0..4).for_each(|key| v[key * PANEL + key] = 0x3c00);
    for first in (0..=0x7c00_u16).step_by(4 * LANES) {
        let mut scores: Vec<u16> = (0..4 * LANES as u16).map(|i| 0x8000 | (first + i)).collect();
        // Beyond infinity there are only NaNs.
        scores.iter_mut().for_each(|score| *score = (*score).min(0xfc00));
        let distances = scores.clone();
        let mut softmax = Softmax { max: [0.0; LANES], total: [0.0; LANES] };
        let mut sums = [0.0; LANES * PANEL];
        Half::weigh(&mut scores, &v, 4, true, &[0.0; LANES], &mut softmax, &mut sums);
        for (i, half) in distances.into_iter().enumerate() {
            let (key, query) = (i / LANES, i % LANES);
            let (found, y) = (sums[query * PANEL + key], value(half & 0x7fff));
            assert_eq!(f64::from(found), defined(y), "2^-{y}");
            let exact = (-y).exp2();
            // The parabola's error, and that of a distance rounded to 11 bits. Near zero a weight
            // loses bits, and below 2^-15 it is zero.
            let relative = 0.004 + (y + 0.5) / 2048.0 * std::f64::consts::LN_2;
            let limit = (exact * relative).max(4e-5);
            assert!((f64::from(found) - exact).abs() < limit, "{found} for 2^-{y}");
        }
    }
}

/// A half's value.
fn value(half: u16) -> f64 {
    let (exponent, fraction) = (i32::from(half >> 10), f64::from(half & 0x3ff));
    match exponent {
        0 => fraction * (-24_f64).exp2(),
        31 => f64::INFINITY,
        _ => (1024.0 + fraction) * f64::from(exponent - 25).exp2(),
    }
}

/// What `weigh` computes with vectors, in integers: the definition of a weight.
fn defined(y: f64) -> f64 {
    // The distance with half an octave is rounded to a half, to nearest even: with 11 bits from the
    // first one on.
    let unit = (y + 0.5).log2().floor().exp2() / 1024.0;
    let y = ((y + 0.5) / unit).round_ties_even() * unit;
    let distance = (y * 1024.0).min(65_535.0) as i64;
    let u = i64::from(((distance << 6) as u16).cast_signed());
    let square = ((u * u * 2 + (1 << 15)) >> 16).min(0x7fff);
    let correction = (square * 88 * 2 + (1 << 15)) >> 16;
    let bits = ((15 << 10) + 512 - 88 + correction - distance).max(0);
    value(bits as u16)
}

#[test]
fn what_does_not_fit_f16_is_left_to_f32() {
    let case = Case { queries: 9, keys: 70, heads: 2, dims: [16, 16], seed: 5, scale: 1.0 };
    for (what, scale) in [(0, 1e3), (1, 1e3), (2, 1e3), (0, 1e-4), (1, 1e-4), (2, 1e-4), (2, 0.0)] {
        let mut tokens = case.tokens();
        tokens[what].iter_mut().for_each(|value| *value *= scale);
        case.both(&tokens, |attention, task, expected| {
            let mut found = vec![f32::NAN; expected.len()];
            attend(attention, task, &mut Buffers::default(), &mut found);
            assert!(same(&found, expected), "{what} times {scale}");
        });
    }
}
