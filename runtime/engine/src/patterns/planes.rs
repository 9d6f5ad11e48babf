//! Products of tokens that give planes: 1x1 convolutions of the neck, and mask logits.

use super::graph::Graph;
use super::pattern::{Match, Step, either, node, reshape, transpose};
use super::{Choices, Fused, fused};
use crate::ops::planes::Planes;
use crate::ops::tokens::Blocks;
use crate::ops::{Attributes, KernelOp};

/// Weights times transposed tokens, plus a bias, as planes.
const POINTWISE: &[Step] = &[
    node("product", "MatMul", &["weight", "across"], &[]),
    Step::Floats("weight", "planes channels"),
    transpose("across", "tokens", "1 0"),
    either("sum", "Add", ["product", "bias"]),
    Step::Floats("bias", "planes 1"),
    reshape("map", "sum", "1 planes rows columns"),
    Step::Below(1 << 12, "planes channels rows columns"),
];

/// Any factors times transposed tokens, which go by blocks, in the order of the map.
const PRODUCT: &[Step] = &[
    node("product", "MatMul", &["factors", "across"], &[]),
    transpose("across", "tokens", "1 0"),
    reshape("tokens", "_", "count channels"),
];
/// What is down in a cell goes to the rows, what is across to the columns.
const QUARTERS: &[Step] = &[
    reshape("split", "product", "planes rows columns 2 2"),
    transpose("moved", "split", "0 1 3 2 4"),
    reshape("map", "moved", "1 planes rows*2 columns*2"),
    Step::Below(1 << 12, "planes channels rows columns"),
];
/// The same with quarters of quarters.
const QUARTERS_OF_QUARTERS: &[Step] = &[
    reshape("split", "product", "planes rows columns 2 2 2 2"),
    transpose("moved", "split", "0 1 3 5 2 4 6"),
    reshape("map", "moved", "1 planes rows*4 columns*4"),
    Step::Below(1 << 12, "planes channels rows columns"),
];

/// The sum of planes and of planes of half their size, each value of these for four pixels. The finer
/// ones are a product that nothing else reads, so that the sum can be made with it.
const DOUBLED: &[Step] = &[
    either("sum", "Add", ["fine_split", "half_split"]),
    reshape("fine_split", "fine", "planes half_rows 2 half_columns 2"),
    reshape("half_split", "half", "planes half_rows 1 half_columns 1"),
    Step::Reads("fine", 1),
    reshape("map", "sum", "1 planes half_rows*2 half_columns*2"),
];

/// From a `MatMul`.
pub(super) fn find(graph: &Graph, product: &str, _: Choices) -> Option<Fused> {
    let start = Match::new(graph, "product", product);
    pointwise(&start).or_else(|| masks(&start))
}

fn pointwise(start: &Match<'_>) -> Option<Fused> {
    let found = start.and(POINTWISE)?;
    let [planes, channels, rows, columns] =
        found.sizes(["planes", "channels", "rows", "columns"])?;
    let blocks = Blocks { rows, columns, levels: 0 };
    let op = Planes { blocks, planes, channels, bias: true, half: false };
    Some(fused(&op, found.values(["tokens", "weight", "bias"])?, found.value("map")?))
}

fn masks(start: &Match<'_>) -> Option<Fused> {
    let product = start.and(PRODUCT)?;
    let matched = |levels, steps| Some((levels, product.and(steps)?));
    let (levels, found) = matched(1, QUARTERS).or_else(|| matched(2, QUARTERS_OF_QUARTERS))?;
    let [planes, channels, rows, columns, count] =
        found.sizes(["planes", "channels", "rows", "columns", "count"])?;
    let blocks = Blocks { rows, columns, levels };
    let op = Planes { blocks, planes, channels, bias: false, half: false };
    let whole = count == (rows * columns) << (2 * levels);
    Some(fused(&op, found.values(["tokens", "factors"]).filter(|_| whole)?, found.value("map")?))
}

/// From an `Add`, when the products are found.
pub(super) fn doubled(graph: &Graph, sum: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "sum", sum).and(DOUBLED)?;
    let product =
        Planes::NAMES.iter().find_map(|name| graph.producer(found.value("fine")?, name))?;
    let mut op = Planes::read("", product).ok()?;
    let [planes, half_rows, half_columns] = found.sizes(["planes", "half_rows", "half_columns"])?;
    let same = op.blocks == Blocks { rows: 2 * half_rows, columns: 2 * half_columns, levels: 0 }
        && op.planes == planes
        && op.bias
        && !op.half;
    if !same {
        return None;
    }
    op.half = true;
    let inputs = product.input.iter().map(String::as_str).chain(found.value("half"));
    Some(fused(&op, inputs, found.value("map")?))
}
