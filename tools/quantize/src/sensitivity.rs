//! Which layers bear 8 bits: each alone, then the fewest in float for a Dice budget.

use crate::graph::{Layer, NetworkKind};
use crate::prepared::Prepared;
use crate::trial::{Trial, TrialResult};
use crate::{Progress, QuantizeError};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Mutex;

/// One layer in 8 bits, all others in float.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LayerSensitivity {
    /// The layer.
    pub name: String,
    /// Its network.
    pub network: NetworkKind,
    /// What it cost.
    pub result: TrialResult,
}

/// Tries every layer alone, in graph order.
///
/// # Errors
/// [`QuantizeError`] if a pack cannot be opened or run.
pub(crate) fn each_alone(
    prepared: &Prepared<'_>,
    trial: &Trial,
    progress: &(dyn Progress + Sync),
) -> Result<Vec<LayerSensitivity>, QuantizeError> {
    let layers: Vec<&Layer> = prepared.layers().map(|prepared| &prepared.layer).collect();
    progress.start("layers alone", layers.len());
    // Steps come from one thread at a time, as `Progress` promises.
    let step = Mutex::new(());
    let results: Result<Vec<_>, QuantizeError> = layers
        .par_iter()
        .map(|layer| {
            let files = prepared.build(&|other| other.name == layer.name)?;
            let result = trial.run(&files, Some(layer.network))?;
            let _guard = step.lock();
            progress.step();
            Ok(LayerSensitivity { name: layer.name.clone(), network: layer.network, result })
        })
        .collect();
    progress.finish();
    results
}

/// The most sensitive first: by the error of the logits and of the embedding together. Dice alone
/// would not do: on a few frames, one layer's drop is mostly chance.
pub(crate) fn ranked(layers: &[LayerSensitivity]) -> Vec<&LayerSensitivity> {
    let error = |layer: &LayerSensitivity| layer.result.logits_error + layer.result.embedding_error;
    let mut ranked: Vec<_> = layers.iter().collect();
    ranked.sort_by(|a, b| error(b).total_cmp(&error(a)));
    ranked
}

/// Which layers stay in float, and what was tried on the way.
pub(crate) struct Choice {
    pub(crate) in_float: HashSet<String>,
    /// Number of layers in float, and the result.
    pub(crate) tried: Vec<(usize, TrialResult)>,
}

/// The fewest of the ranked layers that, kept in float, bring the drop of the worst set and prompt within `budget`. If not
/// even all of them do, all are kept.
///
/// # Errors
/// [`QuantizeError`] if a pack cannot be opened or run.
pub(crate) fn fewest_in_float(
    prepared: &Prepared<'_>,
    trial: &Trial,
    ranked: &[&LayerSensitivity],
    budget: f64,
    progress: &dyn Progress,
) -> Result<Choice, QuantizeError> {
    let first = |count: usize| -> HashSet<String> {
        ranked.iter().take(count).map(|layer| layer.name.clone()).collect()
    };
    let mut tried = Vec::new();
    let mut fits = |count: usize| -> Result<bool, QuantizeError> {
        let float = first(count);
        let files = prepared.build(&|layer| !float.contains(&layer.name))?;
        let result = trial.run(&files, None)?;
        progress.step();
        tried.push((count, result));
        Ok(result.worst_drop <= budget)
    };
    progress.start("mixed precision", bits(ranked.len()) + 1);
    let mut kept = 0;
    if !fits(0)? {
        // Halving takes the drop to fall as more layers are kept; where noise says otherwise, what
        // is found is still within the budget.
        let (mut low, mut high) = (0, ranked.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if fits(middle)? { high = middle } else { low = middle }
        }
        kept = high;
    }
    progress.finish();
    Ok(Choice { in_float: first(kept), tried })
}

fn bits(count: usize) -> usize {
    (usize::BITS - count.leading_zeros()) as usize
}
