//! Summaries of rows.

use super::{Row, Settings};
use crate::baseline::BASELINE;
use crate::{Edges, INSIDE_COUNTS, ModelInfo, PromptKind, Stats};
use serde::{Deserialize, Serialize};

/// An object score from here on says that there is an object.
const PRESENT: f32 = 0.5;

/// One line of the tables: a set, a prompt and a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// The set.
    pub set: String,
    /// The prompt.
    pub prompt: String,
    /// Label of the model, or of the baseline.
    pub model: String,
    /// Dice over images with objects.
    pub dice: Option<Stats>,
    /// Intersection over union.
    pub iou: Option<Stats>,
    /// HD95 in pixels.
    pub hd95_px: Option<Stats>,
    /// HD95 in millimetres, over images of known pixel size.
    pub hd95_mm: Option<Stats>,
    /// Hausdorff distance of the published protocol, over images where it is finite.
    pub hausdorff_1024_px: Option<Stats>,
    /// Images where it is infinite.
    pub hausdorff_infinite: usize,
    /// How ragged the predictions are.
    pub edges: Option<EdgeSummary>,
    /// Absolute error of the head circumference.
    pub head_circumference_error_mm: Option<Stats>,
    /// Mean signed error of the head circumference: above 0 where heads come out too large.
    pub head_circumference_bias_mm: Option<f64>,
    /// Figures of interactive segmentation.
    pub clicks: Option<ClickSummary>,
    /// Figures of clicks inside the objects.
    pub inside: Option<InsideSummary>,
    /// Images whose mask is empty.
    pub empty: Option<EmptySummary>,
}

/// Figures of clicks inside the objects, given all at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InsideSummary {
    /// Numbers of clicks.
    pub clicks: Vec<usize>,
    /// Mean Dice with each number.
    pub dice: Vec<f64>,
    /// Dice with one click less the lowest with more: above 0 where further clicks hurt.
    pub largest_fall: f64,
}

impl InsideSummary {
    /// Of mean Dice with each of [`INSIDE_COUNTS`]; `None` without one.
    pub(super) fn from_dice(dice: Vec<f64>) -> Option<Self> {
        let (one, more) = dice.split_first()?;
        let lowest = more.iter().copied().reduce(f64::min)?;
        let largest_fall = one - lowest;
        let clicks = INSIDE_COUNTS.iter().copied().take(dice.len()).collect();
        Some(Self { clicks, dice, largest_fall })
    }
}

/// Figures of interactive segmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClickSummary {
    /// Mean Dice after each click.
    pub dice: Vec<f64>,
    /// Mean clicks an object needs for 85 % IoU, each capped at ten.
    pub noc_85: f64,
    /// The same for 90 % IoU.
    pub noc_90: f64,
}

/// How ragged predictions are: means over images with objects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeSummary {
    /// Perimeter over that of the truth, of predictions that are not empty.
    pub perimeter_ratio: Option<Stats>,
    /// Parts of a prediction.
    pub parts: f64,
    /// Parts of a truth.
    pub truth_parts: f64,
    /// Holes of a prediction.
    pub holes: f64,
    /// Holes of a truth.
    pub truth_holes: f64,
}

/// Images whose mask is empty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptySummary {
    /// Number of images.
    pub n: usize,
    /// Share of them that the object score takes for an object; `None` for a model without one.
    pub false_positive_rate: Option<f64>,
}

impl Aggregate {
    /// Whether a row belongs to this line.
    pub(crate) fn holds(&self, row: &Row) -> bool {
        row.set == self.set && row.prompt == self.prompt && row.model == self.model
    }
}

/// Every line that has rows: by set, in each the baseline and then the prompts in order, in each
/// the models in order.
pub(super) fn aggregates(
    settings: &Settings,
    models: &[ModelInfo],
    rows: &[Row],
) -> Vec<Aggregate> {
    let lines = lines(settings, models);
    let tables_of_set = |set: &String| {
        let line = |(prompt, model): &(String, String)| aggregate(set, prompt, model, rows);
        lines.iter().filter_map(line).collect::<Vec<_>>()
    };
    settings.sets.iter().flat_map(tables_of_set).collect()
}

/// Prompt and model of each line of a table: the baseline's first.
pub(super) fn lines(settings: &Settings, models: &[ModelInfo]) -> Vec<(String, String)> {
    let baseline = [(PromptKind::Box.to_string(), BASELINE.to_string())];
    let each = settings
        .prompts
        .iter()
        .flat_map(|prompt| models.iter().map(|model| (prompt.clone(), model.label.clone())));
    baseline.into_iter().chain(each).collect()
}

