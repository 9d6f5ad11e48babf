//! The report of a comparison: JSON for programs, Markdown and HTML for people.

mod contents;
mod document;
mod figures;
mod html;
mod markdown;
mod tables;

pub use markdown::markdown as comparison_markdown;

use crate::run::EmbeddingDistance;
use crate::summary::{embedding_lines, lines};
use crate::{
    CompareError, Compared, EmbeddingLine, Line, PackFacts, Pair, Picture, Side, Sides, Timing,
};
use serde::Serialize;
use std::io;
use std::path::Path;
use uniultra_engine::engine_name;
use uniultra_evaluate::{PROTOCOL, Problem, SplitPart, create_folder};
use uniultra_sink::write_atomically;

/// Says what the JSON file is.
const KIND: &str = "uniultra-comparison";

/// Version of the JSON file's layout.
pub const COMPARISON_VERSION: u32 = 1;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What this file is.
    pub kind: &'static str,
    /// Version of its layout.
    pub version: u32,
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
            kind: KIND,
            version: COMPARISON_VERSION,
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

    /// The text of `report.json`.
    ///
    /// # Errors
    /// An [`io::Error`] never, since every figure is finite and every key a text.
    pub fn to_json(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        Ok(text)
    }
}

/// Writes `report.json`, `report.md` and `report.html`, each complete or not at all.
///
/// # Errors
/// [`CompareError::Output`].
pub fn write_comparison(folder: &Path, comparison: &Comparison) -> Result<(), CompareError> {
    create_folder(folder)?;
    let text = |name: &str, text: String| {
        write_atomically(&folder.join(name), |w| w.write_all(text.as_bytes()))
    };
    text("report.md", markdown::markdown(comparison))?;
    text("report.html", html::html(comparison))?;
    // Last: where it is, the others are.
    write_atomically(&folder.join("report.json"), |w| {
        w.write_all(comparison.to_json()?.as_bytes())
    })?;
    Ok(())
}
