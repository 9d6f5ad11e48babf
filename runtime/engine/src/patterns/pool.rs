//! 2x2 max-pooling of a map of tokens, which graphs have as maxima of contiguous halves.

use super::graph::Graph;
use super::pattern::{Match, Step, node, reshape, slice};
use super::{Choices, Fused, fused};
use crate::ops::linear::Linear;
use crate::ops::pool_tokens::PoolTokens;
use crate::ops::{Attributes, KernelOp};

/// Pairs of pixels, of the maxima of pairs of rows. All sizes follow from the last `Reshape`.
const POOLED: &[Step] = &[
    reshape("pooled", "pixels_largest", "rows columns channels"),
    node("pixels_largest", "Max", &["left", "right"], &[]),
    slice("left", "pixels", "1", ["0", "1"]),
    slice("right", "pixels", "1", ["1", "2"]),
    reshape("pixels", "rows_largest", "rows*columns 2 channels"),
    node("rows_largest", "Max", &["upper", "lower"], &[]),
    slice("upper", "lines", "1", ["0", "1"]),
    slice("lower", "lines", "1", ["1", "2"]),
    reshape("lines", "map", "rows 2 2*columns*channels"),
    Step::Below(1 << 12, "rows columns channels"),
];

/// The map may be some channels of a wider one, whose width is found where it was shaped.
const PART: &[Step] = &[slice("map", "whole", "2", ["first", "end"])];
const SHAPED: &[Step] = &[reshape("whole", "_", "2*rows 2*columns width")];

/// From a `Max`. When layers are found, whose padding says the size of a map.
pub(super) fn find(graph: &Graph, largest: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "pixels_largest", largest).and(POOLED)?;
    let [rows, columns, channels] = found.sizes(["rows", "columns", "channels"])?;
    let mut op = PoolTokens { rows, columns, width: channels, first: 0, channels };
    let mut source = found.value("map")?;
    if let Some(part) = found.and(PART) {
        source = part.value("whole")?;
        let [first, end] = part.sizes(["first", "end"])?;
        let width = width(graph, &part)?;
        if !(1..1 << 12).contains(&width) || end > width || first.checked_add(channels)? != end {
            return None;
        }
        (op.width, op.first) = (width, first);
    }
    Some(fused(&op, [source], found.value("pooled")?))
}

/// Channels of a map of this size, where a `Reshape` or a layer's padding says them.
fn width(graph: &Graph, part: &Match<'_>) -> Option<usize> {
    if let Some(shaped) = part.and(SHAPED) {
        return shaped.sizes(["width"]).map(|[width]| width);
    }
    let whole = part.value("whole")?;
    let layer = Linear::NAMES.iter().find_map(|name| graph.producer(whole, name))?;
    let layer = Linear::read("", layer).ok()?;
    let padding = layer.padding?;
    let [rows, columns] = part.sizes(["rows", "columns"])?;
    let same = [padding.padded_rows, padding.padded_columns] == [2 * rows, 2 * columns];
    same.then_some(layer.outputs)
}
