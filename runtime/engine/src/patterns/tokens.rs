//! Planes to tokens: `Transpose` by blocks of pixels, or by rows.

use super::graph::Graph;
use super::pattern::{Match, Step, reshape, transpose};
use super::{Choices, Fused, fused};
use crate::ops::tokens::{Blocks, Tokens};

/// Planes cut into cells and their quarters, channels last: cell by cell, quarter by quarter.
const QUARTERS: &[Step] = &[
    transpose("moved", "split", "1 3 2 4 0"),
    reshape("split", "planes", "channels rows 2 columns 2"),
    reshape("tokens", "moved", "count width"),
    Step::Below(1 << 12, "channels rows columns"),
];
/// The same with quarters of quarters.
const QUARTERS_OF_QUARTERS: &[Step] = &[
    transpose("moved", "split", "1 4 2 5 3 6 0"),
    reshape("split", "planes", "channels rows 2 2 columns 2 2"),
    reshape("tokens", "moved", "count width"),
    Step::Below(1 << 12, "channels rows columns"),
];

/// Planes that are an input of the graph, so that their size is known, as rows of channels.
const BY_ROWS: &[Step] = &[
    transpose("tokens", "flat", "1 0"),
    reshape("flat", "planes", "channels pixels"),
    Step::Input("planes", "1 channels rows columns"),
    Step::Below(1 << 12, "channels rows columns"),
];

/// From a `Transpose`.
pub(super) fn find(graph: &Graph, moved: &str, _: Choices) -> Option<Fused> {
    let by_blocks = [(1, QUARTERS), (2, QUARTERS_OF_QUARTERS)].into_iter();
    let start = Match::new(graph, "moved", moved);
    let mut found = by_blocks.filter_map(|(levels, steps)| by_blocks_of(&start, levels, steps));
    found.next().or_else(|| by_rows(graph, moved))
}

fn by_blocks_of(start: &Match<'_>, levels: usize, steps: &[Step]) -> Option<Fused> {
    let found = start.and(steps)?;
    let names = ["channels", "rows", "columns", "count", "width"];
    let [channels, rows, columns, count, width] = found.sizes(names)?;
    let pixels = (rows * columns) << (2 * levels);
    let op = Tokens { blocks: Blocks { rows, columns, levels }, channels, count, width };
    if count.checked_mul(width) != Some(pixels * channels) {
        return None;
    }
    Some(fused(&op, [found.value("planes")?], found.value("tokens")?))
}

fn by_rows(graph: &Graph, tokens: &str) -> Option<Fused> {
    let found = Match::new(graph, "tokens", tokens).and(BY_ROWS)?;
    let [channels, rows, columns] = found.sizes(["channels", "rows", "columns"])?;
    let count = rows * columns;
    // A -1 in the graph stands for all pixels.
    let all = found.size("pixels").is_some_and(|pixels| {
        pixels == -1 || usize::try_from(pixels).is_ok_and(|pixels| pixels == count)
    });
    let op =
        Tokens { blocks: Blocks { rows, columns, levels: 0 }, channels, count, width: channels };
    Some(fused(&op, [found.value("planes").filter(|_| all)?], tokens))
}
