//! The report of a comparison: JSON for programs, a document for people.

mod contents;
mod tables;

pub use contents::document as comparison_document;

use crate::run::EmbeddingDistance;
use crate::summary::{embedding_lines, lines};
use crate::{
    CompareError, Compared, EmbeddingLine, Line, PackFacts, Pair, Picture, Side, Sides, Timing,
};
use serde::Serialize;
use std::path::Path;
use uniultra_engine::engine_name;
use uniultra_evaluate::{PROTOCOL, Problem, SplitPart};
use uniultra_report::{REPORT_FILE, ReportFolder, json_text};
use uniultra_schema::Report;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Settings {
    /// Seed of the phantoms, where no data were given.
    pub phantom_seed: Option<u64>,
    /// Which part of each set.
    pub split: SplitPart,
    /// Sets, sorted.
    pub sets: Vec<String>,
    /// Prompts, in the order of the tables.
    pub prompts: Vec<String>,
    /// How the mask was chosen among the decoder's four: `single` or `multimask`.
    pub mask_choice: String,
    /// Most images of a set.
    pub limit: Option<usize>,
}

/// `report.json`. All but `timing` is the same every time.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Comparison {
    /// Version of the protocol of the figures.
    pub protocol: u32,
    /// What ran the packs.
    pub engine: &'static str,
    /// What was asked.
    pub settings: Settings,
    /// Whether A and B compute the same: one network each, one preprocessing.
    pub one_model: bool,
    /// What the packs hold.
    pub packs: Sides<PackFacts>,
    /// Distances of embeddings, a line a set; empty where the packs' image sizes differ.
    pub embeddings: Vec<EmbeddingLine>,
    /// Accuracy and agreement, a line a set and prompt.
    pub lines: Vec<Line>,
    /// Pictures beside the report.
    pub pictures: Vec<Picture>,
    /// What could not be used.
    pub problems: Vec<Problem>,
    /// Every image and prompt.
    pub images: Vec<Pair>,
    /// Every image's distance of embeddings.
    pub image_embeddings: Vec<EmbeddingDistance>,
    /// Speed on this machine; absent where it was not measured.
    pub timing: Option<Timing>,
}

impl Report for Comparison {
    const SCHEMA: &'static str = "uniultra-comparison";
    const SCHEMA_VERSION: u32 = 2;
}

impl Comparison {
    /// Summarises what was found; sorts the problems.
    #[must_use]
    pub fn new(
        settings: Settings,
        sides: &Sides<Side>,
        compared: Compared,
        pictures: Vec<Picture>,
        timing: Option<Timing>,
    ) -> Self {
        let Compared { pairs, embeddings, mut problems } = compared;
        problems.sort_unstable();
        problems.dedup();
        Self {
            protocol: PROTOCOL,
            engine: engine_name(),
            one_model: sides.are_one_model(),
            packs: sides.map(|side| side.facts.clone()),
            embeddings: embedding_lines(&settings.sets, &embeddings),
            lines: lines(&settings.sets, &settings.prompts, &pairs),
            settings,
            pictures,
            problems,
            images: pairs,
            image_embeddings: embeddings,
            timing,
        }
    }
}

/// Writes `report.json`, `report.md` and `report.html`, each complete or not at all.
///
/// # Errors
/// [`CompareError::Files`].
pub fn write_comparison(folder: &Path, comparison: &Comparison) -> Result<(), CompareError> {
    let folder = ReportFolder::create(folder)?;
    let document = contents::document(comparison);
    folder.write("report.md", &document.to_markdown())?;
    folder.write("report.html", &document.to_html()?)?;
    // Last: where it is, the others are.
    Ok(folder.write(REPORT_FILE, &json_text(None, comparison)?)?)
}
