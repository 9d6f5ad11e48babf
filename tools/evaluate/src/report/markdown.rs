//! `report.md`: a table a set, for people.

use super::{Aggregate, Report, table};
use crate::markup::markdown_cell as cell;
use crate::{GRID_SIDE, NOC_CAP, Protocol, Stats};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Heads of the table's columns: the first three are text.
pub(super) fn heads(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::UniultraEdge => &HEADS,
        Protocol::Published => &PUBLISHED_HEADS,
    }
}

const HEADS: [&str; 11] = [
    "prompt",
    "model",
    "precision",
    "n",
    "Dice mean",
    "Dice median",
    "Dice p5",
    "IoU mean",
    "HD95 mean px",
    "HD95 mean mm",
    "HC error mean mm",
];

const PUBLISHED_HEADS: [&str; 9] = [
    "prompt",
    "model",
    "precision",
    "n",
    "Dice mean",
    "IoU mean",
    "Hausdorff mean px of 1024",
    "finite",
    "infinite",
];

/// The tables of a report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# {}\n\n", title(report));
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, report);
    text
}

fn write_all(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "{}\n", summary(report))?;
    if let Some(remarks) = remarks(report) {
        writeln!(text, "{remarks}\n")?;
    }
    writeln!(text, "| model | id | version | input | precision | encoder sha256 |")?;
    writeln!(text, "| --- | --- | --- | ---: | --- | --- |")?;
    for model in &report.models {
        let digits: String = model.image_encoder_sha256.chars().take(16).collect();
        writeln!(
            text,
            "| {} | {} | {} | {} px | {} | {digits} |",
            cell(&model.label),
            cell(&model.id),
            cell(&model.version),
            model.image_size,
            cell(&model.precision),
        )?;
    }
    for set in &report.settings.sets {
        writeln!(text, "\n## {}\n", cell(set))?;
        let lines: Vec<_> = report.aggregates.iter().filter(|line| line.set == *set).collect();
        let overlap: Vec<_> = lines.iter().filter(|line| line.dice.is_some()).collect();
        if !overlap.is_empty() {
            let heads = heads(report.settings.protocol);
            writeln!(text, "| {} |", heads.join(" | "))?;
            writeln!(text, "| --- | --- | --- |{}", " ---: |".repeat(heads.len() - 3))?;
            for line in overlap {
                let cells: Vec<String> =
                    cells(report, line).iter().map(|text| cell(text)).collect();
                writeln!(text, "| {} |", cells.join(" | "))?;
            }
        }
        clicks(text, report, &lines)?;
        for table in table::of_set(report, &lines) {
            table.write_markdown(text)?;
        }
        empty(text, report, &lines)?;
        if lines.is_empty() {
            writeln!(text, "No image was evaluated.")?;
        }
    }
    for (heading, tables) in table::of_groups(report) {
        writeln!(text, "\n## {heading}")?;
        tables.iter().try_for_each(|table| table.write_markdown(text))?;
    }
    if !report.problems.is_empty() {
        writeln!(text, "\n## Problems\n")?;
        for problem in &report.problems {
            writeln!(text, "- {}", problem.to_string().replace('\n', " "))?;
        }
    }
    Ok(())
}

/// The report's title, which names the protocol.
pub(super) fn title(report: &Report) -> String {
    format!("Evaluation, protocol {}", report.settings.protocol)
}

/// What the published protocol is, for who reads the figures.
pub(super) fn remarks(report: &Report) -> Option<String> {
    let sizes: BTreeSet<usize> = report.models.iter().map(|model| model.image_size).collect();
    let sizes: Vec<String> = sizes.iter().map(|size| format!("{size} x {size}")).collect();
    (report.settings.protocol == Protocol::Published).then(|| {
        format!(
            "The published protocol: a tight box for each 8-connected component and no points, one \
             mask a box, the boxes' logits summed, sigmoid 0.5 or more; Dice and IoU with 1 added \
             above and below the line, Hausdorff distance, all on a grid of {GRID_SIDE} x \
             {GRID_SIDE} pixels; means over images, infinite distances left out and counted. The \
             models saw images stretched to their own size, {} pixels; the published code stretches \
             to {GRID_SIDE} x {GRID_SIDE}. Images without an object are left out. The ellipses in \
             the true boxes, which need no model, are scored the same way. Where an image has several \
             objects, each box's logits count against the others: a model that was not trained on such \
             sums loses objects by it.",
            sizes.join(" and ")
        )
    })
}

