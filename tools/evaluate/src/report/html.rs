//! `report.html`: the tables, two plots a set and prompt, and pictures of the worst, the median and
//! the best. It needs no network; pictures lie in the folder beside it.

use super::markdown::{cells, heads, remarks, summary, title};
use super::svg::{Axes, Series, distribution, plot};
use super::{Aggregate, Report, table};
use crate::markup::{PAGE_STYLE, html_address, html_text};
use crate::{NOC_CAP, Picture, Protocol};
use std::fmt::Write;

/// Of a table's columns, the first three are text.
const LEFT: &str = "td:nth-child(-n+3),th:nth-child(-n+3){text-align:left}";

/// The page.
pub(super) fn html(report: &Report, pictures: &[Picture]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = page(&mut text, report, pictures);
    text
}

fn page(text: &mut String, report: &Report, pictures: &[Picture]) -> std::fmt::Result {
    writeln!(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(text, "<title>{}</title>", html_text(&title(report)))?;
    writeln!(text, "<style>{PAGE_STYLE}{LEFT}</style></head><body>")?;
    writeln!(text, "<h1>{}</h1>", html_text(&title(report)))?;
    for words in [Some(summary(report)), remarks(report)].into_iter().flatten() {
        writeln!(text, "<p>{}</p>", html_text(&words))?;
    }
    for model in &report.models {
        writeln!(
            text,
            "<p><b>{}</b>: {} {}, {} px, {}<br>encoder <code>{}</code><br>decoder <code>{}</code></p>",
            html_text(&model.label),
            html_text(&model.id),
            html_text(&model.version),
            model.image_size,
            html_text(&model.precision),
            html_text(&model.image_encoder_sha256),
            html_text(&model.mask_decoder_sha256),
        )?;
    }
    for set in &report.settings.sets {
        let lines: Vec<_> = report.aggregates.iter().filter(|line| line.set == *set).collect();
        writeln!(text, "<h2>{}</h2>", html_text(set))?;
        table(text, report, &lines)?;
        empty(text, report, &lines)?;
        for table in table::of_set(report, &lines) {
            table.write_html(text)?;
        }
        for prompt in &report.settings.prompts {
            let lines: Vec<_> =
                lines.iter().copied().filter(|line| line.prompt == *prompt).collect();
            section(text, report, prompt, &lines, pictures)?;
        }
    }
    for (heading, tables) in table::of_groups(report) {
        writeln!(text, "<h2>{}</h2>", html_text(&heading))?;
        tables.iter().try_for_each(|table| table.write_html(text))?;
    }
    if !report.problems.is_empty() {
        writeln!(text, "<h2>Problems</h2><ul>")?;
        for problem in &report.problems {
            writeln!(text, "<li>{}</li>", html_text(&problem.to_string()))?;
        }
        writeln!(text, "</ul>")?;
    }
    writeln!(text, "<h2>Command</h2>")?;
    for command in &report.commands {
        writeln!(text, "<p><code>{}</code></p>", html_text(&command.join(" ")))?;
    }
    writeln!(text, "</body></html>")
}

fn table(text: &mut String, report: &Report, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> = lines.iter().filter(|line| line.dice.is_some()).collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "<table><tr><th>{}</th></tr>",
        heads(report.settings.protocol).join("</th><th>")
    )?;
    for line in lines {
        let cells: Vec<String> = cells(report, line).iter().map(|cell| html_text(cell)).collect();
        writeln!(text, "<tr><td>{}</td></tr>", cells.join("</td><td>"))?;
    }
    writeln!(text, "</table>")
}

fn empty(text: &mut String, report: &Report, lines: &[&Aggregate]) -> std::fmt::Result {
    for line in lines {
        let Some(empty) = line.empty else { continue };
        if report.settings.protocol == Protocol::Published {
            writeln!(text, "<p>{} images without an object are left out.</p>", empty.n)?;
            continue;
        }
        let rate = match empty.false_positive_rate {
            Some(rate) => format!("false-positive rate of the object score {rate:.3}"),
            None => "no object score".to_string(),
        };
        let (model, prompt, n) = (html_text(&line.model), html_text(&line.prompt), empty.n);
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
    writeln!(text, "<h3>{}</h3>", html_text(prompt))?;
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
    inside(text, &with_dice)?;
    for line in with_dice {
        let mine = |picture: &&Picture| {
            let Picture { set, prompt, model, .. } = picture;
            *set == line.set && *prompt == line.prompt && *model == line.model
        };
        let pictures: Vec<_> = pictures.iter().filter(mine).collect();
        if pictures.is_empty() {
            continue;
        }
        let model = html_text(&line.model);
        writeln!(text, "<p>{model}: truth green, prediction magenta, both white</p>")?;
        for picture in pictures {
            let (path, stem) = (html_address(&picture.path), html_text(&picture.stem));
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

fn inside(text: &mut String, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.inside.as_ref()?))).collect();
    let Some((_, first)) = lines.first() else { return Ok(()) };
    let marks = first.clicks.iter().map(|&count| count as f64).collect();
    let series: Vec<Series> = lines
        .iter()
        .map(|(line, inside)| Series {
            name: format!("{}: largest fall {:.4}", line.model, inside.largest_fall),
            points: inside.clicks.iter().zip(&inside.dice).map(|(&n, &d)| [n as f64, d]).collect(),
        })
        .collect();
    let axes = Axes {
        x_label: "clicks inside, all at once",
        y_label: "mean Dice",
        x_marks: marks,
        y_marks: (0..=4).map(|i| f64::from(i) / 4.0).collect(),
    };
    writeln!(text, "{}", plot(&axes, &series))
}
