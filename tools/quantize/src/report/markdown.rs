//! `quantization.md`: tables for people.

use super::{LayerLine, QuantizeReport, SensitivityReport};
use crate::TrialResult;
use crate::sensitivity::ranked;
use std::fmt::Write;

/// Heads of the table of layers.
pub(super) const HEADS: [&str; 8] = [
    "layer",
    "in x out",
    "precision",
    "activations seen",
    "8-bit range",
    "input SQNR dB",
    "weights max",
    "output SQNR dB",
];

/// The report as Markdown.
pub(super) fn markdown(report: &QuantizeReport) -> String {
    let mut text = overview(report);
    // Writing to a string cannot fail.
    let _ = details(&mut text, report);
    text
}

/// The start of the report: what was done, and the trials of whole packs. The tables with a line
/// for each layer are in the files only.
#[must_use]
pub fn overview(report: &QuantizeReport) -> String {
    let mut text = String::new();
    let _ = write_overview(&mut text, report);
    text
}

fn write_overview(text: &mut String, report: &QuantizeReport) -> std::fmt::Result {
    writeln!(text, "# Quantization of `{}`\n", report.source)?;
    for line in summary(report) {
        writeln!(text, "- {line}")?;
    }
    match &report.sensitivity {
        Some(trial) => trials(text, trial),
        None => Ok(()),
    }
}

fn details(text: &mut String, report: &QuantizeReport) -> std::fmt::Result {
    if let Some(trial) = report.sensitivity.as_ref().filter(|trial| !trial.layers.is_empty()) {
        each_layer(text, trial)?;
    }
    writeln!(text, "\n## Layers\n\n| {} |", HEADS.join(" | "))?;
    writeln!(text, "| --- | ---: | --- |{}", " ---: |".repeat(HEADS.len() - 3))?;
    for layer in &report.layers {
        writeln!(text, "| {} |", cells(layer).join(" | "))?;
    }
    writeln!(text, "\n## In float\n")?;
    for (name, reason) in &report.float {
        writeln!(text, "- `{name}`: {reason}")?;
    }
    let toml = report.config.to_toml().unwrap_or_default();
    writeln!(text, "\n## Configuration\n\n```toml\n{toml}```")
}

/// What was done, in lines.
pub(super) fn summary(report: &QuantizeReport) -> Vec<String> {
    let total = |files: &[(u64, String); 2]| files.iter().map(|(bytes, _)| bytes).sum::<u64>();
    let int8 = report.layers.iter().filter(|layer| layer.int8).count();
    let [encoder, decoder] = report.crossings;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let attention = if report.integer_attention {
        "attention of the mask decoder (the image encoder's is in 8-bit integers)"
    } else {
        "attention products, softmax"
    };
    let ranges = if report.trained_ranges > 0 {
        format!("ranges of activations: {} layers' as trained", report.trained_ranges)
    } else {
        format!("LayerNorms equalised with the weights behind them: {}", report.equalized)
    };
    vec![
        format!(
            "{int8} of {} layers on 8-bit integers; {} layers in float",
            report.layers.len(),
            report.float.len()
        ),
        format!(
            "files: encoder {:.2} MB from {:.2} MB, decoder {:.2} MB from {:.2} MB, together {:.2} MB from {:.2} MB",
            megabytes(report.int8_files[0].0),
            megabytes(report.source_files[0].0),
            megabytes(report.int8_files[1].0),
            megabytes(report.source_files[1].0),
            megabytes(total(&report.int8_files)),
            megabytes(total(&report.source_files)),
        ),
        format!(
            "calibration: {} frames ({}), {} decoder runs, SHA-256 `{}`",
            report.calibration_images,
            report.calibration,
            report.calibration_prompts,
            report.calibration_sha256
        ),
        format!(
            "QuantizeLinear / DequantizeLinear / integer products left: encoder {} / {} / {}, decoder {} / {} / {}",
            encoder.quantize,
            encoder.dequantize,
            encoder.integer_products,
            decoder.quantize,
            decoder.dequantize,
            decoder.integer_products
        ),
        format!(
            "bit-identical on every processor: each integer product, for the same 8-bit input; in float, \
             and so equal to rounding only: {attention}, LayerNorm, GELU, residual sums, scales and biases"
        ),
        ranges,
    ]
}