/// What was run, in a sentence.
pub(super) fn summary(report: &Report) -> String {
    let settings = &report.settings;
    let images: BTreeSet<_> = report.rows.iter().map(|row| (&row.set, &row.stem)).collect();
    let limit = settings.limit.map_or_else(String::new, |k| format!(", at most {k} a set"));
    let parts = match report.shards.as_slice() {
        [one] if one.count() == 1 => String::new(),
        shards => {
            let names: Vec<_> = shards.iter().map(ToString::to_string).collect();
            format!(", shards {}", names.join(" "))
        }
    };
    format!(
        "Protocol {} {}, {}, split {}{limit}{parts}: {} images evaluated, {} problems.",
        settings.protocol,
        report.protocol,
        report.engine,
        settings.split,
        images.len(),
        report.problems.len()
    )
}

/// A line's cells, as in [`heads`].
pub(super) fn cells(report: &Report, line: &Aggregate) -> Vec<String> {
    let figure = |stats: Option<Stats>, pick: fn(&Stats) -> f64, digits: usize| {
        stats.map_or_else(String::new, |stats| format!("{:.digits$}", pick(&stats)))
    };
    let mean: fn(&Stats) -> f64 = |stats| stats.mean;
    let count = |stats: Option<Stats>| stats.map_or(0, |stats| stats.n).to_string();
    let precision = report.precision_of(&line.model).to_string();
    let mut cells = vec![line.prompt.clone(), line.model.clone(), precision, count(line.dice)];
    cells.push(figure(line.dice, mean, 4));
    if report.settings.protocol == Protocol::Published {
        cells.extend([figure(line.iou, mean, 4), figure(line.hausdorff_1024_px, mean, 2)]);
        cells.extend([count(line.hausdorff_1024_px), line.hausdorff_infinite.to_string()]);
        return cells;
    }
    cells.extend([
        figure(line.dice, |stats| stats.median, 4),
        figure(line.dice, |stats| stats.p5, 4),
        figure(line.iou, mean, 4),
        figure(line.hd95_px, mean, 2),
        figure(line.hd95_mm, mean, 2),
        figure(line.head_circumference_error_mm, mean, 2),
    ]);
    cells
}

fn clicks(text: &mut String, report: &Report, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.clicks.as_ref()?))).collect();
    let Some(most) = lines.iter().map(|(_, clicks)| clicks.dice.len()).max() else {
        return Ok(());
    };
    writeln!(text, "\nDice after each click; clicks needed for an IoU, at most {NOC_CAP}:\n")?;
    let heads: String = (1..=most).map(|click| format!(" {click} |")).collect();
    writeln!(text, "| prompt | model | precision | NoC@85 | NoC@90 |{heads}")?;
    writeln!(text, "| --- | --- | --- |{}", " ---: |".repeat(2 + most))?;
    for (line, clicks) in lines {
        let value = |click: usize| {
            clicks.dice.get(click).map_or_else(String::new, |dice| format!("{dice:.4}"))
        };
        let values: String = (0..most).map(|click| format!(" {} |", value(click))).collect();
        writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.2} |{values}",
            cell(&line.prompt),
            cell(&line.model),
            cell(report.precision_of(&line.model)),
            clicks.noc_85,
            clicks.noc_90
        )?;
    }
    Ok(())
}

fn empty(text: &mut String, report: &Report, lines: &[&Aggregate]) -> std::fmt::Result {
    let lines: Vec<_> = lines.iter().filter_map(|line| Some((line, line.empty?))).collect();
    if lines.is_empty() {
        return Ok(());
    }
    if report.settings.protocol == Protocol::Published {
        let count = lines.iter().map(|(_, empty)| empty.n).max().unwrap_or_default();
        return writeln!(text, "\n{count} images without an object are left out.");
    }
    writeln!(text, "\nImages without an object, asked about their centre:\n")?;
    writeln!(text, "| prompt | model | precision | n | false-positive rate of the object score |")?;
    writeln!(text, "| --- | --- | --- | ---: | ---: |")?;
    for (line, empty) in lines {
        let rate = empty
            .false_positive_rate
            .map_or_else(|| "no object score".to_string(), |rate| format!("{rate:.3}"));
        let [prompt, model, precision] =
            [&line.prompt, &line.model, report.precision_of(&line.model)].map(cell);
        writeln!(text, "| {prompt} | {model} | {precision} | {} | {rate} |", empty.n)?;
    }
    Ok(())
}
