//! Compares the fast path with the definition, and the definition with attention in float.

use super::*;
use proptest::prelude::*;

/// Numbers of a fixed stream, in [-1, 1) times `scale`, zero in the padding.
fn numbers([rows, dim]: [usize; 2], used: usize, seed: u64, scale: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |i: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let value = ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale;
        if i % dim < used { value } else { 0.0 }
    };
    (0..rows * dim).map(&mut next).collect()
}

struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    dim: usize,
    dim_v: usize,
    width: usize,
}

impl Case {
    fn random(
        [queries, keys]: [usize; 2],
        dim: usize,
        width: usize,
        seed: u64,
        scale: f32,
    ) -> Self {
        let [padded, dim_v] = [dim, width].map(|dim| dim.next_multiple_of(LANES));
        Self {
            q: numbers([queries, padded], dim, seed, scale),
            k: numbers([keys, padded], dim, seed ^ 1, 1.0),
            v: numbers([keys, dim_v], width, seed ^ 2, 1.0),
            dim: padded,
            dim_v,
            width,
        }
    }

    fn run(&self, path: Path) -> Vec<f32> {
        let mut out = vec![f32::MAX; self.q.len() / self.dim * self.width];
        let Self { q, k, v, dim, dim_v, width, .. } = self;
        let mut head = Head { q, k, v, out: &mut out, dim: *dim, dim_v: *dim_v, width: *width };
        attend_on(path, &mut head, &mut Buffers::default());
        out
    }

    /// The exact result, in f64.
    fn exact(&self) -> Vec<f64> {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let mut out = Vec::new();
        for q in self.q.chunks_exact(self.dim) {
            let scores: Vec<f64> = self.k.chunks_exact(self.dim).map(|k| dot(q, k)).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let total: f64 = weights.iter().sum();
            for c in 0..self.width {
                let values = self.v.chunks_exact(self.dim_v).map(|v| f64::from(v[c]));
                out.push(weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / total);
            }
        }
        out
    }
}

/// Every path that this processor can run.
fn paths() -> Vec<Path> {
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "one path"))]
    let mut paths = vec![Path::Portable];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            paths.push(Path::Avx2);
        }
        if Path::detect() == Path::Vnni {
            paths.push(Path::Vnni);
        }
    }
    paths
}

fn bits(values: &[f32]) -> Vec<u32> {
    // Any NaN is as good as another.
    values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn paths_agree_to_the_bit(
        queries in 1_usize..20, keys in 1_usize..300, dim in 1_usize..40, width in 1_usize..40,
        seed: u64, scale in 0.0_f32..1e3,
    ) {
        let case = Case::random([queries, keys], dim, width, seed, scale);
        let expected = bits(&case.run(Path::Portable));
        for path in paths() {
            prop_assert_eq!(&bits(&case.run(path)), &expected, "{:?}", path);
        }
    }

    /// Scores as peaked as here (a spread of up to 5) are off by some hundredths, and so are the
    /// weights of the largest.
    #[test]
    fn close_to_float(
        queries in 1_usize..20, keys in 1_usize..2000, seed: u64, scale in 0.0_f32..4.0,
    ) {
        let case = Case::random([queries, keys], 16, 16, seed, scale);
        let (found, exact) = (case.run(Path::detect()), case.exact());
        let errors = found.iter().zip(&exact).map(|(f, e)| (f64::from(*f) - e).powi(2));
        let rms = (errors.sum::<f64>() / exact.len() as f64).sqrt();
        prop_assert!(rms < 0.03, "{rms}");
    }

    #[test]
    fn what_is_not_finite_is_not_lost(
        queries in 1_usize..20, keys in 1_usize..200, seed: u64, place: prop::sample::Index,
        bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        part in 0_usize..3,
    ) {
        let mut case = Case::random([queries, keys], 16, 16, seed, 1.0);
        let clean = case.run(Path::Portable);
        let values = [&mut case.q, &mut case.k, &mut case.v].into_iter().nth(part).unwrap();
        let at = place.index(values.len());
        values[at] = bad;
        for path in paths() {
            for (i, (found, clean)) in case.run(path).iter().zip(&clean).enumerate() {
                let hit = [i / 16 == at / 16, true, i % 16 == at % 16][part];
                prop_assert_eq!(found.is_nan(), hit, "{:?}: {} at {}", path, found, i);
                prop_assert!(hit || found == clean);
            }
        }
    }
}

/// Ten keys that count and 4,000 whose weights are below half a step, yet a quarter of the sum.
#[test]
fn many_small_weights_keep_their_sum() {
    let mut case = Case::random([8, 4010], 16, 16, 7, 0.0);
    let tail = (0.25 / 0.75 * 10.0 / 4000.0_f32).ln();
    assert!(tail.exp() < 0.5 / 255.0);
    for (i, (k, v)) in case.k.chunks_exact_mut(16).zip(case.v.chunks_exact_mut(16)).enumerate() {
        k.fill(0.0);
        k[0] = if i % 401 == 0 { 0.0 } else { tail };
        v.fill(if i % 401 == 0 { 0.0 } else { 1.0 });
    }
    for q in case.q.chunks_exact_mut(16) {
        q[0] = 1.0;
    }
    for path in paths() {
        let found = case.run(path)[0];
        assert!((found - 0.25).abs() < 0.01, "{path:?}: {found}");
    }
}

#[test]
fn equal_keys_give_the_mean() {
    let mut case = Case::random([3, 64], 16, 16, 5, 1.0);
    case.k.fill(0.3);
    let mean: f32 = case.v.chunks_exact(16).map(|v| v[4]).sum::<f32>() / 64.0;
    for path in paths() {
        assert!((case.run(path)[4] - mean).abs() < 0.004, "{path:?}");
    }
}

#[test]
fn weights_are_powers_of_two() {
    for x in 0..=u16::MAX {
        let exact = 255.0 * (-f64::from(x) / f64::from(1 << FRACTION_BITS)).exp2();
        let mean = DITHER.iter().map(|&d| f64::from(portable::weight(x, d))).sum::<f64>() / 64.0;
        assert!((mean - exact).abs() < 0.55, "{x}: {mean} for {exact}");
    }
}
