//! `quantization.html`: the tables with plots, in one file that needs no network.

use super::QuantizeReport;
use super::markdown::{HEADS, cells, summary};
use super::svg::{Bar, bars};
use crate::sensitivity::ranked;
use std::fmt::Write;

/// Bars of a plot: more could not be read.
const MAX_BARS: usize = 40;

const STYLE: &str = "body{font-family:sans-serif;margin:2em;max-width:76em;line-height:1.4}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.2em .6em;\
text-align:right}td:first-child,th:first-child{text-align:left}code{word-break:break-all}";

/// The page.
pub(super) fn html(report: &QuantizeReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = page(&mut text, report);
    text
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(text: &mut String, report: &QuantizeReport) -> std::fmt::Result {
    let title = format!("Quantization of {}", escape(&report.source));
    writeln!(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(text, "<title>{title}</title><style>{STYLE}</style></head><body>")?;
    writeln!(text, "<h1>{title}</h1>\n<ul>")?;
    for line in summary(report) {
        writeln!(text, "<li>{}</li>", escape(&line))?;
    }
    writeln!(text, "</ul>")?;
    if let Some(trial) = &report.sensitivity {
        let (dice, dice_drop) = (trial.result.dice, trial.result.dice_drop);
        writeln!(
            text,
            "<p>{} trial frames, with a point and with a box: mean Dice f32 {:.4}, int8 {dice:.4}, drop {dice_drop:.4}.</p>",
            trial.frames, trial.float_dice
        )?;
        let bar = |value: f64, name: &str| Bar { name: name.to_string(), value };
        let ranked = ranked(&trial.layers);
        let shown = || ranked.iter().take(MAX_BARS);
        if !ranked.is_empty() {
            let dice: Vec<_> =
                shown().map(|layer| bar(layer.result.dice_drop, &layer.name)).collect();
            let logits: Vec<_> =
                shown().map(|layer| bar(layer.result.logits_error, &layer.name)).collect();
            writeln!(text, "<h2>Each layer alone in 8 bits</h2>")?;
            writeln!(text, "<h3>Drop of mean Dice</h3>{}", bars(&dice, 5))?;
            writeln!(text, "<h3>Relative error of the logits</h3>{}", bars(&logits, 4))?;
        }
    }
    let mut noise: Vec<Bar> = report
        .layers
        .iter()
        .filter_map(|layer| {
            Some(Bar { name: layer.name.clone(), value: layer.numbers.output_sqnr_db? })
        })
        .collect();
    noise.sort_by(|a, b| a.value.total_cmp(&b.value));
    noise.truncate(MAX_BARS);
    writeln!(text, "<h2>Lowest signal-to-noise ratios of layers' outputs, dB</h2>")?;
    writeln!(text, "{}", bars(&noise, 1))?;
    writeln!(text, "<h2>Layers</h2>\n<table><tr>")?;
    for head in HEADS {
        write!(text, "<th>{head}</th>")?;
    }
    writeln!(text, "</tr>")?;
    for layer in &report.layers {
        let cells = cells(layer).map(|cell| format!("<td>{}</td>", escape(&cell.replace('`', ""))));
        writeln!(text, "<tr>{}</tr>", cells.concat())?;
    }
    writeln!(text, "</table>\n<h2>In float</h2>\n<ul>")?;
    for (name, reason) in &report.float {
        let reason = escape(&reason.to_string());
        writeln!(text, "<li><code>{}</code>: {reason}</li>", escape(name))?;
    }
    let toml = escape(&report.config.to_toml().unwrap_or_default());
    writeln!(text, "</ul>\n<h2>Configuration</h2>\n<pre>{toml}</pre>\n</body></html>")
}
