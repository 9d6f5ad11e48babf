//! The matrix product under every layer, in `f64`.

/// Side of the square tile of results kept in registers.
const TILE: usize = 4;

/// A matrix [rows, columns] kept as strips of four columns, so that one pass over a strip reads
/// memory in order.
pub(super) struct Strips {
    rows: usize,
    columns: usize,
    strips: Vec<[f64; TILE]>,
}

impl Strips {
    /// The matrix whose element at (row, column) is `element(row, column)`.
    pub(super) fn from_fn(
        rows: usize,
        columns: usize,
        element: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let mut strips = Vec::with_capacity(columns.div_ceil(TILE) * rows);
        for first in (0..columns).step_by(TILE) {
            for row in 0..rows {
                strips.push(std::array::from_fn(|lane| {
                    let column = first + lane;
                    if column < columns { f64::from(element(row, column)) } else { 0.0 }
                }));
            }
        }
        Self { rows, columns, strips }
    }

    /// `left` [n, rows] times this matrix: [n, columns].
    pub(super) fn left_product(&self, left: &[f64]) -> Vec<f64> {
        let n = left.len() / self.rows;
        assert_eq!(left.len(), n * self.rows, "values of a matrix with {} columns", self.rows);
        let mut product = vec![0.0; n * self.columns];
        for first_row in (0..n).step_by(TILE) {
            let height = TILE.min(n - first_row);
            let panel: Vec<[f64; TILE]> = (0..self.rows)
                .map(|p| {
                    std::array::from_fn(|i| {
                        if i < height { left[(first_row + i) * self.rows + p] } else { 0.0 }
                    })
                })
                .collect();
            for (strip, first_column) in
                self.strips.chunks_exact(self.rows).zip((0..self.columns).step_by(TILE))
            {
                let tile = tile_product(&panel, strip);
                let width = TILE.min(self.columns - first_column);
                for (i, row) in tile.iter().enumerate().take(height) {
                    let start = (first_row + i) * self.columns + first_column;
                    product[start..start + width].copy_from_slice(&row[..width]);
                }
            }
        }
        product
    }
}

/// Four rows times four columns: `sum_p panel[p][i] * strip[p][j]`.
fn tile_product(panel: &[[f64; TILE]], strip: &[[f64; TILE]]) -> [[f64; TILE]; TILE] {
    let mut tile = [[0.0; TILE]; TILE];
    for (a, b) in panel.iter().zip(strip) {
        for i in 0..TILE {
            for j in 0..TILE {
                tile[i][j] += a[i] * b[j];
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_is_right_where_no_side_is_a_multiple_of_the_tile() {
        let (n, k, m) = (5, 3, 6);
        let a: Vec<f64> = (0..n * k).map(|i| f64::from(i as u32 % 7) - 3.0).collect();
        let b = |row: usize, column: usize| (row * 5 + column) as f32 % 4.0 - 1.5;
        let product = Strips::from_fn(k, m, b).left_product(&a);
        for i in 0..n {
            for j in 0..m {
                let expected: f64 = (0..k).map(|p| a[i * k + p] * f64::from(b(p, j))).sum();
                assert_eq!(product[i * m + j], expected, "({i}, {j})");
            }
        }
    }
}
