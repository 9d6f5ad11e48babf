//! What the report says to people.

use super::{LayerLine, QuantizeReport, SensitivityReport};
use crate::TrialResult;
use crate::sensitivity::ranked;
use uniultra_report::number::{fixed, fixed_or_empty};
use uniultra_report::{Bar, BarChart, Document, Table, Text};

/// Bars of a plot: more could not be read.
const MAX_BARS: usize = 40;

/// The report as a document.
pub(super) fn document(report: &QuantizeReport) -> Document {
    let mut document = overview(report);
    if let Some(trial) = report.sensitivity.as_ref().filter(|trial| !trial.layers.is_empty()) {
        add_each_layer(&mut document, trial);
    }
    add_layers(&mut document, report);
    document.section("In float");
    let float = report.float.iter();
    document.list(float.map(|(name, reason)| Text::of_code(name).plain(format!(": {reason}"))));
    document.section("Configuration");
    document.code("toml", report.config.to_toml().unwrap_or_default());
    document
}

/// The start of the report: what was done, and the trials of whole packs. The tables with a line
/// for each layer are in the files only.
#[must_use]
pub fn overview(report: &QuantizeReport) -> Document {
    let mut document = Document::new(Text::from("Quantization of ").code(&report.source.id));
    document.list(summary(report));
    if let Some(trial) = &report.sensitivity {
        let title = format!("Trials on {} frames, with a point and with a box", trial.frames);
        document.section(title);
        let mut table = trial_table("pack");
        let float_dice = fixed(trial.float_dice, 4);
        table.row(["f32", float_dice.as_str(), "0", "0", "0", "0"]);
        add_trial(&mut table, "int8, as written".into(), &trial.result);
        for (count, result) in &trial.tried {
            let name = format!("tried: {count} most sensitive layers in float");
            add_trial(&mut table, name.into(), result);
        }
        document.table(table);
    }
    document
}

/// What was done, in lines.
fn summary(report: &QuantizeReport) -> Vec<Text> {
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
    let calibration = Text::from(format!(
        "calibration: {} frames ({}), {} decoder runs, SHA-256 ",
        report.calibration_images, report.calibration, report.calibration_prompts
    ));
    let calibration = calibration.code(&report.calibration_sha256);
    vec![
        Text::from(format!(
            "{int8} of {} layers on 8-bit integers; {} layers in float",
            report.layers.len(),
            report.float.len()
        )),
        Text::from(format!(
            "files: encoder {:.2} MB from {:.2} MB, decoder {:.2} MB from {:.2} MB, together {:.2} MB from {:.2} MB",
            megabytes(report.int8_files[0].0),
            megabytes(report.source_files[0].0),
            megabytes(report.int8_files[1].0),
            megabytes(report.source_files[1].0),
            megabytes(total(&report.int8_files)),
            megabytes(total(&report.source_files)),
        )),
        calibration,
        Text::from(format!(
            "QuantizeLinear / DequantizeLinear / integer products left: encoder {} / {} / {}, decoder {} / {} / {}",
            encoder.quantize,
            encoder.dequantize,
            encoder.integer_products,
            decoder.quantize,
            decoder.dequantize,
            decoder.integer_products
        )),
        Text::from(format!(
            "bit-identical on every processor: each integer product, for the same 8-bit input; in float, \
             and so equal to rounding only: {attention}, LayerNorm, GELU, residual sums, scales and biases"
        )),
        Text::from(ranges),
    ]
}

fn add_each_layer(document: &mut Document, trial: &SensitivityReport) {
    document.subsection("Each layer alone in 8 bits, the most sensitive first");
    let ranked = ranked(&trial.layers);
    let plot = |title: &str, decimals, value: fn(&TrialResult) -> f64| {
        let shown = ranked.iter().take(MAX_BARS);
        let bars = shown.map(|layer| bar(&layer.name, value(&layer.result))).collect();
        BarChart { title: title.to_string(), x_label: String::new(), bars, decimals }
    };
    document.plot(plot("Drop of mean Dice", 5, |result| result.dice_drop));
    document.plot(plot("Relative error of the logits", 4, |result| result.logits_error));
    let mut table = trial_table("layer");
    for layer in &ranked {
        add_trial(&mut table, Text::of_code(&layer.name), &layer.result);
    }
    document.table(table);
}

fn bar(name: &str, value: f64) -> Bar {
    Bar { name: name.to_string(), value, ..Bar::default() }
}

fn trial_table(what: &str) -> Table {
    let heads =
        [what, "mean Dice", "drop", "worst set and prompt", "embedding error", "logits error"];
    Table::new(1, heads)
}

fn add_trial(table: &mut Table, name: Text, result: &TrialResult) {
    let TrialResult { dice, dice_drop, worst_drop, embedding_error, logits_error } = *result;
    let figures = [dice, dice_drop, worst_drop, embedding_error, logits_error];
    let figures = figures.map(|figure| Text::from(fixed(figure, 4)));
    table.row(std::iter::once(name).chain(figures));
}

fn add_layers(document: &mut Document, report: &QuantizeReport) {
    document.section("Layers");
    let noise = |layer: &LayerLine| Some(bar(&layer.name, layer.numbers.output_sqnr_db?));
    let mut bars: Vec<Bar> = report.layers.iter().filter_map(noise).collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    bars.truncate(MAX_BARS);
    if !bars.is_empty() {
        let title = "Lowest signal-to-noise ratios of layers' outputs".to_string();
        document.plot(BarChart { title, x_label: "dB".to_string(), bars, decimals: 1 });
    }
    let mut table = Table::new(
        1,
        [
            "layer",
            "in x out",
            "precision",
            "activations seen",
            "8-bit range",
            "input SQNR dB",
            "weights max",
            "output SQNR dB",
        ],
    )
    .words_in(2);
    for layer in &report.layers {
        let numbers = &layer.numbers;
        let cells = [
            format!("{} x {}", layer.inputs, layer.outputs),
            if layer.int8 { "int8" } else { "f32" }.to_string(),
            format!("{:.3} .. {:.3}", numbers.activation_min, numbers.activation_max),
            format!("{:.3}", numbers.activation_range),
            format!("{:.1}", numbers.activation_sqnr_db),
            format!("{:.3}", numbers.weight_max),
            fixed_or_empty(numbers.output_sqnr_db, 1),
        ];
        let name = std::iter::once(Text::of_code(&layer.name));
        table.row(name.chain(cells.map(Text::from)));
    }
    document.table(table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::QuantizeConfig;
    use crate::graph::{Crossings, LayerKind, NetworkKind};
    use crate::numbers::LayerNumbers;
    use crate::sensitivity::LayerSensitivity;
    use uniultra_schema::ModelIdentity;

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
            source: ModelIdentity {
                id: "pack".into(),
                version: "1".into(),
                precision: "f32".into(),
                image_size: 64,
                image_encoder_sha256: String::new(),
                mask_decoder_sha256: String::new(),
                checkpoint_sha256: String::new(),
                origin: uniultra_schema::ModelOrigin::pack(),
            },
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
        let (overview, whole) = (overview(&report).to_markdown(), document(&report).to_markdown());
        let rest = whole.strip_prefix(&overview).unwrap();
        assert!(overview.contains("1 of 1 layers") && overview.contains("| int8, as written |"));
        assert!(overview.contains("tried: 1 most sensitive") && !overview.contains("blocks.0"));
        assert!(rest.starts_with("\n### Each layer alone") && rest.contains("\n## Layers\n"));
    }
}
