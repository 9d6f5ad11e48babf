//! The report of a quantization: `quantization.json`, `.md` and `.html`.

mod contents;

pub use contents::overview as report_overview;

use crate::QuantizeError;
use crate::config::QuantizeConfig;
use crate::graph::{Crossings, FloatReason, LayerKind, NetworkKind};
use crate::numbers::LayerNumbers;
use crate::sensitivity::LayerSensitivity;
use crate::trial::TrialResult;
use serde::Serialize;
use std::path::Path;
use uniultra_report::{ReportFolder, json_text};
use uniultra_schema::{ModelIdentity, Report};

/// One layer that can be quantized.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LayerLine {
    /// Path in the graph.
    pub name: String,
    /// The network.
    pub network: NetworkKind,
    /// What it computes.
    pub kind: LayerKind,
    /// Inputs of one output channel.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Whether it is 8-bit in the pack.
    pub int8: bool,
    /// Ranges and errors.
    pub numbers: LayerNumbers,
}

/// What trials gave.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct SensitivityReport {
    /// Frames of a trial.
    pub frames: usize,
    /// Mean Dice of the f32 pack on them.
    pub float_dice: f64,
    /// The pack that was made.
    pub result: TrialResult,
    /// Each layer alone, in graph order; empty if that was not asked for.
    pub layers: Vec<LayerSensitivity>,
    /// Numbers of sensitive layers kept in float that were tried, and the results.
    pub tried: Vec<(usize, TrialResult)>,
}

/// Everything that is said of a quantization. It holds no times: equal runs give equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct QuantizeReport {
    /// The f32 pack. In JSON it is in the envelope.
    #[serde(skip)]
    pub source: ModelIdentity,
    /// Bytes and SHA-256 of its encoder and decoder.
    pub source_files: [(u64, String); 2],
    /// Bytes and SHA-256 of the int8 pack's.
    pub int8_files: [(u64, String); 2],
    /// The configuration in full.
    pub config: QuantizeConfig,
    /// Where the calibration frames come from.
    pub calibration: String,
    /// Frames used.
    pub calibration_images: usize,
    /// Decoder runs.
    pub calibration_prompts: usize,
    /// Hash of everything that went into the networks.
    pub calibration_sha256: String,
    /// Layers whose ranges were trained.
    pub trained_ranges: usize,
    /// Whether the image encoder's attention is in 8-bit integers, too.
    pub integer_attention: bool,
    /// LayerNorms that were equalised.
    pub equalized: usize,
    /// Nodes between float and 8 bits, of encoder and decoder.
    pub crossings: [Crossings; 2],
    /// Layers that can be quantized: the encoder's, then the decoder's.
    pub layers: Vec<LayerLine>,
    /// Layers in float and why.
    pub float: Vec<(String, FloatReason)>,
    /// What trials gave, if there were any.
    pub sensitivity: Option<SensitivityReport>,
}

impl Report for QuantizeReport {
    const SCHEMA: &'static str = "uniultra-quantization";
    const SCHEMA_VERSION: u32 = 2;
}

/// Writes the three files to `folder`, each complete or not at all.
///
/// # Errors
/// [`QuantizeError::Report`].
pub fn write_report(folder: &Path, report: &QuantizeReport) -> Result<(), QuantizeError> {
    let folder = ReportFolder::create(folder)?;
    let document = contents::document(report);
    folder.write("quantization.md", &document.to_markdown())?;
    folder.write("quantization.html", &document.to_html()?)?;
    Ok(folder.write("quantization.json", &json_text(Some(&report.source), report)?)?)
}