fn trials(text: &mut String, trial: &SensitivityReport) -> std::fmt::Result {
    writeln!(text, "\n## Trials on {} frames, with a point and with a box\n", trial.frames)?;
    trial_head(text, "pack")?;
    writeln!(text, "| f32 | {:.4} | 0 | 0 | 0 | 0 |", trial.float_dice)?;
    trial_row(text, "int8, as written", &trial.result)?;
    for (count, result) in &trial.tried {
        trial_row(text, &format!("tried: {count} most sensitive layers in float"), result)?;
    }
    Ok(())
}

fn each_layer(text: &mut String, trial: &SensitivityReport) -> std::fmt::Result {
    writeln!(text, "\n### Each layer alone in 8 bits, the most sensitive first\n")?;
    trial_head(text, "layer")?;
    for layer in ranked(&trial.layers) {
        trial_row(text, &format!("`{}`", layer.name), &layer.result)?;
    }
    Ok(())
}

fn trial_head(text: &mut String, what: &str) -> std::fmt::Result {
    writeln!(
        text,
        "| {what} | mean Dice | drop | worst set and prompt | embedding error | logits error |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")
}

fn trial_row(text: &mut String, name: &str, result: &TrialResult) -> std::fmt::Result {
    writeln!(
        text,
        "| {name} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
        result.dice,
        result.dice_drop,
        result.worst_drop,
        result.embedding_error,
        result.logits_error
    )
}

/// A layer's cells, as in [`HEADS`].
pub(super) fn cells(layer: &LayerLine) -> [String; 8] {
    let numbers = &layer.numbers;
    [
        format!("`{}`", layer.name),
        format!("{} x {}", layer.inputs, layer.outputs),
        if layer.int8 { "int8" } else { "f32" }.to_string(),
        format!("{:.3} .. {:.3}", numbers.activation_min, numbers.activation_max),
        format!("{:.3}", numbers.activation_range),
        format!("{:.1}", numbers.activation_sqnr_db),
        format!("{:.3}", numbers.weight_max),
        numbers.output_sqnr_db.map_or_else(String::new, |db| format!("{db:.1}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::QuantizeConfig;
    use crate::graph::{Crossings, LayerKind, NetworkKind};
    use crate::numbers::LayerNumbers;
    use crate::sensitivity::LayerSensitivity;

    fn report() -> QuantizeReport {
        let network = NetworkKind::ImageEncoder;
        let result = TrialResult {
            dice: 0.75,
            dice_drop: 0.0,
            worst_drop: 0.0,
            embedding_error: 0.0,
            logits_error: 0.0,
        };
        let numbers = LayerNumbers {
            activation_min: -1.0,
            activation_max: 1.0,
            activation_range: 1.0,
            activation_sqnr_db: 40.0,
            weight_max: 0.5,
            weight_scales: [0.1, 0.2],
            output_sqnr_db: None,
        };
        let name = "blocks.0/attn/qkv".to_string();
        QuantizeReport {
            kind: QuantizeReport::KIND.into(),
            source: "pack".into(),
            source_files: [(8, String::new()), (4, String::new())],
            int8_files: [(2, String::new()), (1, String::new())],
            config: QuantizeConfig::default(),
            calibration: "phantoms".into(),
            calibration_images: 1,
            calibration_prompts: 2,
            calibration_sha256: String::new(),
            trained_ranges: 0,
            integer_attention: false,
            equalized: 0,
            crossings: [Crossings::default(); 2],
            layers: vec![LayerLine {
                name: name.clone(),
                network,
                kind: LayerKind::Linear,
                inputs: 16,
                outputs: 48,
                int8: true,
                numbers,
            }],
            float: Vec::new(),
            sensitivity: Some(SensitivityReport {
                frames: 1,
                float_dice: 0.75,
                result,
                layers: vec![LayerSensitivity { name, network, result }],
                tried: vec![(1, result)],
            }),
        }
    }

    #[test]
    fn the_overview_is_the_reports_start_and_lists_no_layer() {
        let report = report();
        let (overview, whole) = (overview(&report), markdown(&report));
        let rest = whole.strip_prefix(&overview).unwrap();
        assert!(overview.contains("1 of 1 layers") && overview.contains("| int8, as written |"));
        assert!(overview.contains("tried: 1 most sensitive") && !overview.contains("blocks.0"));
        assert!(rest.starts_with("\n### Each layer alone") && rest.contains("\n## Layers\n"));
    }
}
