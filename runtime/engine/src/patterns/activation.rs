//! Activations that the operation before them applies, and GELU that stands alone.

use super::graph::Graph;
use super::pattern::{Check, Match, Step, node};
use super::{Choices, Fused, fused};
use crate::ops::gelu::Gelu;
use uniultra_kernels::Activation;

const GELU: &[Step] = &[node("activated", "Gelu", &["value"], &[Check::ExactGelu])];
const RELU: &[Step] = &[node("activated", "Relu", &["value"], &[])];

/// The activation that is the only reader of `value`, and its output. If there is none, `value` itself.
pub(super) fn follow<'g>(graph: &'g Graph, value: &'g str) -> (Activation, &'g str) {
    let start = Match::new(graph, "value", value);
    let matched = |steps, activation| Some((activation, start.and(steps)?.value("activated")?));
    matched(GELU, Activation::Gelu)
        .or_else(|| matched(RELU, Activation::Relu))
        .unwrap_or((Activation::Identity, value))
}

/// From a `Gelu` that no other operation took.
pub(super) fn alone(graph: &Graph, activated: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "activated", activated).and(GELU)?;
    Some(fused(&Gelu {}, [found.value("value")?], activated))
}
