//! The report: figures of every method and sequence, as JSON and as a page.

use crate::{Figures, FrameScore, Method, Sequence};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use uniultra_report::number::{fixed, fixed_or_empty};
use uniultra_report::{
    Axes, Document, LinePlot, REPORT_FILE, ReportError, ReportFolder, Series, Table, json_text,
};
use uniultra_schema::{ModelIdentity, Report};

/// One method on all sequences.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MethodReport {
    /// The method.
    pub method: Method,
    /// All sequences together.
    pub figures: Figures,
    /// Each sequence.
    pub sequences: Vec<SequenceReport>,
}

/// One method on one sequence.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SequenceReport {
    /// The sequence.
    pub name: String,
    /// Its figures.
    pub figures: Figures,
    /// Its frames.
    pub frames: Vec<FrameScore>,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TrackReport {
    /// Each method; the live session first.
    pub methods: Vec<MethodReport>,
}

impl Report for TrackReport {
    const SCHEMA: &'static str = "uniultra-track";
    const SCHEMA_VERSION: u32 = 1;
}

impl MethodReport {
    /// The report of a method from its scores, in the order of the sequences.
    #[must_use]
    pub fn new(method: Method, sequences: &[Sequence], scores: Vec<Vec<FrameScore>>) -> Self {
        let sequences: Vec<SequenceReport> = sequences
            .iter()
            .zip(scores)
            .map(|(sequence, frames)| SequenceReport {
                name: sequence.name.clone(),
                figures: Figures::from_scores(&frames),
                frames,
            })
            .collect();
        let all: Vec<Figures> = sequences.iter().map(|s| s.figures.clone()).collect();
        Self { method, figures: Figures::together(&all), sequences }
    }

    /// Mean Dice of the sequences on each frame on which an object is visible.
    fn dice_over_time(&self) -> Vec<[f64; 2]> {
        let frames = self.sequences.iter().map(|s| s.frames.len()).max().unwrap_or_default();
        let mean = |frame: usize| {
            let scores = self.sequences.iter().filter_map(|s| s.frames.get(frame));
            let visible: Vec<f64> =
                scores.filter(|score| score.visible).map(|score| f64::from(score.dice)).collect();
            let mean = visible.iter().sum::<f64>() / visible.len().max(1) as f64;
            (!visible.is_empty()).then_some([frame as f64, mean])
        };
        (0..frames).filter_map(mean).collect()
    }
}

/// The report as a document.
#[must_use]
pub fn track_document(report: &TrackReport) -> Document {
    let mut document = Document::new("Objects followed through sequences");
    document.paragraph(
        "Each object of the first frame is tapped once, in its middle; nobody helps after that. Dice is the mean \
         of the frames on which an object is visible. An object is lost when Dice stays below 0.5 for 5 frames. \
         False continuation is the share of the frames without an object that have a mask all the same.",
    );
    let heads = |first: &str| {
        [
            first,
            "Dice",
            "frames until lost",
            "false continuation",
            "absent frames",
            "found again",
            "returns",
        ]
        .map(String::from)
    };
    let cells = |name: String, f: &Figures| {
        [
            name,
            fixed_or_empty(f.mean_dice, 3),
            fixed(f.frames_until_lost, 1),
            fixed_or_empty(f.false_continuation, 3),
            f.absent_frames.to_string(),
            fixed_or_empty(f.found_again, 2),
            f.returns.to_string(),
        ]
    };
    let mut table = Table::new(1, heads("method"));
    for method in &report.methods {
        table.row(cells(method.method.to_string(), &method.figures));
    }
    document.table(table);
    document.plot(LinePlot {
        title: "Dice over time, mean of the sequences".to_string(),
        axes: Axes {
            x_label: "frame".to_string(),
            y_label: "Dice".to_string(),
            x_marks: marks(report),
            y_marks: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        },
        series: report
            .methods
            .iter()
            .map(|m| Series { name: m.method.to_string(), points: m.dice_over_time() })
            .collect(),
    });
    if let Some(live) = report.methods.first() {
        document.section(format!("Sequences, {}", live.method));
        let mut table = Table::new(1, heads("sequence"));
        for sequence in &live.sequences {
            table.row(cells(sequence.name.clone(), &sequence.figures));
        }
        document.table(table);
    }
    document
}

/// Round numbers of frames, up to the longest sequence.
fn marks(report: &TrackReport) -> Vec<f64> {
    let lengths = report.methods.iter().flat_map(|m| &m.sequences).map(|s| s.frames.len());
    let longest = lengths.max().unwrap_or(1);
    let step = if longest > 100 { 50 } else { 10 };
    (0..=longest.div_ceil(step)).map(|mark| (mark * step) as f64).collect()
}

/// Writes `report.json`, `report.md` and `report.html`.
///
/// # Errors
/// [`ReportError`].
pub fn write_track(
    folder: &Path,
    model: &ModelIdentity,
    report: &TrackReport,
) -> Result<(), ReportError> {
    let document = track_document(report);
    let folder = ReportFolder::create(folder)?;
    folder.write("report.md", &document.to_markdown())?;
    folder.write("report.html", &document.to_html()?)?;
    folder.write(REPORT_FILE, &json_text(Some(model), report)?)
}
