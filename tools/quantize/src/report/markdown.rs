//! `quantization.md`: tables for people.

use super::{LayerLine, QuantizeReport, SensitivityReport};
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
#[must_use]
pub fn markdown(report: &QuantizeReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, report);
    text
}

fn write_all(text: &mut String, report: &QuantizeReport) -> std::fmt::Result {
    writeln!(text, "# Quantization of `{}`\n", report.source)?;
    for line in summary(report) {
        writeln!(text, "- {line}")?;
    }
    if let Some(trial) = &report.sensitivity {
        sensitivity(text, trial)?;
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

fn sensitivity(text: &mut String, trial: &SensitivityReport) -> std::fmt::Result {
    writeln!(text, "\n## Trials on {} frames, with a point and with a box\n", trial.frames)?;
    writeln!(
        text,
        "| pack | mean Dice | drop | worst set and prompt | embedding error | logits error |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    writeln!(text, "| f32 | {:.4} | 0 | 0 | 0 | 0 |", trial.float_dice)?;
    let row = |name: &str, result: &crate::TrialResult| {
        format!(
            "| {name} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
            result.dice,
            result.dice_drop,
            result.worst_drop,
            result.embedding_error,
            result.logits_error
        )
    };
    writeln!(text, "{}", row("int8, as written", &trial.result))?;
    for (count, result) in &trial.tried {
        let name = format!("tried: {count} most sensitive layers in float");
        writeln!(text, "{}", row(&name, result))?;
    }
    if trial.layers.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n### Each layer alone in 8 bits, the most sensitive first\n")?;
    writeln!(
        text,
        "| layer | mean Dice | drop | worst set and prompt | embedding error | logits error |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    for layer in ranked(&trial.layers) {
        writeln!(text, "{}", row(&format!("`{}`", layer.name), &layer.result))?;
    }
    Ok(())
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
