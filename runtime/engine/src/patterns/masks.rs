//! Masks that are made with the layer before them.

use super::graph::Graph;
use super::pattern::{Match, Step, node};
use super::{Choices, Fused, fused};
use crate::ops::linear::Linear;
use crate::ops::masks::Masks;
use crate::ops::planes::Planes;
use crate::ops::{Attributes, KernelOp};

/// Other shapes of the same values between the layer and the masks, which nothing else reads.
const RESHAPED: &[Step] =
    &[Step::Reads("value", 1), node("value", "Reshape", &["before", "_"], &[])];

/// From planes of tokens that a layer made, without bias, which alone read its output.
pub(super) fn find(graph: &Graph, masks: &str, _: Choices) -> Option<Fused> {
    let node = Planes::NAMES.iter().find_map(|name| graph.producer(masks, name))?;
    let [tokens, factors] = node.input.as_slice() else { return None };
    let mut value = tokens.as_str();
    while let Some(reshaped) = Match::new(graph, "value", value).and(RESHAPED) {
        value = reshaped.value("before")?;
    }
    let layer = Linear::NAMES.iter().find_map(|name| graph.producer(value, name))?;
    let op = Masks { layer: Linear::read("", layer).ok()?, planes: Planes::read("", node).ok()? };
    // A band of masks is made of whole rows of the layer's output, as they are.
    let plain = op.layer.output_scale.is_none() && op.layer.padding.is_none();
    if graph.reads(value) != 1 || !plain || !op.planes.holds_rows_of(op.layer.outputs) {
        return None;
    }
    let mut inputs: Vec<&str> = layer.input.iter().map(String::as_str).collect();
    // Constants come last.
    inputs.insert(op.layer.arity().inputs, factors);
    Some(fused(&op, inputs, masks))
}
