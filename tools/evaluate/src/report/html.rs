//! `report.html`: the tables, two plots a set and prompt, and pictures of the worst, the median and
//! the best. It needs no network; pictures lie in the folder beside it.

use super::markdown::{HEADS, cells, summary};
use super::svg::{Axes, Series, distribution, plot};
use super::{Aggregate, Report};
use crate::{NOC_CAP, Picture};
use std::fmt::Write;

const STYLE: &str = "body{font-family:sans-serif;margin:2em;max-width:76em;line-height:1.4}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.2em .6em;\
text-align:right}td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}\
figure{display:inline-block;margin:.4em;vertical-align:top}figure img{max-width:22em;height:auto;\
display:block}figcaption{font-size:.85em}code{word-break:break-all}";

/// The page.
pub(super) fn html(report: &Report, pictures: &[Picture]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = page(&mut text, report, pictures);
    text
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A relative path as a link: characters that mean something in links are encoded.
fn address(path: &str) -> String {
    path.replace('%', "%25").replace('#', "%23").replace('?', "%3F")
}

fn page(text: &mut String, report: &Report, pictures: &[Picture]) -> std::fmt::Result {
    writeln!(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(text, "<title>Evaluation</title><style>{STYLE}</style></head><body>")?;
    writeln!(text, "<h1>Evaluation</h1>\n<p>{}</p>", escape(&summary(report)))?;
    for model in &report.models {
        writeln!(
            text,
            "<p><b>{}</b>: {} {}, {} px, {}<br>encoder <code>{}</code><br>decoder <code>{}</code></p>",
            escape(&model.label),
            escape(&model.id),
            escape(&model.version),
            model.image_size,
            escape(&model.precision),
            escape(&model.image_encoder_sha256),
            escape(&model.mask_decoder_sha256),
        )?;
    }
    for set in &report.settings.sets {
        let lines: Vec<_> = report.aggregates.iter().filter(|line| line.set == *set).collect();
        writeln!(text, "<h2>{}</h2>", escape(set))?;
        table(text, &lines)?;
        empty(text, &lines)?;
        for prompt in &report.settings.prompts {
            let lines: Vec<_> =
                lines.iter().copied().filter(|line| line.prompt == *prompt).collect();
            section(text, report, prompt, &lines, pictures)?;
        }
    }
    if !report.problems.is_empty() {
        writeln!(text, "<h2>Problems</h2><ul>")?;
        for problem in &report.problems {
            writeln!(text, "<li>{}</li>", escape(&problem.to_string()))?;
        }
        writeln!(text, "</ul>")?;
    }
    writeln!(text, "<h2>Command</h2>")?;
    for command in &report.commands {
        writeln!(text, "<p><code>{}</code></p>", escape(&command.join(" ")))?;
    }
    writeln!(text, "</body></html>")
}

fn table(text: &mut String, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> = lines.iter().filter(|line| line.dice.is_some()).collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, "<table><tr><th>{}</th></tr>", HEADS.join("</th><th>"))?;
    for line in lines {
        let cells = cells(line).map(|cell| escape(&cell));
        writeln!(text, "<tr><td>{}</td></tr>", cells.join("</td><td>"))?;
    }
    writeln!(text, "</table>")
}

fn empty(text: &mut String, lines: &[&Aggregate]) -> std::fmt::Result {
    for line in lines {
        let Some(empty) = line.empty else { continue };
        let rate = match empty.false_positive_rate {
            Some(rate) => format!("false-positive rate of the object score {rate:.3}"),
            None => "no object score".to_string(),
        };
        let (model, prompt, n) = (escape(&line.model), escape(&line.prompt), empty.n);
        writeln!(text, "<p>{model}, {prompt}: {n} images without an object, {rate}</p>")?;
    }
    Ok(())
}

fn section(
    text: &mut String,
    report: &Report,
    prompt: &str,
    lines: &[&Aggregate],
    pictures: &[Picture],
) -> std::fmt::Result {
    let with_dice: Vec<_> = lines.iter().copied().filter(|line| line.dice.is_some()).collect();
    if with_dice.is_empty() {
        return Ok(());
    }
    writeln!(text, "<h3>{}</h3>", escape(prompt))?;
    let quarters = || (0..=4).map(|i| f64::from(i) / 4.0).collect::<Vec<_>>();
    let series = |line: &&Aggregate| {
        let values: Vec<f32> = report.rows_of(line).filter_map(|row| row.dice).collect();
        Series { name: line.model.clone(), points: distribution(&values) }
    };
    let axes = Axes {
        x_label: "Dice",
        y_label: "share of images at or below",
        x_marks: quarters(),
        y_marks: quarters(),
    };
    writeln!(text, "{}", plot(&axes, &with_dice.iter().map(series).collect::<Vec<_>>()))?;
    clicks(text, &with_dice)?;
    for line in with_dice {
        let mine = |picture: &&Picture| {
            let Picture { set, prompt, model, .. } = picture;
            *set == line.set && *prompt == line.prompt && *model == line.model
        };
        let pictures: Vec<_> = pictures.iter().filter(mine).collect();
        if pictures.is_empty() {
            continue;
        }
        let model = escape(&line.model);
        writeln!(text, "<p>{model}: truth green, prediction magenta, both white</p>")?;
        for picture in pictures {
            let (path, stem) = (escape(&address(&picture.path)), escape(&picture.stem));
            let caption = format!("{}: {stem}, Dice {:.3}", picture.role, picture.dice);
            writeln!(
                text,
                "<figure><img src=\"{path}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
            )?;
        }
    }
    Ok(())
}

fn clicks(text: &mut String, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.clicks.as_ref()?))).collect();
    let Some(most) = lines.iter().map(|(_, clicks)| clicks.dice.len()).max() else {
        return Ok(());
    };
    let series: Vec<Series> = lines
        .iter()
        .map(|(line, clicks)| Series {
            name: format!(
                "{}: NoC@85 {:.2}, NoC@90 {:.2} (at most {NOC_CAP})",
                line.model, clicks.noc_85, clicks.noc_90
            ),
            points: (1..).zip(&clicks.dice).map(|(i, &dice)| [f64::from(i), dice]).collect(),
        })
        .collect();
    let axes = Axes {
        x_label: "clicks",
        y_label: "mean Dice",
        x_marks: (1..=most.max(2)).map(|click| click as f64).collect(),
        y_marks: (0..=4).map(|i| f64::from(i) / 4.0).collect(),
    };
    writeln!(text, "{}", plot(&axes, &series))
}
