//! A layer's output as a map, padded to the right and below with one vector.
//!
//! Windows are cut from a map of whole windows. The layer that makes the map writes it with its
//! padding, which would else be two copies of it.

use super::graph::Chains;
use tract_onnx::tract_hir::internal::{TractResult, ensure};

/// Sizes of a map and its channels: whatever is larger is none, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 12;

/// Rows and columns of a map, and those of the padded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Padding {
    pub(super) size: [usize; 2],
    pub(super) padded: [usize; 2],
}

/// `Reshape` of a layer's output of `n` columns to a map, which alone reads it, and `Concat` with
/// the same constant to its right and below; gives that constant, too, and the output.
pub(super) fn find<'a>(
    chains: &'a Chains,
    output: &str,
    n: i64,
) -> Option<([i64; 4], &'a str, &'a str)> {
    let map = chains.reader_of(output, "Reshape")?;
    let [rows, columns, channels] = chains.reshape_node(map)?.1[..] else { return None };
    let (right, wide) = joined(chains, map.output.first()?, 1)?;
    let (below, padded) = joined(chains, wide, 0)?;
    let (vector, [r, extra_columns, a]) = repeated(chains, right)?;
    let (same, [extra_rows, c, b]) = repeated(chains, below)?;
    let sizes = [rows, columns, channels, extra_rows, extra_columns];
    let sound = sizes.iter().all(|size| SIZES.contains(size))
        && [channels, a, b] == [n; 3]
        && r == rows
        && c == columns + extra_columns
        && vector == same
        && chains.weight_shape(vector, false)? == [1, 1, n];
    let sizes = [rows, columns, rows + extra_rows, c];
    sound.then_some((sizes, vector, padded))
}

/// What is joined behind `value` by the `Concat` that alone reads it, and the result.
fn joined<'a>(chains: &'a Chains, value: &str, axis: i64) -> Option<(&'a str, &'a str)> {
    let node = chains.reader_of(value, "Concat")?;
    let found = super::graph::integer_attribute(node, "axis")?;
    let ([first, second], [output]) = (node.input.as_slice(), node.output.as_slice()) else {
        return None;
    };
    (found == axis && first == value).then_some((second, output))
}

/// Input and target of the `Expand` that gives `value`.
fn repeated<'a>(chains: &'a Chains, value: &str) -> Option<(&'a str, [i64; 3])> {
    let [input, shape] = chains.producer(value, "Expand")?.input.as_slice() else { return None };
    Some((input, <[i64; 3]>::try_from(chains.integers(shape)?).ok()?))
}

impl Padding {
    pub(super) fn of(sizes: &[i64]) -> Option<Self> {
        let sizes = sizes.iter().map(|&size| usize::try_from(size).ok());
        let [rows, columns, padded_rows, padded_columns] = sizes.collect::<Option<Vec<_>>>()?[..]
        else {
            return None;
        };
        let inside = (1..=padded_rows).contains(&rows) && (1..=padded_columns).contains(&columns);
        let (size, padded) = ([rows, columns], [padded_rows, padded_columns]);
        inside.then_some(Self { size, padded })
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
        for (index, line) in out.chunks_exact_mut(self.padded[1] * vector.len()).enumerate() {
            let y = first_row + index;
            let inside = if y < self.size[0] { self.size[1] * vector.len() } else { 0 };
            let (tokens, padding) = line.split_at_mut(inside);
            if inside > 0 {
                layer(y * self.size[1], tokens)?;
            }
            for token in padding.chunks_exact_mut(vector.len()) {
                token.copy_from_slice(vector);
            }
        }
        Ok(())
    }
}
