//! What the report says to people.

use super::{Aggregate, Report, plots, table};
use crate::picture::{BOTH, PREDICTION};
use crate::{GRID_SIDE, Picture, Protocol, TRUTH};
use std::collections::BTreeSet;
use uniultra_report::{Document, Gallery, LegendColor, Text};

/// The tables, which are the Markdown report and what the command prints.
#[must_use]
pub fn document(report: &Report) -> Document {
    build(report, None)
}

/// The page: the tables, plots, pictures of the worst, the median and the best masks, and the command.
pub(super) fn page(report: &Report, pictures: &[Picture]) -> Document {
    let mut page = build(report, Some(pictures));
    page.section("Command");
    for command in &report.commands {
        page.paragraph(Text::of_code(command.join(" ")));
    }
    page
}

fn build(report: &Report, pictures: Option<&[Picture]>) -> Document {
    let mut document = Document::new(format!("Evaluation, protocol {}", report.settings.protocol));
    document.paragraph(summary(report));
    if let Some(remarks) = remarks(report) {
        document.paragraph(remarks);
    }
    document.table(table::models(report, pictures.is_some()));
    for set in &report.settings.sets {
        document.section(set);
        let lines: Vec<_> = report.aggregates.iter().filter(|line| line.set == *set).collect();
        document.table(table::overlap(report, &lines));
        for (title, table) in table::tables_of_set(report, &lines) {
            document.paragraph(title);
            document.table(table);
        }
        if let Some(left_out) = left_out(report, &lines) {
            document.paragraph(left_out);
        }
        if lines.is_empty() {
            document.paragraph("No image was evaluated.");
        }
        for prompt in report.settings.prompts.iter().filter(|_| pictures.is_some()) {
            let plots_of_prompt = lines.iter().copied().filter(|line| line.prompt == *prompt);
            let lines: Vec<_> = plots_of_prompt.filter(|line| line.dice.is_some()).collect();
            add_prompt(&mut document, report, prompt, &lines, pictures.unwrap_or_default());
        }
    }
    for (heading, tables) in table::tables_of_groups(report) {
        document.section(heading);
        for (title, table) in tables {
            document.paragraph(title);
            document.table(table);
        }
    }
    if !report.problems.is_empty() {
        document.section("Problems");
        document.list(report.problems.iter().map(ToString::to_string));
    }
    document
}

fn add_prompt(
    document: &mut Document,
    report: &Report,
    prompt: &str,
    lines: &[&Aggregate],
    pictures: &[Picture],
) {
    if lines.is_empty() {
        return;
    }
    document.subsection(prompt);
    for plot in plots::plots_of_prompt(report, lines) {
        document.plot(plot);
    }
    for line in lines {
        let mine = |picture: &&Picture| {
            let Picture { set, prompt, model, .. } = picture;
            *set == line.set && *prompt == line.prompt && *model == line.model
        };
        let shown = pictures.iter().filter(mine).map(|picture| uniultra_report::Picture {
            path: picture.path.clone(),
            caption: format!("{}: {}, Dice {:.3}", picture.role, picture.stem, picture.dice),
        });
        let shown: Vec<_> = shown.collect();
        if shown.is_empty() {
            continue;
        }
        document.paragraph(Text::new().bold(&line.model));
        let legend = [(TRUTH, "truth"), (PREDICTION, "prediction"), (BOTH, "both")];
        let legend = legend.map(|(rgb, name)| LegendColor { rgb, name }).to_vec();
        document.gallery(Gallery { legend, pictures: shown, in_words: None });
    }
}

/// What the published protocol does not score.
fn left_out(report: &Report, lines: &[&Aggregate]) -> Option<String> {
    let count = lines.iter().filter_map(|line| Some(line.empty?.n)).max()?;
    let is_published = report.settings.protocol == Protocol::Published;
    is_published.then(|| format!("{count} images without an object are left out."))
}

/// What the published protocol is, for who reads the figures.
fn remarks(report: &Report) -> Option<String> {
    let sizes: BTreeSet<usize> =
        report.models.iter().map(|model| model.identity.image_size).collect();
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
fn summary(report: &Report) -> String {
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
