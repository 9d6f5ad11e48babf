//! The position embedding: bicubic background plus tiled window, as one bilinear form.
//!
//! Both parts are linear along each axis, so the whole map is `Y P X` per channel, with a small
//! core `P` and two thin matrices. The simplified export stores this form. For mini with 1024 px
//! input it has 13,328 numbers instead of 1,048,576, and an engine computes the map once, when it
//! loads the model.

/// `core [C, k, k]` between `rows [n, k]` and its transpose: `map[c] = rows * core[c] * rows^T`.
pub(super) struct BilinearForm {
    pub(super) rows: Vec<f64>,
    pub(super) core: Vec<f32>,
    pub(super) side: usize,
    pub(super) rank: usize,
    channels: usize,
}

impl BilinearForm {
    /// An all-zero map.
    pub(super) fn zero(side: usize, channels: usize) -> Self {
        Self { rows: Vec::new(), core: Vec::new(), side, rank: 0, channels }
    }

    /// Adds `part_rows * part[c] * part_rows^T`; `part` is `[C, k, k]`, `part_rows` `[n, k]`.
    pub(super) fn plus(self, part_rows: &[f64], part: &[f32]) -> Self {
        let k = part_rows.len() / self.side;
        let rank = self.rank + k;
        let mut rows = Vec::with_capacity(self.side * rank);
        for i in 0..self.side {
            rows.extend_from_slice(&self.rows[i * self.rank..(i + 1) * self.rank]);
            rows.extend_from_slice(&part_rows[i * k..(i + 1) * k]);
        }
        // The new core is block-diagonal: the old one, then the new part.
        let mut core = vec![0.0; self.channels * rank * rank];
        for c in 0..self.channels {
            let block = &mut core[c * rank * rank..(c + 1) * rank * rank];
            for i in 0..self.rank {
                let old = &self.core[(c * self.rank + i) * self.rank..][..self.rank];
                block[i * rank..][..self.rank].copy_from_slice(old);
            }
            for i in 0..k {
                let new = &part[(c * k + i) * k..][..k];
                block[(self.rank + i) * rank + self.rank..][..k].copy_from_slice(new);
            }
        }
        Self { rows, core, rank, ..self }
    }

    /// The map, `[C, n, n]`.
    pub(super) fn materialise(&self) -> Vec<f32> {
        let (n, k) = (self.side, self.rank);
        let mut map = Vec::with_capacity(self.channels * n * n);
        for core in self.core.chunks_exact(k * k) {
            // right[i][x] = sum_j core[i][j] * rows[x][j]
            let right: Vec<f64> = (0..k * n)
                .map(|ix| {
                    let (i, x) = (ix / n, ix % n);
                    (0..k).map(|j| f64::from(core[i * k + j]) * self.rows[x * k + j]).sum()
                })
                .collect();
            for y in 0..n {
                for x in 0..n {
                    let value: f64 = (0..k).map(|i| self.rows[y * k + i] * right[i * n + x]).sum();
                    map.push(value as f32);
                }
            }
        }
        map
    }
}

/// Weights of a bicubic resize from `from` to `to` samples, `[to, from]`: PyTorch's, with
/// `align_corners=False`, a = -0.75 and clamped edges.
pub(super) fn bicubic(from: usize, to: usize) -> Vec<f64> {
    const A: f64 = -0.75;
    let near = |t: f64| ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0;
    let far = |t: f64| ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A;
    let mut weights = vec![0.0; to * from];
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let source = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let floor = source.floor();
        let t = source - floor;
        for (offset, weight) in
            [(-1, far(t + 1.0)), (0, near(t)), (1, near(1.0 - t)), (2, far(2.0 - t))]
        {
            let index = (floor as i64 + offset).clamp(0, from as i64 - 1);
            row[index as usize] += weight;
        }
    }
    weights
}

/// Selection matrix `[to, from]` of a tiled axis: row `i` picks `i mod from`.
pub(super) fn tiling(from: usize, to: usize) -> Vec<f64> {
    (0..to * from).map(|k| f64::from(u8::from((k / from) % from == k % from))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bicubic_rows_sum_to_one_and_reproduce_inner_lines() {
        let (from, to) = (7, 64);
        let weights = bicubic(from, to);
        for (i, row) in weights.chunks_exact(from).enumerate() {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let source = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let line: f64 = row.iter().enumerate().map(|(j, w)| w * j as f64).sum();
            // Away from the clamped border a cubic kernel reproduces straight lines only for
            // a = -0.5; for a = -0.75 it stays within a tenth of a sample.
            if (1.0..5.0).contains(&source) {
                assert!((line - source).abs() < 0.1, "{i}: {line} {source}");
            }
        }
    }

    #[test]
    fn bicubic_at_half_a_sample_has_the_known_weights() {
        // Resizing 4 to 8 samples, output 3 lies at source 1.25: t = 0.25, a = -0.75.
        let row = &bicubic(4, 8)[3 * 4..4 * 4];
        let expected = [-0.10546875, 0.87890625, 0.26171875, -0.03515625];
        for (found, expected) in row.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn bilinear_form_adds_its_parts() {
        let tile = tiling(2, 4);
        let form =
            BilinearForm::zero(4, 1).plus(&[1.0; 4], &[10.0]).plus(&tile, &[1.0, 2.0, 3.0, 4.0]);
        let row = [11.0, 12.0, 11.0, 12.0, 13.0, 14.0, 13.0, 14.0];
        assert_eq!(form.materialise(), [row, row].concat());
    }
}
