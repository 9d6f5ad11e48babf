//! LayerNorm over the last axis, and GELU and `QuantizeLinear` after it.

use super::graph::Graph;
use super::pattern::{Check, Match, Step, node};
use super::{Choices, Fused, activation, fused, quantize};
use crate::ops::norm::LayerNorm;
use uniultra_kernels::Activation;

const NORM: &[Step] = &[
    node(
        "normed",
        "LayerNormalization",
        &["x", "gain", "shift"],
        &[Check::Integer("axis", -1, &[-1]), Check::Float("epsilon", 1e-5)],
    ),
    // The kernel holds both as rows.
    Step::Floats("gain", "channels"),
    Step::Floats("shift", "channels"),
];

/// From a `LayerNormalization`.
pub(super) fn find(graph: &Graph, normed: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "normed", normed).and(NORM)?;
    let [channels] = found.sizes(["channels"])?;
    let (gelu, mut output) = match activation::follow(graph, normed) {
        (Activation::Gelu, output) => (true, output),
        _ => (false, normed),
    };
    let mut scale = None;
    if let Some((step, int8)) = quantize::after(graph, output) {
        (scale, output) = (Some(step), int8);
    }
    let op = LayerNorm { channels, epsilon: found.float("epsilon")?, gelu, scale };
    Some(fused(&op, found.values(["x", "gain", "shift"])?, output))
}
