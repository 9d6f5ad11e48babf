//! Scaled dot-product attention with several heads.

use super::matrix::Strips;

/// Queries whose scores are held at a time: 64 x 4096 keys are 2 MB.
const QUERIES_AT_ONCE: usize = 64;

/// `softmax(q k^T / sqrt(head_dim)) v` for each head; `q` [n, width], `k` and `v` [m, width] with
/// the heads side by side in `width`. Returns [n, width].
pub(super) fn attention(q: &[f32], k: &[f32], v: &[f32], width: usize, heads: usize) -> Vec<f32> {
    let head_dim = width / heads;
    assert_eq!(head_dim * heads, width, "width of {heads} heads");
    assert_eq!(k.len(), v.len(), "as many keys as values");
    let keys = k.len() / width;
    let queries = q.len() / width;
    let scale = 1.0 / (head_dim as f64).sqrt();
    let mut result = vec![0.0; q.len()];
    for head in 0..heads {
        let at = |token: usize, d: usize| token * width + head * head_dim + d;
        let keys_transposed = Strips::from_fn(head_dim, keys, |d, j| k[at(j, d)]);
        let values = Strips::from_fn(keys, head_dim, |j, d| v[at(j, d)]);
        for first in (0..queries).step_by(QUERIES_AT_ONCE) {
            let rows = first..queries.min(first + QUERIES_AT_ONCE);
            let block: Vec<f64> = rows
                .clone()
                .flat_map(|i| (0..head_dim).map(move |d| f64::from(q[at(i, d)]) * scale))
                .collect();
            let mut scores = keys_transposed.left_product(&block);
            scores.chunks_exact_mut(keys).for_each(softmax);
            let mixed = values.left_product(&scores);
            for (i, row) in rows.zip(mixed.chunks_exact(head_dim)) {
                for (d, &value) in row.iter().enumerate() {
                    result[at(i, d)] = value as f32;
                }
            }
        }
    }
    result
}

/// Softmax in place, shifted by the maximum.
fn softmax(row: &mut [f64]) {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for v in row.iter_mut() {
        *v = (*v - max).exp();
        sum += *v;
    }
    row.iter_mut().for_each(|v| *v /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heads_attend_apart() {
        // Width 2, two heads of one channel. Head 0 has equal keys: the mean of its values. Head 1
        // has scores 0 and ln 3: weights 1/4 and 3/4.
        let ln3 = 3.0_f32.ln();
        let out = attention(&[5.0, 1.0], &[2.0, 0.0, 2.0, ln3], &[1.0, 4.0, 3.0, 8.0], 2, 2);
        assert!((out[0] - 2.0).abs() < 1e-6 && (out[1] - 7.0).abs() < 1e-5, "{out:?}");
    }

    #[test]
    fn scores_are_divided_by_the_root_of_the_head_width() {
        // Head width 4: q.k = 2 ln 3 halves to ln 3.
        let k = [[0.0; 4], [2.0 * 3.0_f32.ln(), 0.0, 0.0, 0.0]].concat();
        let v = [[0.0; 4], [4.0; 4]].concat();
        let out = attention(&[1.0, 0.0, 0.0, 0.0], &k, &v, 4, 1);
        assert!((out[0] - 3.0).abs() < 1e-6, "{out:?}");
    }
}
