//! The kernel against attention written out, in f64.

use super::*;
use proptest::prelude::*;

/// Attention from its definition.
pub(super) fn reference(
    [q, k, v]: [MapView<'_>; 3],
    heads: usize,
    [dim, dim_v]: [usize; 2],
    [rows, columns]: [usize; 2],
) -> Vec<f64> {
    let read = |view: &MapView<'_>, window, token, channel: usize| {
        let [y, x] = view.place(window, token);
        f64::from(view.values[(y * view.columns + x) * view.channels + view.first + channel])
    };
    let mut out = vec![0.0; rows * columns * heads * dim_v];
    for window in 0..q.windows() {
        for (head, row) in (0..heads).flat_map(|h| (0..q.tokens()).map(move |row| (h, row))) {
            let [y, x] = q.place(window, row);
            if y >= rows || x >= columns {
                continue;
            }
            let score = |key| {
                let terms = (head * dim..(head + 1) * dim)
                    .map(|c| read(&q, window, row, c) * read(&k, window, key, c));
                terms.sum::<f64>()
            };
            let scores: Vec<f64> = (0..k.tokens()).map(score).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let total: f64 = weights.iter().sum();
            for d in 0..dim_v {
                let channel = head * dim_v + d;
                let sum: f64 =
                    weights.iter().enumerate().map(|(j, w)| w * read(&v, window, j, channel)).sum();
                out[(y * columns + x) * heads * dim_v + channel] = sum / total;
            }
        }
    }
    out
}

/// Numbers of a fixed stream, in [-1, 1) times `scale`.
pub(super) fn numbers(count: usize, seed: u64, scale: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale
    };
    (0..count).map(|_| next()).collect()
}

pub(super) fn plain(values: &[f32], channels: usize) -> MapView<'_> {
    let window = [values.len() / channels, 1];
    MapView { values, columns: 1, channels, first: 0, window }
}

/// In f32: what f16 does has its own tests.
fn run(attention: &Attention<'_>) -> Vec<f32> {
    run_as_it_is(&attention.in_f32())
}

pub(super) fn run_as_it_is(attention: &Attention<'_>) -> Vec<f32> {
    let mut out = vec![f32::NAN; attention.output_len()];
    attention.run(&mut Scratch::default(), &mut out).unwrap();
    out
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < 2e-5, "{i}: {found} for {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plain_attention(
        queries in 1_usize..70, keys in 1_usize..300, heads in 1_usize..4,
        dim in 1_usize..24, dim_v in 1_usize..24, seed: u64, scale in 0.1_f32..8.0,
    ) {
        let q = numbers(queries * heads * dim, seed, scale);
        let k = numbers(keys * heads * dim, seed ^ 1, 1.0);
        let v = numbers(keys * heads * dim_v, seed ^ 2, 1.0);
        let views = [plain(&q, heads * dim), plain(&k, heads * dim), plain(&v, heads * dim_v)];
        let attention = Attention::new(views, heads, [dim, dim_v], [queries, 1]).unwrap();
        assert_close(&run(&attention), &reference(views, heads, [dim, dim_v], [queries, 1]));
    }

    #[test]
    fn windows_of_a_map(
        count in 1_usize..4, window in 1_usize..9, heads in 1_usize..3, pooled: bool, crop: bool,
        seed: u64,
    ) {
        // As in the encoder: one map of q, k and v, or a pooled q beside a map of k and v.
        let (dim, side) = (16, count * window * 2);
        let map = numbers(side * side * 3 * heads * dim, seed, 2.0);
        let q_side = if pooled { side / 2 } else { side };
        let q = numbers(q_side * q_side * heads * dim, seed ^ 1, 2.0);
        let view = |part: usize| MapView {
            values: &map, columns: side, channels: 3 * heads * dim, first: part * heads * dim,
            window: [window * 2; 2],
        };
        let pooled_view = MapView {
            values: &q, columns: q_side, channels: heads * dim, first: 0, window: [window; 2],
        };
        let views = [if pooled { pooled_view } else { view(0) }, view(1), view(2)];
        let output = if crop { [q_side - 1, q_side] } else { [q_side; 2] };
        let attention = Attention::new(views, heads, [dim; 2], output).unwrap();
        assert_close(&run(&attention), &reference(views, heads, [dim; 2], output));
    }
}

