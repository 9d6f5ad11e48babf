//! A layer's output as a map, padded to the right and below with one vector.
//!
//! Windows are cut from a map of whole windows. The layer that makes the map writes it with its
//! padding, which would otherwise be two copies of it.

use super::attributes::attributes;
use tract_onnx::tract_hir::internal::*;

attributes! {
    /// The sizes of a map, and of the padded one.
    pub(crate) struct Padding {
        pub(crate) rows: usize,
        pub(crate) columns: usize,
        pub(crate) padded_rows: usize,
        pub(crate) padded_columns: usize,
    }
}

impl Padding {
    /// The shape of the padded map, if `shape` is that of the layer's own output.
    pub(super) fn shape(&self, shape: &[TDim]) -> TractResult<TVec<TDim>> {
        let &Self { rows, columns, padded_rows, padded_columns } = self;
        let inside = (1..=padded_rows).contains(&rows) && (1..=padded_columns).contains(&columns);
        ensure!(inside, "{self:?}");
        let (count, n) = match shape {
            [tokens @ .., n] => (tokens.iter().product::<TDim>(), n),
            [] => bail!("a layer without channels"),
        };
        let expected = rows.checked_mul(columns).with_context(|| format!("{self:?}"))?;
        ensure!(count == expected.to_dim(), "a map of {rows} x {columns}: found {shape:?}");
        Ok(tvec!(padded_rows.to_dim(), padded_columns.to_dim(), n.clone()))
    }

    /// Fills rows of the padded map from `first_row`: `layer(first token, tokens)` the map's rows,
    /// `vector` the rest.
    pub(super) fn fill(
        &self,
        vector: &[f32],
        first_row: usize,
        out: &mut [f32],
        mut layer: impl FnMut(usize, &mut [f32]) -> TractResult<()>,
    ) -> TractResult<()> {
        ensure!(!vector.is_empty(), "padding of no channels");
        for (index, line) in out.chunks_exact_mut(self.padded_columns * vector.len()).enumerate() {
            let y = first_row + index;
            let inside = if y < self.rows { self.columns * vector.len() } else { 0 };
            let (tokens, padding) = line.split_at_mut(inside);
            if inside > 0 {
                layer(y * self.columns, tokens)?;
            }
            for token in padding.chunks_exact_mut(vector.len()) {
                token.copy_from_slice(vector);
            }
        }
        Ok(())
    }
}
