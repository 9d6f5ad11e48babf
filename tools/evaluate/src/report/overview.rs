//! Means over sets: every set counts the same. Transfer sets are apart from the others.

use super::aggregate::{Aggregate, InsideSummary, lines};
use super::{Row, Settings};
use crate::{Calibration, INSIDE_COUNTS, IouPair, ModelInfo, Stats};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which sets a mean is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// All but those set apart.
    Sets,
    /// Those set apart, to see what transfers to them.
    Transfer,
}

impl Group {
    /// Whether a set belongs to it.
    fn holds(self, settings: &Settings, set: &str) -> bool {
        settings.transfer.iter().any(|name| name == set) == (self == Self::Transfer)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sets => "sets",
            Self::Transfer => "transfer sets",
        })
    }
}

/// A prompt and a model over a group of sets: means of the sets' means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// Which sets.
    pub group: Group,
    /// The prompt.
    pub prompt: String,
    /// Label of the model, or of the baseline.
    pub model: String,
    /// Sets with images that have objects.
    pub sets: usize,
    /// Dice.
    pub dice: f64,
    /// Intersection over union.
    pub iou: f64,
    /// HD95 in pixels.
    pub hd95_px: Option<f64>,
    /// Hausdorff distance of the published protocol, in pixels of its grid.
    pub hausdorff_1024_px: Option<f64>,
    /// Images where that is infinite, in all sets.
    pub hausdorff_infinite: usize,
    /// Perimeter over that of the truth.
    pub perimeter_ratio: Option<f64>,
    /// Clicks inside the objects.
    pub inside: Option<InsideSummary>,
    /// Predicted IoU against the one reached, of all objects of all sets together; absent for the
    /// baseline, and for a model that predicts none.
    pub calibration: Option<Calibration>,
}

/// One for each group, prompt and model that has figures.
pub(super) fn overviews(
    settings: &Settings,
    models: &[ModelInfo],
    aggregates: &[Aggregate],
    rows: &[Row],
) -> Vec<Overview> {
    let lines = lines(settings, models);
    let each = [Group::Sets, Group::Transfer]
        .into_iter()
        .flat_map(|group| lines.iter().map(move |(prompt, model)| (group, prompt, model)));
    each.filter_map(|(group, prompt, model)| {
        let mine = |set: &str, of: [&str; 2]| {
            group.holds(settings, set) && of == [prompt.as_str(), model.as_str()]
        };
        let sets: Vec<&Aggregate> =
            aggregates.iter().filter(|a| mine(&a.set, [&a.prompt, &a.model])).collect();
        let rows = rows.iter().filter(|row| mine(&row.set, [&row.prompt, &row.model]));
        let pairs: Vec<IouPair> = rows.flat_map(|row| row.iou_pairs.iter().copied()).collect();
        let mean = |field: fn(&Aggregate) -> Option<Stats>| {
            mean(sets.iter().filter_map(|set| Some(field(set)?.mean)))
        };
        Some(Overview {
            group,
            prompt: prompt.clone(),
            model: model.clone(),
            sets: sets.iter().filter(|set| set.dice.is_some()).count(),
            dice: mean(|set| set.dice)?,
            iou: mean(|set| set.iou)?,
            hd95_px: mean(|set| set.hd95_px),
            hausdorff_1024_px: mean(|set| set.hausdorff_1024_px),
            hausdorff_infinite: sets.iter().map(|set| set.hausdorff_infinite).sum(),
            perimeter_ratio: mean(|set| set.edges.and_then(|edges| edges.perimeter_ratio)),
            inside: inside(&sets),
            calibration: Calibration::from_pairs(&pairs),
        })
    })
    .collect()
}

fn inside(sets: &[&Aggregate]) -> Option<InsideSummary> {
    let with = |place: usize| {
        let dice_with =
            |set: &&Aggregate| set.inside.as_ref().and_then(|i| i.dice.get(place).copied());
        mean(sets.iter().filter_map(dice_with))
    };
    InsideSummary::from_dice((0..INSIDE_COUNTS.len()).filter_map(with).collect())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