fn aggregate(set: &str, prompt: &str, model: &str, rows: &[Row]) -> Option<Aggregate> {
    let mine = |row: &&Row| row.set == set && row.prompt == prompt && row.model == model;
    let rows: Vec<&Row> = rows.iter().filter(mine).collect();
    let stats =
        |field: fn(&Row) -> Option<f32>| Stats::from_values(rows.iter().filter_map(|r| field(r)));
    (!rows.is_empty()).then(|| Aggregate {
        set: set.to_string(),
        prompt: prompt.to_string(),
        model: model.to_string(),
        dice: stats(|row| row.dice),
        iou: stats(|row| row.iou),
        hd95_px: stats(|row| row.hd95_px),
        hd95_mm: stats(|row| row.hd95_mm),
        hausdorff_1024_px: stats(|row| row.hausdorff_1024_px),
        edges: edges(&rows),
        hausdorff_infinite: rows.iter().filter(|row| row.hausdorff_infinite).count(),
        head_circumference_error_mm: stats(|row| row.head_circumference_error_mm.map(f32::abs)),
        head_circumference_bias_mm: stats(|row| row.head_circumference_error_mm)
            .map(|stats| stats.mean),
        clicks: clicks(&rows),
        inside: inside(&rows),
        empty: empty(&rows),
    })
}

fn edges(rows: &[&Row]) -> Option<EdgeSummary> {
    let found: Vec<Edges> = rows.iter().filter_map(|row| row.edges).collect();
    let mean = |count: fn(&Edges) -> usize| {
        let sum: usize = found.iter().map(count).sum();
        sum as f64 / found.len() as f64
    };
    (!found.is_empty()).then(|| EdgeSummary {
        perimeter_ratio: Stats::from_values(found.iter().filter_map(|edges| edges.perimeter_ratio)),
        parts: mean(|edges| edges.parts),
        truth_parts: mean(|edges| edges.truth_parts),
        holes: mean(|edges| edges.holes),
        truth_holes: mean(|edges| edges.truth_holes),
    })
}

fn clicks(rows: &[&Row]) -> Option<ClickSummary> {
    let rows: Vec<_> = rows.iter().filter(|row| !row.click_dice.is_empty()).collect();
    let steps = rows.iter().map(|row| row.click_dice.len()).min()?;
    let after = |step: usize| {
        let values = rows.iter().filter_map(|row| row.click_dice.get(step).copied());
        Stats::from_values(values).map(|stats| stats.mean)
    };
    let objects: usize = rows.iter().map(|row| row.objects).sum();
    let mean = |field: fn(&Row) -> Option<usize>| {
        let sum: usize = rows.iter().filter_map(|row| field(row)).sum();
        sum as f64 / objects as f64
    };
    Some(ClickSummary {
        dice: (0..steps).filter_map(after).collect(),
        noc_85: mean(|row| row.noc_85),
        noc_90: mean(|row| row.noc_90),
    })
}

fn inside(rows: &[&Row]) -> Option<InsideSummary> {
    let with =
        |place: usize| rows.iter().filter_map(move |row| row.inside_dice.get(place).copied());
    let means =
        (0..INSIDE_COUNTS.len()).filter_map(|place| Some(Stats::from_values(with(place))?.mean));
    InsideSummary::from_dice(means.collect())
}

fn empty(rows: &[&Row]) -> Option<EmptySummary> {
    let rows: Vec<_> = rows.iter().filter(|row| row.objects == 0).collect();
    let scores: Vec<f32> = rows.iter().filter_map(|row| row.object_score).collect();
    let alarms = scores.iter().filter(|&&score| score >= PRESENT).count();
    let rate = (!scores.is_empty()).then(|| alarms as f64 / scores.len() as f64);
    (!rows.is_empty()).then_some(EmptySummary { n: rows.len(), false_positive_rate: rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_fall_is_against_one_click() {
        let fall = |dice: [f64; 6]| InsideSummary::from_dice(dice.to_vec()).unwrap().largest_fall;
        // From 0.75 to 0.5, although 0.875 came between.
        assert_eq!(fall([0.75, 0.875, 0.5, 0.75, 0.75, 0.625]), 0.25);
        assert_eq!(fall([0.5, 0.625, 0.75, 0.75, 0.75, 0.75]), -0.125);
        assert_eq!(InsideSummary::from_dice(Vec::new()), None);
    }
}
