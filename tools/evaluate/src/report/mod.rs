//! The report: what was asked, every row, and the summaries.

mod aggregate;
mod contents;
mod csv;
mod overview;
mod plots;
mod table;

pub use aggregate::{Aggregate, ClickSummary, EdgeSummary, EmptySummary, InsideSummary};
pub use contents::document as report_document;
pub use overview::{Group, Overview};

use crate::{
    Case, Edges, EvaluateError, IouPair, ModelInfo, PROTOCOL, Picture, Problem, Protocol, Shard,
    SplitPart,
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use uniultra_engine::engine_name;
use uniultra_report::{REPORT_FILE, ReportFolder, json_text};
use uniultra_schema::{Document, ModelIdentity};

/// What was asked: reports with other settings or models are other runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The protocol's name: how images were prompted and scored.
    pub protocol: Protocol,
    /// Which part of each set.
    pub split: SplitPart,
    /// Sets, sorted.
    pub sets: Vec<String>,
    /// Those of them whose means are apart from the others'.
    pub transfer: Vec<String>,
    /// Prompts, in the order of the tables.
    pub prompts: Vec<String>,
    /// How the mask was chosen among the decoder's four: `single` or `multimask`.
    pub mask_choice: String,
    /// Most images of a set.
    pub limit: Option<usize>,
}

/// One image, prompt and model. Absent figures do not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The set.
    pub set: String,
    /// The image.
    pub stem: String,
    /// Label of the model, or of the baseline.
    pub model: String,
    /// The prompt.
    pub prompt: String,
    /// Number of objects; 0 where the mask is empty.
    pub objects: usize,
    /// Area of the truth, in pixels of the image, or of the published protocol's grid.
    pub truth_px: usize,
    /// Area of the prediction, likewise.
    pub prediction_px: usize,
    /// Area of the truth in square millimetres; not in the published protocol.
    pub truth_mm2: Option<f32>,
    /// Area of the prediction, likewise.
    pub prediction_mm2: Option<f32>,
    /// Dice coefficient; with 1 added above and below the line in the published protocol.
    pub dice: Option<f32>,
    /// Intersection over union, likewise.
    pub iou: Option<f32>,
    /// 95th percentile of the symmetric surface distance, in pixels.
    pub hd95_px: Option<f32>,
    /// The same in millimetres.
    pub hd95_mm: Option<f32>,
    /// Hausdorff distance on the grid of the published protocol, in its pixels; absent in the other
    /// protocol, and where it is infinite.
    pub hausdorff_1024_px: Option<f32>,
    /// Whether that distance is infinite: the prediction is empty.
    pub hausdorff_infinite: bool,
    /// How ragged the prediction is; not in the published protocol.
    pub edges: Option<Edges>,
    /// Circumference of the ellipse fitted to the prediction.
    pub head_circumference_mm: Option<f32>,
    /// That less the published one.
    pub head_circumference_error_mm: Option<f32>,
    /// Predicted IoU of each object's mask and the IoU it reached with that object; of prompts that
    /// follow one another, the last. None for the baseline and in the published protocol.
    pub iou_pairs: Vec<IouPair>,
    /// Lowest object score among the objects, or that of an image without one.
    pub object_score: Option<f32>,
    /// Dice after each click.
    pub click_dice: Vec<f32>,
    /// Dice with each of [`INSIDE_COUNTS`](crate::INSIDE_COUNTS) clicks inside the objects.
    pub inside_dice: Vec<f32>,
    /// Clicks needed for 85 % IoU, the sum over the objects, each capped.
    pub noc_85: Option<usize>,
    /// Clicks needed for 90 % IoU, likewise.
    pub noc_90: Option<usize>,
}

