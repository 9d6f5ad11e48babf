//! `QuantizeLinear` to int8, after the operation that makes the values, and alone.

use super::graph::Graph;
use super::pattern::{Check, Match, Step, node};
use super::{Choices, Fused, fused};
use crate::ops::quantize::Quantize;

/// One scale and the zero point 0: what the kernels compute.
const TO_INT8: &[Step] =
    &[node("int8", "QuantizeLinear", &["real", "_", "_"], &[Check::Int8Scale("scale")])];

/// The step and the output of the quantization that alone reads `real`.
pub(super) fn after<'g>(graph: &'g Graph, real: &'g str) -> Option<(f32, &'g str)> {
    let found = Match::new(graph, "real", real).and(TO_INT8)?;
    Some((found.float("scale")?, found.value("int8")?))
}

/// The step and the input of the quantization that gives `int8`.
pub(super) fn before<'g>(graph: &'g Graph, int8: &'g str) -> Option<(f32, &'g str)> {
    let found = Match::new(graph, "int8", int8).and(TO_INT8)?;
    Some((found.float("scale")?, found.value("real")?))
}

/// From a `QuantizeLinear` that no other operation took.
pub(super) fn alone(graph: &Graph, int8: &str, _: Choices) -> Option<Fused> {
    let (scale, real) = before(graph, int8)?;
    Some(fused(&Quantize { scale }, [real], int8))
}