#[test]
fn bands_and_tasks_are_the_whole() {
    // Queries by windows, cropped, and as one window of several bands, the last a short one.
    let (k, v) = (numbers(1800 * 32, 2, 1.0), numbers(1800 * 32, 3, 1.0));
    let q = numbers(1800 * 32, 1, 1.0);
    for (columns, window, output) in [
        (60, [10, 30], [25, 60]),
        (60, [30, 60], [30, 60]),
        (1, [1800, 1], [1800, 1]),
        (1800, [1, 1800], [1, 1700]),
    ] {
        let view = |values| MapView { values, columns, channels: 32, first: 0, window };
        let attention = Attention::new([view(&q), view(&k), view(&v)], 2, [16; 2], output).unwrap();
        let whole = run_as_it_is(&attention);
        assert_eq!(attention.bands().sum::<usize>(), whole.len());
        let mut by_tasks = vec![f32::NAN; whole.len()];
        let mut scratch = Scratch::default();
        for task in 0..attention.tasks() {
            attention.compute(task, &mut scratch);
            attention.place(task, scratch.result(), &mut by_tasks).unwrap();
        }
        assert!(by_tasks == whole);
        assert!(attention.run_band(0, &mut scratch, &mut by_tasks[..1]).is_err());
        assert!(attention.run_band(usize::MAX / 4, &mut scratch, &mut by_tasks).is_err());
    }
}

#[test]
fn large_scores_do_not_overflow() {
    // Maxima that grow from tile to tile, by more than exp can hold.
    let k: Vec<f32> = (0..600).map(|i| i as f32).collect();
    let v = numbers(600, 3, 1.0);
    let q = [1.0, 300.0, -300.0, 1e-3, 0.0];
    let views = [plain(&q, 1), plain(&k, 1), plain(&v, 1)];
    let attention = Attention::new(views, 1, [1, 1], [5, 1]).unwrap();
    assert_close(&run(&attention), &reference(views, 1, [1, 1], [5, 1]));
}

#[test]
fn what_is_not_finite_stays_in_its_row() {
    let mut q = numbers(40 * 16, 1, 1.0);
    q[16] = f32::NAN;
    q[32] = f32::INFINITY;
    let (k, v) = (numbers(300 * 16, 2, 1.0), numbers(300 * 16, 3, 1.0));
    let views = [plain(&q, 16), plain(&k, 16), plain(&v, 16)];
    let out = run(&Attention::new(views, 1, [16, 16], [40, 1]).unwrap());
    assert!(out[16..48].iter().all(|v| v.is_nan()));
    assert!(out[..16].iter().chain(&out[48..]).all(|v| v.is_finite()));
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let values = numbers(64, 1, 1.0);
    let (a, b) = (plain(&values, 16), plain(&values, 8));
    assert!(Attention::new([a, a, a], 1, [16, 16], [4, 1]).is_ok());
    assert!(Attention::new([a, a, b], 1, [16, 8], [4, 1]).is_err());
    assert!(Attention::new([a, a, a], 2, [16, 16], [4, 1]).is_err());
    assert!(Attention::new([a, a, a], 1, [16, 16], [5, 1]).is_err());
    assert!(Attention::new([a, a, MapView { window: [3, 1], ..a }], 1, [16, 16], [4, 1]).is_err());
    assert!(Attention::new([a, a, MapView { window: [0, 0], ..a }], 1, [16, 16], [4, 1]).is_err());
    assert!(Attention::new([a, a, a], usize::MAX, [16, 16], [4, 1]).is_err());
    let attention = Attention::new([a, a, a], 1, [16, 16], [4, 1]).unwrap();
    assert!(attention.run(&mut Scratch::default(), &mut [0.0; 63]).is_err());
}
