//! The edge branch: the edge map of the patch embedding, its poolings and its magnitudes.
//!
//! A magnitude times a row of factors, which a block adds to its tokens, is part of the linear layer
//! that it is added to; see `linear`.

use super::graph::Graph;
use super::pattern::{Check, Match, Step, node};
use super::{Choices, Fused, activation, fused};
use crate::ops::edge_magnitude::EdgeMagnitude;
use crate::ops::edge_map::EdgeMap;
use crate::ops::patches::Patches;
use crate::ops::pool_map::PoolMap;
use crate::ops::{Attributes, KernelOp};
use uniultra_kernels::Activation;

/// By steps of 1, with one zero around the map; no dilation and no groups.
const PLAIN_3X3: [Check; 4] = [
    Check::Integers("kernel_shape", "3 3"),
    Check::Integers("strides", "1 1"),
    Check::Integers("pads", "1 1 1 1"),
    Check::NoOthers(&["kernel_shape", "strides", "pads"]),
];

/// The convolution of an edge map.
const EDGES: &[Step] = &[
    node("edges", "Conv", &["map", "weight", "bias"], &PLAIN_3X3),
    Step::Floats("weight", "outputs channels 3 3"),
    Step::Floats("bias", "outputs"),
    Step::Below(1 << 10, "outputs"),
];

/// The sum over channels.
const SUM: [Check; 3] =
    [Check::Integer("keepdims", 1, &[1]), Check::NoOthers(&["keepdims"]), Check::List(1, "1")];

/// `sqrt(sum((kernels * sum(map))^2))`. Nothing between is there afterwards, so nothing else may read it;
/// the square reads the response twice.
const MAGNITUDE: &[Step] = &[
    node("magnitude", "Sqrt", &["energy"], &[]),
    Step::Reads("energy", 1),
    node("energy", "ReduceSum", &["squares", "_"], &SUM),
    Step::Reads("squares", 1),
    node("squares", "Mul", &["response", "response"], &[]),
    Step::Reads("response", 2),
    node("response", "Conv", &["total", "kernels"], &PLAIN_3X3),
    Step::Floats("kernels", "count 1 3 3"),
    Step::Below(1 << 10, "count"),
    Step::Reads("total", 1),
    node("total", "ReduceSum", &["map", "_"], &SUM),
];

const POOLED: &[Step] = &[node(
    "pooled",
    "MaxPool",
    &["map"],
    &[
        Check::Integers("kernel_shape", "2 2"),
        Check::Integers("strides", "2 2"),
        Check::NoOthers(&["kernel_shape", "strides"]),
    ],
)];

/// The convolution `edges` of a map of so many channels, and the output of the GELU that alone reads it.
pub(super) fn edges_of<'g>(
    graph: &'g Graph,
    edges: &'g str,
    channels: i64,
) -> Option<(Match<'g>, &'g str)> {
    let found = Match::new(graph, "edges", edges).with_size("channels", channels).and(EDGES)?;
    match activation::follow(graph, edges) {
        (Activation::Gelu, output) => Some((found, output)),
        _ => None,
    }
}

/// From a `Conv` of the patch embedding, when this is found.
pub(super) fn map(graph: &Graph, edges: &str, _: Choices) -> Option<Fused> {
    let map = graph.producer(edges, "Conv")?.input.first()?;
    let patches = Patches::NAMES.iter().find_map(|name| graph.producer(map, name))?;
    let Patches { outputs: channels, rows, columns, .. } = Patches::read("", patches).ok()?;
    let (found, output) = edges_of(graph, edges, i64::try_from(channels).ok()?)?;
    let [outputs] = found.sizes(["outputs"])?;
    let op = EdgeMap { outputs, channels, rows, columns };
    Some(fused(&op, found.values(["map", "weight", "bias"])?, output))
}

/// Channels, rows and columns of an edge map, or of one that was pooled.
fn size(graph: &Graph, map: &str) -> Option<[usize; 3]> {
    let found = |names: &[&str]| names.iter().find_map(|name| graph.producer(map, name));
    if let Some(node) = found(EdgeMap::NAMES) {
        let EdgeMap { outputs, rows, columns, .. } = EdgeMap::read("", node).ok()?;
        return Some([outputs, rows, columns]);
    }
    let PoolMap { channels, rows, columns } = PoolMap::read("", found(PoolMap::NAMES)?).ok()?;
    Some([channels, rows / 2, columns / 2])
}

/// From a `MaxPool` of an edge map, when this is found. Odd sides would leave values over.
pub(super) fn pool(graph: &Graph, pooled: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "pooled", pooled).and(POOLED)?;
    let map = found.value("map")?;
    let [channels, rows, columns] = size(graph, map)?;
    let even = rows.is_multiple_of(2) && columns.is_multiple_of(2);
    even.then(|| fused(&PoolMap { channels, rows, columns }, [map], pooled))
}

/// From a `Sqrt`, when edge maps and their poolings are found.
pub(super) fn magnitude(graph: &Graph, magnitude: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "magnitude", magnitude).and(MAGNITUDE)?;
    let [channels, rows, columns] = size(graph, found.value("map")?)?;
    let op = EdgeMagnitude { channels, rows, columns };
    Some(fused(&op, found.values(["map", "kernels"])?, magnitude))
}
