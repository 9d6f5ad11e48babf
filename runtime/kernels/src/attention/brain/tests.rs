//! Attention with operands in bf16 against attention written out, in f64.

use super::is_available;
use crate::Attention;
use crate::attention::tests::{numbers, plain, reference, run_as_it_is as run};
use proptest::prelude::*;

/// What rounding may change, of values below 1: a score of at most 10 is off by up to 2^-8 of its products, which are
/// 16 or so, and a weight by as much as its score.
const TOLERANCE: f64 = 0.03;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn attention_is_close_to_its_definition(
        queries in 1_usize..70, keys in 1_usize..300, heads in 1_usize..3,
        dim in 1_usize..40, dim_v in 1_usize..40, seed: u64, scale in 0.1_f32..2.0,
    ) {
        if !is_available() {
            return Ok(());
        }
        let q = numbers(queries * heads * dim, seed, scale / (dim as f32).sqrt());
        let k = numbers(keys * heads * dim, seed ^ 1, 4.0);
        let v = numbers(keys * heads * dim_v, seed ^ 2, 1.0);
        let views = [plain(&q, heads * dim), plain(&k, heads * dim), plain(&v, heads * dim_v)];
        let attention = Attention::new(views, heads, [dim, dim_v], [queries, 1]).unwrap();
        let expected = reference(views, heads, [dim, dim_v], [queries, 1]);
        let found = run(&attention.in_fewer_bits());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            prop_assert!((f64::from(*found) - expected).abs() < TOLERANCE, "{i}: {found} for {expected}");
        }
        // Far from f32's result would be a mistake, and equal to it, too.
        let plain = run(&attention);
        prop_assert!(keys < 3 || plain != found);
    }
}

/// Scores so far apart that one weight is 1: the result is a value, as bf16 rounds its difference to the mean.
#[test]
fn the_value_of_the_only_likely_key_comes_out() {
    if !is_available() {
        return;
    }
    let (keys, dim) = (131, 16);
    for chosen in [0, 1, 63, 128, 130] {
        let mut k = vec![0.0; keys * dim];
        k[chosen * dim + 3] = 1.0;
        let mut q = vec![0.0; 33 * dim];
        q.chunks_exact_mut(dim).for_each(|q| q[3] = 256.0);
        let v: Vec<f32> = (0..keys * dim).map(|i| (i % 128) as f32).collect();
        let views = [plain(&q, dim), plain(&k, dim), plain(&v, dim)];
        let attention = Attention::new(views, 1, [dim, dim], [33, 1]).unwrap().in_fewer_bits();
        for row in run(&attention).chunks_exact(dim) {
            for (found, expected) in row.iter().zip(&v[chosen * dim..]) {
                assert!((found - expected).abs() <= 0.25, "{chosen}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_so_in_its_query_alone() {
    if !is_available() {
        return;
    }
    let mut q = numbers(40 * 16, 1, 1.0);
    q[5 * 16] = f32::NAN;
    let (k, v) = (numbers(70 * 16, 2, 1.0), numbers(70 * 16, 3, 1.0));
    let views = [plain(&q, 16), plain(&k, 16), plain(&v, 16)];
    let found = run(&Attention::new(views, 1, [16, 16], [40, 1]).unwrap().in_fewer_bits());
    for (i, row) in found.chunks_exact(16).enumerate() {
        assert!(row.iter().all(|value| value.is_nan() == (i == 5)), "{i}");
    }
}