impl Row {
    /// A row without figures.
    pub(crate) fn new(case: &Case, prompt: String, model: String) -> Self {
        Self {
            set: case.set.clone(),
            stem: case.stem.clone(),
            model,
            prompt,
            objects: 0,
            truth_px: 0,
            prediction_px: 0,
            truth_mm2: None,
            prediction_mm2: None,
            dice: None,
            iou: None,
            hd95_px: None,
            hd95_mm: None,
            hausdorff_1024_px: None,
            hausdorff_infinite: false,
            edges: None,
            head_circumference_mm: None,
            head_circumference_error_mm: None,
            iou_pairs: Vec::new(),
            object_score: None,
            click_dice: Vec::new(),
            inside_dice: Vec::new(),
            noc_85: None,
            noc_90: None,
        }
    }
}

/// `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// Version of the protocols; `settings` says which one was followed.
    pub protocol: u32,
    /// What ran the models.
    pub engine: String,
    /// The command line; of a merged report, those of its parts.
    pub commands: Vec<Vec<String>>,
    /// The shards that are in here.
    pub shards: Vec<Shard>,
    /// What was asked.
    pub settings: Settings,
    /// The models, in the order of the tables.
    pub models: Vec<ModelInfo>,
    /// Summaries, one a set, prompt and model.
    pub aggregates: Vec<Aggregate>,
    /// Means over sets.
    pub overviews: Vec<Overview>,
    /// What could not be used.
    pub problems: Vec<Problem>,
    /// One row an image, model and prompt.
    pub rows: Vec<Row>,
}

impl uniultra_schema::Report for Report {
    const SCHEMA: &'static str = "uniultra-evaluation";
    const SCHEMA_VERSION: u32 = 2;
}

impl Report {
    /// A report of rows and problems; sorts the problems and makes the summaries.
    #[must_use]
    pub fn new(
        settings: Settings,
        models: Vec<ModelInfo>,
        commands: Vec<Vec<String>>,
        shards: Vec<Shard>,
        rows: Vec<Row>,
        mut problems: Vec<Problem>,
    ) -> Self {
        problems.sort_unstable();
        problems.dedup();
        let aggregates = aggregate::aggregates(&settings, &models, &rows);
        Self {
            protocol: PROTOCOL,
            engine: engine_name().to_string(),
            commands,
            shards,
            overviews: overview::overviews(&settings, &models, &aggregates, &rows),
            aggregates,
            settings,
            models,
            problems,
            rows,
        }
    }

    /// Reads a report; `path` is the file or its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, EvaluateError> {
        let path = if path.is_dir() { path.join(REPORT_FILE) } else { path.to_path_buf() };
        let refuse = |reason| EvaluateError::Report { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path)
            .map_err(|source| EvaluateError::Read { path: path.clone(), source })?;
        let document =
            Document::<Self>::from_json(&text).map_err(|error| refuse(error.to_string()))?;
        match document.report {
            report if report.protocol == PROTOCOL => Ok(report),
            report => {
                let found = report.protocol;
                Err(refuse(format!("expected protocols of version {PROTOCOL}, found {found}")))
            }
        }
    }

    /// Precision of the model of that label; empty for the baseline.
    pub(crate) fn precision_of(&self, label: &str) -> &str {
        let model = self.models.iter().find(|model| model.label == label);
        model.map_or("", |model| model.identity.precision.as_str())
    }

    /// The model, if there is only one.
    fn only_model(&self) -> Option<&ModelIdentity> {
        match self.models.as_slice() {
            [model] => Some(&model.identity),
            _ => None,
        }
    }

    /// Rows of one table line, in order.
    pub(crate) fn rows_of<'a>(&'a self, line: &'a Aggregate) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(|row| line.holds(row))
    }
}

/// Writes `report.json`, `images.csv`, `report.md` and `report.html`, each complete or not at all.
///
/// # Errors
/// [`EvaluateError::Files`].
pub fn write_report(
    folder: &Path,
    report: &Report,
    pictures: &[Picture],
) -> Result<(), EvaluateError> {
    let folder = ReportFolder::create(folder)?;
    folder.write("images.csv", &csv::csv(report)?)?;
    folder.write("report.md", &contents::document(report).to_markdown())?;
    folder.write("report.html", &contents::page(report, pictures).to_html()?)?;
    // Last: where it is, all the others are.
    Ok(folder.write(REPORT_FILE, &json_text(report.only_model(), report)?)?)
}
